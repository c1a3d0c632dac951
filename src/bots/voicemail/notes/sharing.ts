import type { Accounts } from '../../../accounts/accounts.ts'
import type { Reader } from '../../../db/database.ts'
import type { UserId } from '../../../matrix/ids.ts'
import type { Rooms } from '../../../rooms/rooms.ts'
import { readSettings, settingsType } from '../settings.ts'
import type { NoteRow } from './store-notes.ts'

export interface SharingDeps {
  readonly accounts: Pick<Accounts, 'accountData' | 'isLocalUser'>
  readonly rooms: Pick<Rooms, 'reads' | 'receipts'>
}

/**
 * Whether the sender of a note may see that it was played: as the receiver has chosen, else as their last read receipt
 * in the conversation was meant for others or not.
 */
export async function sharesPlayed(
  { accounts, rooms }: SharingDeps,
  reader: Reader,
  note: Pick<NoteRow, 'receiver' | 'room_id'>,
): Promise<boolean> {
  const receiver = note.receiver as UserId
  if (!accounts.isLocalUser(receiver)) return true
  const chosen = readSettings(await accounts.accountData.get(reader, receiver, settingsType)).sharesPlayed
  if (chosen !== undefined) return chosen
  const room = await rooms.reads.roomById(reader, note.room_id)
  const receipts = room ? await rooms.receipts.listOwn(reader, room.nid, receiver) : []
  const [last] = [...receipts].sort((a, b) => b.streamPos - a.streamPos)
  return last?.type !== 'm.read.private'
}
