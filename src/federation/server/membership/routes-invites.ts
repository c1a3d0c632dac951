import { z } from 'zod'
import type { AppContext } from '../../../context.ts'
import { type Endpoint, endpoint } from '../../../http/endpoint.ts'
import { isJsonObject, ownValue } from '../../../matrix/auth-state.ts'
import { errors } from '../../../matrix/errors.ts'
import type { Json, JsonObject, Pdu } from '../../../matrix/event.ts'
import { isRoomId, type ServerName } from '../../../matrix/ids.ts'
import type { JsonFault } from '../../../matrix/json-parse.ts'
import { nullAsEmptyList } from '../../../matrix/null-as-empty.ts'
import { getRoomVersionRules } from '../../../matrix/room-versions.ts'
import { readMember } from './received-member.ts'

const spec = 'https://spec.matrix.org/v1.19/server-server-api/'
const object = z.custom<JsonObject>((value) => typeof value === 'object' && value !== null && !Array.isArray(value))
const newBody = z.object({
  room_version: z.string(),
  event: object,
  invite_room_state: nullAsEmptyList(z.array(z.custom<Json>())).default([]),
})

interface Received {
  readonly roomId: string
  readonly eventId: string
  readonly version: string
  readonly event: JsonObject
  readonly roomState: readonly Json[]
  readonly faults: readonly JsonFault[]
}

/** Invitations of users of ours, by users of other servers. */
export function inviteRoutes({ rooms }: Pick<AppContext, 'rooms'>): Endpoint[] {
  async function take(origin: ServerName, received: Received): Promise<Pdu> {
    const { roomId, eventId, version, event: body, roomState, faults } = received
    const rules = getRoomVersionRules(version)
    if (rules === undefined) throw errors.incompatibleRoomVersion(version)
    if (!isRoomId(roomId)) throw errors.invalidParam('The room id is not valid')
    const event = readMember(rules, { roomId, eventId, body, faults, action: 'invite' })
    if (rooms.remote === undefined) throw errors.forbidden('This server takes no part in federation')
    const signed = await rooms.remote.incoming.take(origin, { roomId, rules, event, roomState })
    // We add a signature and change nothing, not even what nobody signs.
    return { ...signed, ...(isJsonObject(body.unsigned) && { unsigned: body.unsigned }) }
  }

  return [
    endpoint(
      {
        method: 'PUT',
        path: '/_matrix/federation/v2/invite/{roomId}/{eventId}',
        auth: 'server',
        limit: 'general',
        body: newBody,
        spec: `${spec}#put_matrixfederationv2inviteroomideventid`,
      },
      async ({ params, body, faults, origin }) => {
        const { room_version: version, event, invite_room_state: roomState } = body
        return { event: await take(origin, { ...params, version, event, roomState, faults: ofEvent(faults) }) }
      },
    ),
    endpoint(
      {
        method: 'PUT',
        path: '/_matrix/federation/v1/invite/{roomId}/{eventId}',
        auth: 'server',
        limit: 'general',
        body: object,
        spec: `${spec}#put_matrixfederationv1inviteroomideventid`,
      },
      async ({ params, body: event, origin }) => {
        const told = ownValue(isJsonObject(event.unsigned) ? event.unsigned : {}, 'invite_room_state')
        const roomState = Array.isArray(told) ? told : []
        // Servers that use this path know no other versions.
        const taken = await take(origin, { ...params, version: '1', event, roomState, faults: [] })
        return [200, { event: taken }]
      },
    ),
  ]
}

const ofEvent = (faults: readonly JsonFault[]) => faults.filter(({ path }) => path[0] === 'event')
