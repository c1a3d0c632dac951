import type { Accounts } from '../../../accounts/accounts.ts'
import type { Tx } from '../../../db/database.ts'
import { hasUserIdShape, serverOf, type UserId } from '../../../matrix/ids.ts'
import type { RoomReads } from '../../../rooms/reads.ts'
import type { PersistHook, Room, StoredEvent } from '../../../rooms/types.ts'
import { randomString } from '../../../util/random.ts'
import type { Prompts } from '../prompts/prompts.ts'
import { noteDevice } from './deliver.ts'
import type { Notes } from './notes.ts'
import { readForeignNote, readRecorded, targetOf } from './recognise.ts'
import { getNoteOfEvent } from './store-notes.ts'

interface Deps {
  readonly accounts: Pick<Accounts, 'isLocalUser'>
  readonly reads: Pick<RoomReads, 'joined'>
  readonly notes: Pick<Notes, 'sent' | 'advance'>
  readonly prompts: Pick<Prompts, 'listAnswerable'>
}

/**
 * Sees in conversations what is a note: what a caller records there after a call in vain, and what comes from other
 * servers. Sees, too, that one was answered, which nobody does who has not listened, and that one was taken back.
 */
export function createNotesHook({ accounts, reads, notes, prompts }: Deps): PersistHook {
  const takenBack = createTakenBack(notes)

  async function recorded(tx: Tx, room: Room, event: StoredEvent): Promise<void> {
    const { pdu, eventId, streamPos = 0 } = event
    const found = readRecorded(pdu)
    if (found === undefined) return
    const about = { ...found, roomId: room.roomId, eventId, position: streamPos, sender: pdu.sender }
    if (accounts.isLocalUser(pdu.sender)) {
      const [prompt] = await prompts.listAnswerable(tx, room.roomId, pdu.sender)
      if (prompt === undefined) return
      // Written from the ledger's calls.
      const receiver = prompt.callee as UserId
      await notes.sent(tx, { ...about, noteId: randomString(24), callId: prompt.call_id, receiver })
      return
    }
    const foreign = readForeignNote(pdu)
    if (foreign === undefined) return
    const members = await reads.joined(tx, room.nid, 3)
    const receiver = members.find((userId) => hasUserIdShape(userId) && accounts.isLocalUser(userId))
    if (members.length !== 2 || receiver === undefined) return
    const noteId = `${foreign.noteId}:${serverOf(pdu.sender)}`
    await notes.sent(tx, { ...about, ...foreign, noteId, receiver: receiver as UserId })
  }

  async function answered(tx: Tx, { pdu }: StoredEvent): Promise<void> {
    const target = targetOf(pdu)
    const note = target === undefined ? undefined : await getNoteOfEvent(tx, target)
    if (note?.receiver === pdu.sender) await notes.advance(tx, note, 'played')
  }

  return async (tx, { room, events, redacted }) => {
    for (const event of events) {
      const { pdu, status, streamPos = 0, txnDevice } = event
      if (status !== 0 || streamPos <= 0 || txnDevice === noteDevice) continue
      if (pdu.type === 'm.room.message') await recorded(tx, room, event)
      if (pdu.type === 'm.room.message' || pdu.type === 'm.reaction') await answered(tx, event)
    }
    await takenBack(tx, redacted)
  }
}

/** Notes end with the messages that bring them. */
export function createTakenBack(notes: Pick<Notes, 'advance'>) {
  return async (tx: Tx, events: readonly StoredEvent[]): Promise<void> => {
    for (const { eventId, pdu } of events) {
      if (readRecorded(pdu) === undefined) continue
      const note = await getNoteOfEvent(tx, eventId)
      if (note !== undefined) await notes.advance(tx, note, 'deleted')
    }
  }
}
