import { createReadStream } from 'node:fs'
import type { Tx } from '../../../db/database.ts'
import type { UserId } from '../../../matrix/ids.ts'
import { formatMxc, type MediaRef } from '../../../matrix/mxc.ts'
import type { Media } from '../../../media/media.ts'
import type { SpooledFile } from '../../../media/spool.ts'
import { fileNames, type StoredPoster, videoContent, voiceContent } from './content.ts'
import type { ConvertedRecording, VideoRecording } from './convert/converted.ts'
import type { Link } from './links.ts'
import type { Sending } from './sending.ts'
import type { NoteKind } from './types.ts'

/** What a note is beside its recording. */
export interface Particulars {
  readonly kind: NoteKind
  readonly caption: string | undefined
  /** The message that it was left as. */
  readonly source?: string | undefined
}

export interface Keeper {
  /** Puts a recording into the media repository, and in the same transaction keeps the note to be sent. Disposes of the files. */
  keep(link: Link, recording: ConvertedRecording, particulars: Particulars, signal: AbortSignal): Promise<void>
}

const types = { voice: 'audio/ogg', video: 'video/mp4' } as const

export function createKeeper({
  media,
  sending,
}: {
  media: Pick<Media, 'uploads' | 'downloads' | 'inspector'>
  sending: Sending
}): Keeper {
  function upload(
    userId: UserId,
    { file, ...info }: { file: SpooledFile; contentType: string; fileName: string | undefined },
    signal: AbortSignal,
    keep: (tx: Tx, ref: MediaRef) => Promise<void>,
  ): Promise<MediaRef> {
    const open = () => createReadStream(file.path)
    const incoming = { ...info, announcedSize: file.size, stripMetadata: false, isOwnWork: true, signal, open }
    return media.uploads.uploadWith(userId, incoming, keep)
  }

  async function storePoster(link: Link, { poster }: VideoRecording, signal: AbortSignal): Promise<StoredPoster> {
    const file = { file: poster, contentType: 'image/jpeg', fileName: undefined }
    const ref = await upload(link.userId, file, signal, (tx, made) => sending.made(tx, link.noteId, made))
    const { blob } = await media.downloads.find(ref, { timeoutMs: 0, allowRemote: false, signal })
    const { blurhash } = await media.inspector.facts(blob, signal)
    return { mxc: formatMxc(ref), size: poster.size, blurhash }
  }

  async function store(link: Link, recording: ConvertedRecording, particulars: Particulars, signal: AbortSignal) {
    const { userId: caller, noteId, callId, roomId } = link
    const { caption, source } = particulars
    const { kind, durationMs, file } = recording
    const poster = kind === 'video' ? await storePoster(link, recording, signal) : undefined
    const info = { file, contentType: types[kind], fileName: fileNames[kind] }
    await upload(caller, info, signal, async (tx, ref) => {
      const stored = { mxc: formatMxc(ref), size: file.size }
      const content =
        recording.kind === 'video' && poster
          ? videoContent(stored, poster, recording, caption)
          : recording.kind === 'voice' && voiceContent(stored, recording, caption)
      if (!content) throw new Error('a video has no poster')
      const note = { noteId, callId, roomId, caller, kind, mxc: stored.mxc, content, durationMs }
      await sending.made(tx, noteId, ref)
      await sending.keep(tx, source === undefined ? note : { ...note, source })
    })
  }

  return {
    keep: async (link, recording, particulars, signal) => {
      await using files = new AsyncDisposableStack()
      files.use(recording.file)
      if (recording.kind === 'video') files.use(recording.poster)
      try {
        await store(link, recording, particulars, signal)
      } catch (error) {
        await sending.giveUp(link.noteId)
        throw error
      }
    },
  }
}
