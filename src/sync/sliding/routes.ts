import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import * as simplified from './wire/simplified-msc3575.ts'
import * as v4 from './wire/v4.ts'

const spec = 'https://github.com/matrix-org/matrix-spec-proposals/blob/main/proposals/4186-simplified-sliding-sync.md'

/** Sliding sync in both of its dialects. */
export function slidingSyncRoutes({ sync, presence }: Pick<AppContext, 'sync' | 'presence'>): Endpoint[] {
  const { sliding } = sync
  return [
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync',
        auth: 'user-or-guest',
        query: simplified.requestQuery,
        body: simplified.requestBody,
        spec,
      },
      async ({ query, body, requester, recheck, signal }) => {
        const disconnect = presence.connect(requester, query.set_presence ?? 'online')
        try {
          const request = simplified.readRequest({ requester, recheck, signal }, query, body)
          return simplified.writeAnswer(await sliding.sync(request))
        } finally {
          disconnect()
        }
      },
    ),
    endpoint(
      { method: 'POST', path: '/_matrix/client/v4/sync', auth: 'user-or-guest', body: v4.requestBody, spec },
      async ({ body, requester, recheck, signal }) => {
        const disconnect = presence.connect(requester, body.set_presence ?? 'online')
        try {
          const request = v4.readRequest({ requester, recheck, signal }, body)
          return v4.writeAnswer(await sliding.sync(request), body)
        } finally {
          disconnect()
        }
      },
    ),
  ]
}
