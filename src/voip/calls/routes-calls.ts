import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { errors } from '../../matrix/errors.ts'

const usualLimit = 20
const largestLimit = 100

function positionOf(token: string | undefined): number | undefined {
  if (token === undefined || token === '') return undefined
  const position = /^c([0-9]{1,15})$/.exec(token)?.[1]
  if (position === undefined) throw errors.invalidParam('from is not a token of this list')
  return Number(position)
}

/** The calls of a person. */
export function callRoutes({ calls }: Pick<AppContext, 'calls'>): Endpoint[] {
  return [
    endpoint(
      {
        method: 'GET',
        path: '/_ringback/v1/calls',
        auth: 'user',
        limit: 'general',
        query: z.object({ limit: z.number().int().min(1).optional(), from: z.string().optional() }),
      },
      async ({ requester, query }) => {
        const limit = Math.min(query.limit ?? usualLimit, largestLimit)
        const page = await calls.list(requester.userId, { limit, from: positionOf(query.from) })
        return {
          calls: page.calls.map((call) => calls.callObject(call, requester.userId)),
          ...(page.next !== undefined && { next: `c${page.next}` }),
        }
      },
    ),
  ]
}
