import type { Database, Tx } from '../../../db/database.ts'
import type { NoteState } from '../../../db/schema/bots.ts'
import { errors } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import { type EventId, type RoomId, serverOf, type UserId } from '../../../matrix/ids.ts'
import type { Clock } from '../../../util/clock.ts'
import type { CallKind, Calls } from '../../../voip/calls/types.ts'
import type { Webhooks } from '../../../voip/webhooks/webhooks.ts'
import type { Forwarding } from '../forwarding/forwarding.ts'
import type { Prompts } from '../prompts/prompts.ts'
import { getPromptOfNote } from '../prompts/store-prompts.ts'
import { noteJson } from './note-json.ts'
import { type SharingDeps, sharesPlayed } from './sharing.ts'
import { getNote, insertNote, listNotesOf, type NoteRow, updateNote } from './store-notes.ts'
import type { UnreadMarks } from './unread-marks.ts'
import type { NoteViews } from './views.ts'

export interface NewNote {
  readonly noteId: string
  readonly callId: string | undefined
  readonly roomId: RoomId
  readonly eventId: EventId
  /** Where the event stands in the stream. */
  readonly position: number
  readonly sender: UserId
  readonly receiver: UserId
  readonly kind: CallKind
  readonly durationMs: number
  readonly mxc: string | undefined
  readonly caption: string | undefined
}

/** Notes and what has become of them, from sent to deleted. */
export interface Notes {
  /** A message that is a note has been written, in this transaction. */
  sent(tx: Tx, note: NewNote): Promise<void>
  /** Moves a note forward; what lies behind its present state changes nothing. */
  advance(tx: Tx, note: NoteRow, state: Exclude<NoteState, 'sent'>): Promise<void>
  /** The receiver has listened to it or seen it. Throws `404 M_NOT_FOUND` for notes that are not theirs. */
  played(userId: UserId, noteId: string): Promise<void>
  /** What a user sent and received, the newest first, from `before` on. */
  list(userId: UserId, page: { before: number | undefined; limit: number }): Promise<NotePageJson>
}

export interface NotePageJson {
  readonly notes: JsonObject[]
  /** Undefined: these are the last. */
  readonly next: number | undefined
}

export interface NotesDeps extends SharingDeps {
  readonly db: Database
  readonly clock: Clock
  readonly views: NoteViews
  readonly webhooks: Pick<Webhooks, 'emit'>
  readonly calls: Pick<Calls, 'linkNote'>
  readonly prompts: Pick<Prompts, 'used' | 'refresh'>
  readonly unread: UnreadMarks
  readonly forwarding: Forwarding
  /** Called after the commit: somebody here has a note that is not delivered to them yet. */
  readonly waits: (userId: string) => void
}

const order: readonly NoteState[] = ['sent', 'delivered', 'fetched', 'played', 'deleted']
const columns = {
  delivered: 'delivered_ts',
  fetched: 'fetched_ts',
  played: 'played_ts',
  deleted: 'deleted_ts',
} as const

export function createNotes(deps: NotesDeps): Notes {
  const { db, clock, accounts, views, webhooks, calls, prompts, unread, forwarding, waits } = deps

  const advance: Notes['advance'] = async (tx, { note_id: noteId }, state) => {
    const note = await getNote(tx, noteId)
    if (note === undefined || order.indexOf(note.state) >= order.indexOf(state)) return
    const now = clock.now()
    const change = { state, [columns[state]]: now }
    await updateNote(tx, noteId, change)
    const moved: NoteRow = { ...note, ...change }
    // That it has arrived is news for the sender, whatever is shared.
    const isReceivers = note.state !== 'sent' && (state === 'fetched' || state === 'played')
    await views.publish(tx, moved, isReceivers ? 'receiver' : 'anybody')
    if (state === 'played' || state === 'deleted') {
      await unread.settled(tx, moved)
      await forwarding.settled(tx, moved)
    }
    if (state !== 'played' || note.call_id === null || !(await sharesPlayed(deps, tx, note))) return
    const prompt = await getPromptOfNote(tx, noteId, note.call_id)
    if (prompt !== undefined && prompt.event_id !== null) await prompts.refresh(tx, prompt.prompt_id)
  }

  return {
    advance,
    sent: async (tx, note) => {
      const row = {
        note_id: note.noteId,
        call_id: note.callId ?? null,
        room_id: note.roomId,
        event_id: note.eventId,
        stream_pos: note.position,
        sender: note.sender,
        receiver: note.receiver,
        receiver_server: accounts.isLocalUser(note.receiver) ? null : serverOf(note.receiver),
        kind: note.kind,
        duration_ms: note.durationMs,
        mxc: note.mxc ?? null,
        state: 'sent',
        sent_ts: clock.now(),
        delivered_ts: null,
        fetched_ts: null,
        played_ts: null,
        deleted_ts: null,
        reminded: 0,
        caption: note.caption ?? null,
        transcript: null,
      } as const
      if (!(await insertNote(tx, row))) return
      const isOurs = accounts.isLocalUser(note.sender)
      if (isOurs && note.callId !== undefined) {
        await prompts.used(tx, note.callId, note.noteId)
        await calls.linkNote(tx, note.callId, note.eventId)
      }
      const stored = await getNote(tx, note.noteId)
      if (stored === undefined) return
      await views.publish(tx, stored, 'anybody')
      await forwarding.sent(tx, stored)
      if (accounts.isLocalUser(note.receiver)) {
        if (!(await views.isIgnored(tx, note))) await unread.arrived(tx, stored)
        tx.afterCommit(() => waits(note.receiver))
      }
      const { state: _, ...left } = noteJson(stored, { viewer: note.receiver, isShared: true })
      await webhooks.emit(tx, 'note.left', { ...left, sender: note.sender, receiver: note.receiver })
    },
    played: (userId, noteId) =>
      db.write('note played', async (tx) => {
        const note = await getNote(tx, noteId)
        if (note === undefined || note.receiver !== userId) throw errors.notFound('There is no such note to you')
        await advance(tx, note, 'played')
      }),
    list: (userId, { before, limit }) =>
      db.read(async (reader) => {
        const rows = await listNotesOf(reader, userId, { before, limit: limit + 1 })
        const page = rows.slice(0, limit)
        const notes: JsonObject[] = []
        const ignored = await accounts.accountData.ignoredUsers(reader, userId)
        for (const row of page) if (!ignored.has(row.sender)) notes.push(await views.json(reader, row, userId))
        return { notes, next: rows.length > limit ? page.at(-1)?.note_nid : undefined }
      }),
  }
}
