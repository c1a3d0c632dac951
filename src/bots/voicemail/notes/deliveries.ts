import type { Accounts } from '../../../accounts/accounts.ts'
import type { Database, Tx } from '../../../db/database.ts'
import { isUserId, serverOf, type UserId } from '../../../matrix/ids.ts'
import { type Recipient, serverOfRecipient } from '../../../media/delivery/recipients.ts'
import type { AnswerHook } from '../../../sync/sync.ts'
import type { Log } from '../../../util/log.ts'
import type { Part } from '../../../util/part.ts'
import type { Notes } from './notes.ts'
import { playsWhatItFetches } from './play-triggered.ts'
import { listNotesOfMedia, listReceiversWaiting, listSent, listSentTo, type NoteRow } from './store-notes.ts'

/** Sees how notes reach those whom they are for. */
export interface Deliveries {
  /** Somebody here has a note that has not reached them. */
  waits(userId: string): void
  /** A device of somebody here has been told everything up to a position. */
  readonly answered: AnswerHook
  /** Another server has taken everything up to a position. */
  taken(tx: Tx, server: string, upTo: number): Promise<void>
  fetched(tx: Tx, file: { mxc: string; recipient: Recipient; device: string }): Promise<void>
  /** Recordings have been deleted. */
  deleted(tx: Tx, mxcs: readonly string[]): Promise<void>
  idle(): Promise<void>
  readonly part: Part
}

interface Deps {
  readonly db: Database
  readonly log: Log
  readonly accounts: Pick<Accounts, 'devices'>
  readonly notes: Pick<Notes, 'advance'>
}

export function createDeliveries({ db, log, accounts, notes }: Deps): Deliveries {
  /** For whom the table has notes that are not delivered; most syncs are of others, and ask nothing. */
  const waiting = new Set<string>()
  const underWay = new Set<Promise<void>>()

  async function deliver(receiver: string, position: number): Promise<void> {
    await db.write('notes delivered', async (tx) => {
      for (const note of await listSent(tx, receiver, position)) await notes.advance(tx, note, 'delivered')
      const rest = await listSent(tx, receiver, Number.MAX_SAFE_INTEGER)
      if (rest.length === 0) tx.afterCommit(() => waiting.delete(receiver))
    })
  }

  async function isPlaying(tx: Tx, { receiver }: NoteRow, device: string): Promise<boolean> {
    const found = (await accounts.devices.list(tx, receiver as UserId)).find(({ deviceId }) => deviceId === device)
    return playsWhatItFetches(found?.lastSeenUserAgent)
  }

  return {
    waits: (userId) => void waiting.add(userId),
    answered: (userId, position) => {
      if (!waiting.has(userId)) return
      const writing = deliver(userId, position)
        .catch((err: unknown) => log.warn({ err }, 'it was not written down that a note was delivered'))
        .finally(() => underWay.delete(writing))
      underWay.add(writing)
    },
    taken: async (tx, server, upTo) => {
      for (const note of await listSentTo(tx, server, upTo)) await notes.advance(tx, note, 'delivered')
    },
    fetched: async (tx, { mxc, recipient, device }) => {
      for (const note of await listNotesOfMedia(tx, mxc)) {
        const { receiver } = note
        const server = serverOfRecipient(recipient)
        const isTheirs =
          server === undefined ? recipient === receiver : isUserId(receiver) && serverOf(receiver) === server
        if (!isTheirs) continue
        const isPlayed = server === undefined && (await isPlaying(tx, note, device))
        await notes.advance(tx, note, isPlayed ? 'played' : 'fetched')
      }
    },
    deleted: async (tx, mxcs) => {
      for (const mxc of mxcs)
        for (const note of await listNotesOfMedia(tx, mxc)) await notes.advance(tx, note, 'deleted')
    },
    idle: async () => {
      await Promise.all(underWay)
    },
    part: {
      name: 'voicemail',
      start: async () => {
        for (const receiver of await db.read(listReceiversWaiting)) waiting.add(receiver)
      },
      stop: async () => {
        await Promise.all(underWay)
      },
    },
  }
}
