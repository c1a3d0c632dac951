import type { Reader } from '../../db/database.ts'
import type { Pdu } from '../../matrix/event.ts'
import { serverOf } from '../../matrix/ids.ts'
import { actionPower, powerOf } from '../../matrix/power-levels.ts'
import { stateViewOf } from '../directory/state-view.ts'
import type { RoomView } from '../room-view.ts'
import type { Room } from '../types.ts'

/**
 * Whether a redaction may do what it says: its sender has the power for it, or is of the server that the target is from.
 * In versions 1 and 2 the authorisation rules have said so already. https://spec.matrix.org/v1.19/rooms/v3/#handling-redactions
 */
export async function mayRedact(
  reader: Reader,
  view: RoomView,
  room: Pick<Room, 'rules'>,
  redaction: { readonly pdu: Pdu; readonly beforeNid: number | undefined },
  target: Pdu,
): Promise<boolean> {
  if (target.type === 'm.room.create') return false
  if (room.rules.redactionAuth || serverOf(redaction.pdu.sender) === serverOf(target.sender)) return true
  const state = await stateViewOf(reader, view, redaction.beforeNid)
  return powerOf(state, room.rules, redaction.pdu.sender) >= actionPower(state, room.rules, 'redact')
}
