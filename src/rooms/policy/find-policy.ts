import type { Reader } from '../../db/database.ts'
import type { ServerName } from '../../matrix/ids.ts'
import { hasUserOf } from '../history/store-history.ts'
import { getPartialRoom } from '../partial/store-partial.ts'
import type { RoomView } from '../room-view.ts'
import type { Room } from '../types.ts'
import { type PolicyServer, policyType, readPolicyServer } from './policy-server.ts'

/** The policy server of a room; undefined where it has none, or one that is not in the room. */
export type FindPolicy = (reader: Reader, room: Room) => Promise<PolicyServer | undefined>

/** https://spec.matrix.org/v1.19/server-server-api/#determining-if-a-policy-server-is-enabled-in-a-room */
export function createFindPolicy(view: RoomView): FindPolicy {
  return async (reader, room) => {
    const event = await view.entry(reader, room.stateNid, policyType, '')
    const policy = event && readPolicyServer(event.pdu)
    return policy !== undefined && (await isThere(reader, room, policy.server)) ? policy : undefined
  }
}

async function isThere(reader: Reader, room: Room, server: ServerName): Promise<boolean> {
  if (await hasUserOf(reader, room.nid, server, ['join'])) return true
  // Its members may not be here yet.
  const partial = room.isPartial ? await getPartialRoom(reader, room.nid) : undefined
  return partial !== undefined && [partial.resident, ...partial.servers].includes(server)
}
