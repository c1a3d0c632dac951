import type { Reader } from '../../../db/database.ts'
import { integerOf } from '../../../matrix/content.ts'
import { type RoomId, serverOf, type UserId } from '../../../matrix/ids.ts'
import type { RoomReads } from '../../../rooms/reads.ts'
import { memberName } from '../member-name.ts'
import { roomSettingsType } from '../settings.ts'

/** What has to be known of the room in which somebody called. */
export interface Conversation {
  readonly isEncrypted: boolean
  /** How the callee is called there. */
  readonly peerName: string
  /** How long notes may be here, in ms; undefined: as everywhere. */
  readonly maxLengthMs: number | undefined
  /** Opens it in a client: https://spec.matrix.org/v1.19/appendices/#matrixto-navigation */
  readonly address: string
}

/** From one second to ten minutes. */
const lengths = { least: 1000, most: 600_000 }

export async function readConversation(
  reads: Pick<RoomReads, 'roomById' | 'view' | 'membership'>,
  reader: Reader,
  { roomId, caller, callee }: { roomId: RoomId; caller: UserId; callee: UserId },
): Promise<Conversation> {
  const room = await reads.roomById(reader, roomId)
  const encryption = room && (await reads.view.entry(reader, room.stateNid, 'm.room.encryption', ''))
  const rule = room && (await reads.view.entry(reader, room.stateNid, roomSettingsType, ''))
  const asked = integerOf(rule?.pdu, 'max_length')
  return {
    isEncrypted: encryption !== undefined,
    peerName: await memberName(reads, reader, roomId, callee),
    maxLengthMs: asked === undefined ? undefined : Math.min(Math.max(asked, lengths.least), lengths.most),
    address: `https://matrix.to/#/${encodeURIComponent(roomId)}?via=${encodeURIComponent(serverOf(caller))}`,
  }
}
