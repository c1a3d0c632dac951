import type { Accounts } from '../../../accounts/accounts.ts'
import type { Database } from '../../../db/database.ts'
import type { NoteState } from '../../../db/schema/bots.ts'
import type { UserId } from '../../../matrix/ids.ts'
import type { RoomReads } from '../../../rooms/reads.ts'
import type { CallKind } from '../../../voip/calls/types.ts'
import { memberName } from '../member-name.ts'
import type { KeepNote } from './keeping.ts'
import type { Notes } from './notes.ts'
import { listReceived } from './store-notes.ts'
import type { NoteViews } from './views.ts'

/** A note in the inbox of whom it was left for. */
export interface InboxNote {
  /** Its place in the inbox, from 1 on. */
  readonly number: number
  readonly noteId: string
  readonly eventId: string
  readonly sender: string
  readonly senderName: string
  readonly kind: CallKind
  readonly durationMs: number
  readonly sentTs: number
  readonly state: NoteState
  readonly isKept: boolean
  /** What was said, or else what was written beside it. */
  readonly words: string | undefined
}

export interface Inbox {
  /** The newest notes to a user, those that are not played first. */
  list(userId: UserId): Promise<InboxNote[]>
  played: Notes['played']
  keep: KeepNote
}

/** So many of the newest are looked at. */
const mostSearched = 200

interface Deps {
  readonly accounts: Pick<Accounts, 'accountData'>
  readonly db: Database
  readonly reads: Pick<RoomReads, 'roomById' | 'membership'>
  readonly notes: Pick<Notes, 'played'>
  readonly views: Pick<NoteViews, 'look'>
  readonly keep: KeepNote
}

export function createInbox({ db, accounts, reads, notes, views, keep }: Deps): Inbox {
  const list = (userId: UserId): Promise<InboxNote[]> =>
    db.read(async (reader) => {
      const names = new Map<string, string>()
      const found: Omit<InboxNote, 'number'>[] = []
      const ignored = await accounts.accountData.ignoredUsers(reader, userId)
      for (const row of await listReceived(reader, userId, mostSearched)) {
        if (ignored.has(row.sender)) continue
        const key = `${row.room_id} ${row.sender}`
        const senderName = names.get(key) ?? (await memberName(reads, reader, row.room_id, row.sender))
        names.set(key, senderName)
        found.push({
          noteId: row.note_id,
          eventId: row.event_id,
          sender: row.sender,
          senderName,
          kind: row.kind,
          durationMs: row.duration_ms,
          sentTs: row.sent_ts,
          ...(await views.look(reader, row)),
          words: row.transcript ?? row.caption ?? undefined,
        })
      }
      const isDone = ({ state }: { state: NoteState }) => state === 'played' || state === 'deleted'
      const sorted = [...found.filter((note) => !isDone(note)), ...found.filter(isDone)]
      return sorted.map((note, i) => ({ ...note, number: i + 1 }))
    })

  return { list, played: notes.played, keep }
}

/** Those in which all words stand: in what was said or written, or in who left them. */
export function findNotes(notes: readonly InboxNote[], words: readonly string[]): InboxNote[] {
  const wanted = words.map((word) => word.toLowerCase())
  return notes.filter(({ words: said = '', sender, senderName }) => {
    const text = `${said} ${sender} ${senderName}`.toLowerCase()
    return wanted.length > 0 && wanted.every((word) => text.includes(word))
  })
}
