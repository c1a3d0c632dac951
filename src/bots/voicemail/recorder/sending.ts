import type { Database, Tx } from '../../../db/database.ts'
import type { Jobs } from '../../../jobs/jobs.ts'
import { errors, MatrixError } from '../../../matrix/errors.ts'
import type { EventId, RoomId } from '../../../matrix/ids.ts'
import { formatMxc, type MediaRef, parseMxc } from '../../../matrix/mxc.ts'
import type { Media } from '../../../media/media.ts'
import type { Clock } from '../../../util/clock.ts'
import { createKeyedMutex } from '../../../util/keyed-mutex.ts'
import type { Log } from '../../../util/log.ts'
import {
  deleteLinks,
  getLinkByNote,
  getLinkByPrompt,
  type LinkRow,
  listEndedLinks,
  moveLink,
  setLinkMedia,
} from './store-links.ts'
import type { DeliverNote, FinishedNote, SentNote } from './types.ts'

export interface SendingDeps {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly jobs: Pick<Jobs, 'enqueue' | 'cancel' | 'handle' | 'schedule'>
  readonly media: Pick<Media, 'discard'>
  readonly deliver: DeliverNote
}

export interface Receipt extends SentNote {
  readonly durationMs: number
}

/** The way of a finished note: it is kept with its link, and from then on it is sent, once, whatever happens. */
export interface Sending {
  /** Media was made for a link's note: it goes where the note is not sent. */
  made(tx: Tx, noteId: string, ref: MediaRef): Promise<void>
  /** Takes a link for a note that is to be sent. Throws `M_FORBIDDEN` where the link has been used meanwhile. */
  keep(tx: Tx, note: FinishedNote): Promise<void>
  /**
   * Sends the note that was kept, unless it has been. Undefined where there is none. Throws a `MatrixError` below 500 where
   * it cannot be sent: it is deleted, and the link works again.
   */
  send(noteId: string): Promise<Receipt | undefined>
  /** Deletes what was made for a note that is not going to be kept. */
  giveUp(noteId: string): Promise<void>
}

const sendJob = 'voicemail.send note'
const cleanJob = 'voicemail.clean links'
const pageSize = 100
/** The request that brought a note sends it; the job does it where that ended in the middle. In ms. */
const jobDelayMs = 2_000
/** Links that have ended are known for so long, in ms. */
const keptMs = 24 * 3_600_000

export function createSending({ db, clock, log, jobs, media, deliver }: SendingDeps): Sending {
  const sendings = createKeyedMutex()

  async function send(noteId: string): Promise<Receipt | undefined> {
    const row = await db.read((reader) => getLinkByNote(reader, noteId))
    if (row?.note == null) return undefined
    const note = JSON.parse(row.note) as FinishedNote
    const { durationMs } = note
    const known = receiptOf(row)
    if (known) return { ...known, durationMs }
    try {
      const sent = await deliver(note)
      await db.write('voicemail: note sent', async (tx) => {
        await moveLink(tx, noteId, { from: 'ready', to: 'used', event_id: sent.eventId, sent_room_id: sent.roomId })
        await jobs.cancel(tx, sendJob, noteId)
      })
      return { ...sent, durationMs }
    } catch (error) {
      if (isFinal(error)) await takeBack(noteId)
      throw error
    }
  }

  async function takeBack(noteId: string): Promise<void> {
    await db.write('voicemail: note refused', async (tx) => {
      const row = await getLinkByNote(tx, noteId)
      if (!row || !(await moveLink(tx, noteId, { from: 'ready', to: 'open', note: null }))) return
      await jobs.cancel(tx, sendJob, noteId)
      await discard(tx, row)
    })
  }

  async function discard(tx: Tx, { note_id: noteId, media: made }: LinkRow): Promise<void> {
    await media.discard(tx, refsOf(made))
    await setLinkMedia(tx, noteId, '[]')
  }

  const sendOnce = (noteId: string) => sendings.run(noteId, () => send(noteId))

  jobs.handle(
    sendJob,
    async ({ note }) => {
      try {
        await sendOnce(String(note))
      } catch (error) {
        if (!isFinal(error)) throw error
        log.info({ err: error }, 'a note could not be sent')
      }
    },
    { atOnce: 4 },
  )

  jobs.handle(cleanJob, async (_payload, signal) => {
    for (;;) {
      signal.throwIfAborted()
      const ended = await db.write('voicemail: clean links', async (tx) => {
        const rows = await listEndedLinks(tx, clock.now() - keptMs, pageSize)
        for (const row of rows) if (row.state !== 'used') await media.discard(tx, refsOf(row.media))
        await deleteLinks(
          tx,
          rows.map((row) => row.note_id),
        )
        return rows.length
      })
      if (ended < pageSize) return
    }
  })
  jobs.schedule('23 * * * *', cleanJob)

  return {
    made: async (tx, noteId, ref) => {
      const row = await getLinkByNote(tx, noteId)
      if (row?.state !== 'open') throw usedLink()
      await setLinkMedia(tx, noteId, JSON.stringify([...refsOf(row.media), ref].map(formatMxc)))
    },
    keep: async (tx, note) => {
      const { noteId } = note
      const row = await getLinkByNote(tx, noteId)
      const other = row && (await getLinkByPrompt(tx, row.prompt_id))
      // A prompt may have several links, and gets one note.
      if (other?.note != null) throw usedLink()
      if (!(await moveLink(tx, noteId, { from: 'open', to: 'ready', note: JSON.stringify(note) }))) throw usedLink()
      await jobs.enqueue(tx, sendJob, { note: noteId }, { key: noteId, runAt: clock.now() + jobDelayMs })
    },
    send: sendOnce,
    giveUp: async (noteId) => {
      await db.write('voicemail: note given up', async (tx) => {
        const row = await getLinkByNote(tx, noteId)
        if (row && row.state !== 'ready' && row.state !== 'used') await discard(tx, row)
      })
    },
  }
}

export const usedLink = () =>
  errors.forbidden('This link does not work any more: it has been used, or its time is over')

/** Trying again would not help. */
function isFinal(error: unknown): boolean {
  return error instanceof MatrixError && error.status < 500 && error.status !== 429
}

function receiptOf({ state, event_id: eventId, sent_room_id: roomId }: LinkRow): SentNote | undefined {
  if (state !== 'used' || eventId === null || roomId === null) return undefined
  // Written above.
  return { eventId: eventId as EventId, roomId: roomId as RoomId }
}

function refsOf(json: string): MediaRef[] {
  return (JSON.parse(json) as string[]).flatMap((uri) => parseMxc(uri) ?? [])
}
