import type { Reader } from '../../db/database.ts'
import type { AuthState } from '../../matrix/auth-rules.ts'
import type { RoomView } from '../room-view.ts'

/** What the power level rules look at, as a state has it. */
export async function stateViewOf(reader: Reader, view: RoomView, stateNid: number | undefined): Promise<AuthState> {
  const create = await view.entry(reader, stateNid, 'm.room.create', '')
  const levels = await view.entry(reader, stateNid, 'm.room.power_levels', '')
  return (type, stateKey) => {
    if (stateKey !== '') return undefined
    return type === 'm.room.create' ? create?.pdu : type === 'm.room.power_levels' ? levels?.pdu : undefined
  }
}
