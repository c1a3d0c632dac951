import type { Reader } from '../../db/database.ts'
import { hasUserOf } from '../history/store-history.ts'
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
    const isThere = policy !== undefined && (await hasUserOf(reader, room.nid, policy.server, ['join']))
    return isThere ? policy : undefined
  }
}
