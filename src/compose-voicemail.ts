import { createRecorder, type Recorder } from './bots/voicemail/recorder/recorder.ts'
import { createVoicemail, type Voicemail, type VoicemailDeps } from './bots/voicemail/voicemail.ts'
import type { Core } from './context.ts'

type Parts = Omit<VoicemailDeps, keyof Core | 'recorder'>

/** What is asked, recorded and delivered after calls in vain. */
export function composeVoicemail(core: Core, parts: Parts): { recorder: Recorder; voicemail: Voicemail } {
  const { bots, media } = core.config
  const { enabled: isEnabled, max_length: maxLengthMs } = bots.voicemail
  const options = { isEnabled, maxLengthMs, maxUpload: media.max_upload }
  const recorder = createRecorder({ ...core, ...parts, options })
  parts.accounts.onDeactivate(recorder.links.userDeactivated)
  return { recorder, voicemail: createVoicemail({ ...core, ...parts, recorder }) }
}
