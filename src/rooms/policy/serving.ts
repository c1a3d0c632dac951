import type { Database, Reader } from '../../db/database.ts'
import { isJsonObject } from '../../matrix/auth-state.ts'
import { errors } from '../../matrix/errors.ts'
import type { Json } from '../../matrix/event.ts'
import type { RoomId, ServerName } from '../../matrix/ids.ts'
import type { JsonFault } from '../../matrix/json-parse.ts'
import { isServerAllowed } from '../../matrix/server-acl.ts'
import { readPdu } from '../ingest/read-pdu.ts'
import type { RoomView } from '../room-view.ts'
import { getRoom } from '../store-rooms.ts'
import type { Room } from '../types.ts'
import { createFindPolicy } from './find-policy.ts'
import type { OwnPolicy } from './own-policy.ts'
import { needsPolicy, policyKeyId } from './policy-server.ts'

/** This server as the policy server of rooms that have chosen it: https://spec.matrix.org/v1.19/server-server-api/#policy-servers */
export interface PolicyServing {
  /** Base64. */
  readonly publicKey: string
  /**
   * Our signature on an event of any server. Throws `404 M_NOT_FOUND` for rooms that have not chosen this server, `403` for
   * servers that the room keeps out, `400 M_BAD_JSON` and `M_FORBIDDEN`.
   */
  sign(origin: ServerName, body: Json, faults: readonly JsonFault[]): Promise<Record<string, Record<string, string>>>
}

interface Deps {
  readonly db: Database
  readonly view: RoomView
  readonly ownPolicy: OwnPolicy
  readonly serverName: ServerName
}

export function createPolicyServing({ db, view, ownPolicy, serverName }: Deps): PolicyServing {
  const find = createFindPolicy(view)

  async function requireRoom(reader: Reader, origin: ServerName, roomId: string): Promise<Room> {
    const room = await getRoom(reader, roomId)
    const policy = room && (await find(reader, room))
    if (room === undefined || policy?.server !== serverName) {
      throw errors.notFound('The room is not known, or has not chosen this policy server')
    }
    const acl = await view.entry(reader, room.stateNid, 'm.room.server_acl', '')
    if (!isServerAllowed(acl?.pdu, origin)) throw errors.forbidden('The room keeps your server out')
    return room
  }

  return {
    publicKey: ownPolicy.publicKey,
    sign: async (origin, body, faults) => {
      const roomId = isJsonObject(body) ? body.room_id : undefined
      if (typeof roomId !== 'string') throw errors.badJson('The event has no room_id')
      const { rules } = await db.read((reader) => requireRoom(reader, origin, roomId))
      const read = readPdu(body, rules, roomId as RoomId)
      if (!read.ok) throw errors.badJson(read.reason)
      if (rules.strictCanonicalJson && faults.length > 0) throw errors.badJson('The event is not canonical JSON')
      const { pdu } = read.event
      if (!needsPolicy(pdu)) throw errors.policyRefused('The event that names the policy server is not signed by it')
      return { [serverName]: { [policyKeyId]: ownPolicy.sign(rules, pdu) } }
    },
  }
}
