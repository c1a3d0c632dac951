import { createNoteArchive, type NoteArchive } from './bots/voicemail/archive/archive.ts'
import { createRecorder, type Recorder } from './bots/voicemail/recorder/recorder.ts'
import { createVoicemail, type Voicemail, type VoicemailDeps } from './bots/voicemail/voicemail.ts'
import type { Core } from './context.ts'

type Parts = Omit<VoicemailDeps, keyof Core | 'recorder'>

interface Composed {
  readonly recorder: Recorder
  readonly voicemail: Voicemail
  readonly noteArchive: NoteArchive
}

/** What is asked, recorded and delivered after calls in vain. */
export function composeVoicemail(core: Core, parts: Parts): Composed {
  const { bots, media } = core.config
  const { enabled: isEnabled, max_length: maxLengthMs } = bots.voicemail
  const options = { isEnabled, maxLengthMs, maxUpload: media.max_upload }
  const recorder = createRecorder({ ...core, ...parts, options })
  parts.accounts.onDeactivate(recorder.links.userDeactivated)
  const voicemail = createVoicemail({ ...core, ...parts, recorder })
  return { recorder, voicemail, noteArchive: createNoteArchive({ ...core, ...parts }) }
}
