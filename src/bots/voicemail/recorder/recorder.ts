import type { Accounts } from '../../../accounts/accounts.ts'
import type { Database } from '../../../db/database.ts'
import { limitedPieces } from '../../../http/read-body.ts'
import type { Jobs } from '../../../jobs/jobs.ts'
import { errors } from '../../../matrix/errors.ts'
import type { UserId } from '../../../matrix/ids.ts'
import type { Media } from '../../../media/media.ts'
import type { SpooledFile } from '../../../media/spool.ts'
import type { TimerClock } from '../../../util/clock.ts'
import { createKeyedMutex } from '../../../util/keyed-mutex.ts'
import type { Log } from '../../../util/log.ts'
import { createConverter } from './convert/converter.ts'
import { largestRecording } from './convert/limits.ts'
import { createKeeper, type Particulars } from './keeper.ts'
import { createLinks, type Link, type Links } from './links.ts'
import { createMessageSource, type MessageNote } from './message-source.ts'
import { createSending, type Receipt, usedLink } from './sending.ts'
import { type DeliverNote, type NoteKind, noteKinds } from './types.ts'

/** A recording as a browser sends it. */
export interface IncomingRecording {
  /** Of the call where nothing else is said. */
  readonly kind: NoteKind | undefined
  readonly caption: string | undefined
  /** In bytes, as the browser has announced it. */
  readonly announcedSize: string | undefined
  readonly signal: AbortSignal
  /** Called once it is known that the recording may come. */
  open(): AsyncIterable<Uint8Array>
}

/** Takes recordings after missed calls, and makes notes of them. */
export interface Recorder {
  readonly links: Links
  /** What the page behind a link must know; undefined where the link does not work. Looking does not use it up. */
  look(token: string): Promise<RecorderView | undefined>
  /**
   * Converts a recording and sends it as the note of a link. Throws `M_FORBIDDEN` for a link that does not work,
   * `M_TOO_LARGE`, `M_INVALID_PARAM` for what is too long or no recording, and what the delivery throws; a link that did not
   * send its note works on.
   */
  receive(token: string, recording: IncomingRecording): Promise<Receipt>
  /** The same for a message that somebody left in the chat of the prompt; however often it is called, it is sent once. */
  fromMessage(message: MessageNote): Promise<Receipt>
  /** Who delivers notes; before it is known, they wait. */
  useDelivery(deliver: DeliverNote): void
}

export interface RecorderView {
  readonly link: Link
  /** How long the link works on, in ms. */
  readonly remainingMs: number
  /** In bytes. */
  readonly largest: Readonly<Record<NoteKind, number>>
  /** Whether any recording can be converted. */
  readonly canConvert: boolean
}

export interface RecorderDeps {
  readonly db: Database
  readonly clock: TimerClock
  readonly log: Log
  readonly jobs: Pick<Jobs, 'enqueue' | 'cancel' | 'handle' | 'schedule'>
  readonly accounts: Pick<Accounts, 'users'>
  readonly media: Media
  readonly options: {
    readonly isEnabled: boolean
    readonly maxLengthMs: number
    /** In bytes. */
    readonly maxUpload: number
  }
}

/** Uploads for one link that may be under way: one that is lost may not have ended yet when the next one comes. */
const mostAtOnce = 2

export function createRecorder(deps: RecorderDeps): Recorder {
  const { db, clock, log, media, options } = deps
  const { maxLengthMs, maxUpload, isEnabled } = options
  const links = createLinks({ clock, maxLengthMs })
  let deliver: DeliverNote = () => Promise.reject(errors.unknown(503, 'Notes cannot be delivered yet'))
  const sending = createSending({ ...deps, deliver: (note) => deliver(note) })
  const converter = createConverter({ spool: media.spool, ffmpeg: media.ffmpeg, log })
  const keeper = createKeeper({ media, sending })
  const turns = createKeyedMutex()
  const underWay = new Map<string, number>()

  const find = (token: string) => (isEnabled ? db.read((reader) => links.find(reader, token)) : undefined)

  /** One note at a time is made for a link. */
  async function inTurn<T>({ noteId }: Link, task: () => Promise<T>): Promise<T> {
    const count = (underWay.get(noteId) ?? 0) + 1
    if (count > mostAtOnce) throw errors.limitExceeded(5_000, 'A recording is on its way already')
    underWay.set(noteId, count)
    try {
      return await task()
    } finally {
      const left = (underWay.get(noteId) ?? 1) - 1
      if (left === 0) underWay.delete(noteId)
      else underWay.set(noteId, left)
    }
  }

  /** `find` is asked again when the turn has come: somebody may have used the link meanwhile. */
  async function makeNote(
    file: SpooledFile,
    find: () => Promise<Link | undefined>,
    { noteId, ...particulars }: Particulars & { noteId: string },
    signal: AbortSignal,
  ): Promise<Receipt> {
    return turns.run(noteId, async () => {
      const link = await find()
      if (!link) throw usedLink()
      if (link.state === 'open') {
        const { kind } = particulars
        const converted = await converter.convert(file, { kind, maxLengthMs: link.maxLengthMs, signal })
        await keeper.keep(link, converted, particulars, signal)
      }
      const receipt = await sending.send(noteId)
      if (!receipt) throw usedLink()
      return receipt
    })
  }

  const largest = (kind: NoteKind, link: Link) => largestRecording(kind, link.maxLengthMs, maxUpload)

  const messages = createMessageSource({ db, media, links, sending, makeNote, largest, inTurn })

  return {
    links,
    look: async (token) => {
      const link = await find(token)
      if (!link) return undefined
      const [voice, video] = noteKinds.map((kind) => largest(kind, link))
      return {
        link,
        remainingMs: link.expiresTs - clock.now(),
        largest: { voice: voice ?? 0, video: video ?? 0 },
        canConvert: converter.canConvert,
      }
    },
    receive: async (token, { kind: asked, caption, announcedSize, signal, open }) => {
      const link = await find(token)
      if (!link) throw usedLink()
      await requireActive(link.userId)
      return inTurn(link, async () => {
        const kind = asked ?? link.kind
        await using file = await media.spool.write(limitedPieces(open(), announcedSize, largest(kind, link)))
        // Its time was not over when the recording came.
        const again = () => db.read((reader) => links.findStarted(reader, link.noteId))
        return await makeNote(file, again, { noteId: link.noteId, kind, caption }, signal)
      })
    },
    fromMessage: messages.leave,
    useDelivery: (use) => {
      deliver = use
    },
  }

  async function requireActive(userId: UserId): Promise<void> {
    await db.read((reader) => deps.accounts.users.requireActive(reader, userId))
  }
}
