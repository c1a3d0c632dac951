import type { Database } from '../../../db/database.ts'
import { errors } from '../../../matrix/errors.ts'
import { parseMxc } from '../../../matrix/mxc.ts'
import type { Media } from '../../../media/media.ts'
import type { SpooledFile } from '../../../media/spool.ts'
import { findRecording } from '../open-recording.ts'
import { faults } from './convert/faults.ts'
import type { Particulars } from './keeper.ts'
import type { Link, Links } from './links.ts'
import { type Receipt, type Sending, usedLink } from './sending.ts'
import type { NoteKind } from './types.ts'

/** A voice or video message that is meant to be the note of a prompt. */
export interface MessageNote {
  readonly promptId: string
  /** The message: however often it is handed over, one note is sent. */
  readonly source: string
  readonly mxc: string
  readonly kind: NoteKind
  readonly caption?: string | undefined
  readonly signal: AbortSignal
}

export interface MessageSourceDeps {
  readonly db: Database
  readonly media: Pick<Media, 'downloads' | 'served' | 'spool'>
  readonly links: Links
  readonly sending: Sending
  inTurn<T>(link: Link, task: () => Promise<T>): Promise<T>
  largest(kind: NoteKind, link: Link): number
  makeNote(
    file: SpooledFile,
    find: () => Promise<Link | undefined>,
    particulars: Particulars & { noteId: string },
    signal: AbortSignal,
  ): Promise<Receipt>
}

export function createMessageSource(deps: MessageSourceDeps) {
  const { db, media, links, sending, inTurn, largest, makeNote } = deps

  async function spoolMedia(mxc: string, most: number, signal: AbortSignal): Promise<SpooledFile> {
    if (!parseMxc(mxc)) throw faults.unreadable()
    const { size, open } = await findRecording(media, mxc, { timeoutMs: 20_000, allowRemote: true, signal })
    if (size > most) throw errors.tooLarge('The recording is too large')
    if (size === 0) throw faults.empty()
    return media.spool.write(await open())
  }

  return {
    leave: async ({ promptId, source, mxc, kind, caption, signal }: MessageNote): Promise<Receipt> => {
      const find = () => db.read((reader) => links.findByPrompt(reader, promptId, source))
      const link = await find()
      if (!link) throw usedLink()
      if (link.state !== 'open') {
        const receipt = await sending.send(link.noteId)
        if (receipt) return receipt
      }
      return inTurn(link, async () => {
        await using file = await spoolMedia(mxc, largest(kind, link), signal)
        return await makeNote(file, find, { noteId: link.noteId, kind, caption, source }, signal)
      })
    },
  }
}
