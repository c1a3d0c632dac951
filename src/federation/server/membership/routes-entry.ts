import { Readable } from 'node:stream'
import { z } from 'zod'
import type { AppContext } from '../../../context.ts'
import { type Endpoint, endpoint } from '../../../http/endpoint.ts'
import { reply } from '../../../http/reply.ts'
import type { Json, JsonObject } from '../../../matrix/event.ts'
import { listToldState } from '../../../rooms/remote/stripped-state.ts'
import { createJoinAnswer } from './join-answer.ts'
import { createReceiveMember } from './received-member.ts'
import { createMakeTemplate } from './templates.ts'

const spec = 'https://spec.matrix.org/v1.19/server-server-api/'
/** The last version of it with the first forms of `send_join` and `send_leave`, whose answers repeat the status. */
const oldSpec = 'https://spec.matrix.org/v1.17/server-server-api/'
const json = { 'Content-Type': 'application/json' }
const versions = z.object({ ver: z.array(z.string()).default(['1']) })
/** Bodies are checked as events of the room's version. */
const body = z.custom<JsonObject>((value) => typeof value === 'object' && value !== null && !Array.isArray(value))

/** How users of other servers come into rooms, knock at them, and leave. */
export function entryRoutes(
  ctx: Pick<AppContext, 'db' | 'rooms' | 'federation' | 'serverName' | 'signingKeys'>,
): Endpoint[] {
  const { db, rooms } = ctx
  const makeTemplate = createMakeTemplate(ctx)
  const receive = createReceiveMember(ctx)
  const joinAnswer = createJoinAnswer(ctx)

  async function knockState(roomNid: number): Promise<Json[]> {
    const told = await db.read(async (reader) => {
      const room = await rooms.reads.roomByNid(reader, roomNid)
      return room ? listToldState(reader, rooms.reads.view, room) : []
    })
    // PDUs hold nothing but JSON.
    return told as unknown as Json[]
  }

  return [
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/federation/v1/make_join/{roomId}/{userId}',
        auth: 'server',
        query: versions,
        spec: `${spec}#get_matrixfederationv1make_joinroomiduserid`,
      },
      ({ params, query, origin }) => makeTemplate(origin, { action: 'join', ...params, versions: query.ver }),
    ),
    endpoint(
      {
        method: 'PUT',
        path: '/_matrix/federation/v2/send_join/{roomId}/{eventId}',
        auth: 'server',
        query: z.object({ omit_members: z.boolean().default(false) }),
        body,
        spec: `${spec}#put_matrixfederationv2send_joinroomideventid`,
      },
      async ({ params, query, body: event, faults, origin }) => {
        const join = await receive(origin, { action: 'join', ...params, body: event, faults })
        return reply(200, await joinAnswer(join, query.omit_members), json)
      },
    ),
    endpoint(
      {
        method: 'PUT',
        path: '/_matrix/federation/v1/send_join/{roomId}/{eventId}',
        auth: 'server',
        body,
        spec: `${oldSpec}#put_matrixfederationv1send_joinroomideventid`,
      },
      async ({ params, body: event, faults, origin }) => {
        const join = await receive(origin, { action: 'join', ...params, body: event, faults })
        return reply(200, Readable.from(withOldStatus(await joinAnswer(join, false))), json)
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/federation/v1/make_leave/{roomId}/{userId}',
        auth: 'server',
        spec: `${spec}#get_matrixfederationv1make_leaveroomiduserid`,
      },
      ({ params, origin }) => makeTemplate(origin, { action: 'leave', ...params, versions: [] }),
    ),
    endpoint(
      {
        method: 'PUT',
        path: '/_matrix/federation/v2/send_leave/{roomId}/{eventId}',
        auth: 'server',
        body,
        spec: `${spec}#put_matrixfederationv2send_leaveroomideventid`,
      },
      async ({ params, body: event, faults, origin }) => {
        await receive(origin, { action: 'leave', ...params, body: event, faults })
        return {}
      },
    ),
    endpoint(
      {
        method: 'PUT',
        path: '/_matrix/federation/v1/send_leave/{roomId}/{eventId}',
        auth: 'server',
        body,
        spec: `${oldSpec}#put_matrixfederationv1send_leaveroomideventid`,
      },
      async ({ params, body: event, faults, origin }) => {
        await receive(origin, { action: 'leave', ...params, body: event, faults })
        return [200, {}]
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/federation/v1/make_knock/{roomId}/{userId}',
        auth: 'server',
        query: versions,
        spec: `${spec}#get_matrixfederationv1make_knockroomiduserid`,
      },
      ({ params, query, origin }) => makeTemplate(origin, { action: 'knock', ...params, versions: query.ver }),
    ),
    endpoint(
      {
        method: 'PUT',
        path: '/_matrix/federation/v1/send_knock/{roomId}/{eventId}',
        auth: 'server',
        body,
        spec: `${spec}#put_matrixfederationv1send_knockroomideventid`,
      },
      async ({ params, body: event, faults, origin }) => {
        const knock = await receive(origin, { action: 'knock', ...params, body: event, faults })
        return { knock_room_state: await knockState(knock.roomNid) }
      },
    ),
  ]
}

async function* withOldStatus(answer: Readable): AsyncGenerator<unknown> {
  yield '[200,'
  yield* answer
  yield ']'
}
