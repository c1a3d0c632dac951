import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Destination, destinationOrders } from '../../federation/sender/destinations.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { errors, MatrixError } from '../../matrix/errors.ts'
import { listQuery } from '../list-query.ts'

const path = '/_synapse/admin/v1/federation/destinations'

const query = listQuery.extend({
  destination: z.string().min(1).optional(),
  order_by: z.enum(destinationOrders).default('destination'),
  dir: z.enum(['f', 'b']).default('f'),
})

const json = (one: Destination) => ({
  destination: one.destination,
  retry_last_ts: one.failedTs,
  retry_interval: one.pauseMs,
  failure_ts: one.failingSince ?? null,
  last_successful_stream_ordering: one.sentPos ?? null,
  ...(one.lastError !== undefined && { last_error: one.lastError }),
})

/** How sending to other servers stands, as existing tools of administrators ask. */
export function destinationRoutes({ sender }: Pick<AppContext, 'sender'>): Endpoint[] {
  const { destinations } = sender

  async function requireDestination(name: string): Promise<Destination> {
    const found = await destinations.get(name)
    if (found === undefined) throw errors.notFound('Unknown destination')
    return found
  }

  return [
    endpoint(
      { method: 'GET', path, auth: 'admin', query },
      async ({ query: { from, limit, destination, ...order } }) => {
        const page = { offset: from, limit, order: order.order_by, descending: order.dir === 'b' }
        const { total, destinations: found } = await destinations.list(destination, page)
        const next = from + found.length
        return { destinations: found.map(json), total, ...(next < total && { next_token: String(next) }) }
      },
    ),
    endpoint({ method: 'GET', path: `${path}/{destination}`, auth: 'admin' }, async ({ params }) =>
      json(await requireDestination(params.destination)),
    ),
    endpoint(
      { method: 'GET', path: `${path}/{destination}/rooms`, auth: 'admin', query: listQuery },
      async ({ params, query: { from, limit } }) => {
        await requireDestination(params.destination)
        const { total, rooms } = await destinations.rooms(params.destination, { offset: from, limit })
        const next = from + rooms.length
        return {
          rooms: rooms.map(({ roomId, lastPos }) => ({ room_id: roomId, stream_ordering: lastPos })),
          total,
          ...(next < total && { next_token: String(next) }),
        }
      },
    ),
    endpoint(
      { method: 'POST', path: `${path}/{destination}/reset_connection`, auth: 'admin' },
      async ({ params: { destination } }) => {
        await requireDestination(destination)
        if (await destinations.reset(destination)) return {}
        throw new MatrixError(400, 'M_UNKNOWN', 'The retry timing does not need to be reset for this destination.')
      },
    ),
  ]
}
