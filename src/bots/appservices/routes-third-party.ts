import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint, type Requester } from '../../http/endpoint.ts'
import { errors } from '../../matrix/errors.ts'

const base = '/_matrix/client/v3/thirdparty'
const link = (anchor: string) =>
  `https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdparty${anchor}`

const ourParameters = ['access_token']
const identityParameters = ['user_id', 'device_id', 'org.matrix.msc3202.device_id']

/** The query for the services: whatever fields the client gave, without what was meant for us. */
function passOn(url: string, { appservice }: Requester): string {
  const start = url.indexOf('?')
  const query = new URLSearchParams(start < 0 ? '' : url.slice(start + 1))
  for (const name of appservice ? [...ourParameters, ...identityParameters] : ourParameters) query.delete(name)
  return query.size === 0 ? '' : `?${query}`
}

function requireSome<T>(found: T[]): T[] {
  if (found.length === 0) throw errors.notFound('No application service knows that')
  return found
}

/** Users and places of the networks to which application services bridge. */
export function thirdPartyRoutes({ appservices }: Pick<AppContext, 'appservices'>): Endpoint[] {
  const { thirdParty } = appservices
  return [
    endpoint({ method: 'GET', path: `${base}/protocols`, auth: 'user', limit: 'lookup', spec: link('protocols') }, () =>
      thirdParty.protocols(),
    ),
    endpoint(
      {
        method: 'GET',
        path: `${base}/protocol/{protocol}`,
        auth: 'user',
        limit: 'lookup',
        spec: link('protocolprotocol'),
      },
      async ({ params }) => {
        const found = await thirdParty.protocol(params.protocol)
        if (found === undefined) throw errors.notFound('No application service knows that protocol')
        return found
      },
    ),
    endpoint(
      { method: 'GET', path: `${base}/user/{protocol}`, auth: 'user', limit: 'lookup', spec: link('userprotocol') },
      async ({ params, url, requester }) =>
        requireSome(await thirdParty.users(params.protocol, passOn(url, requester))),
    ),
    endpoint(
      {
        method: 'GET',
        path: `${base}/location/{protocol}`,
        auth: 'user',
        limit: 'lookup',
        spec: link('locationprotocol'),
      },
      async ({ params, url, requester }) =>
        requireSome(await thirdParty.locations(params.protocol, passOn(url, requester))),
    ),
    endpoint(
      {
        method: 'GET',
        path: `${base}/user`,
        auth: 'user',
        limit: 'lookup',
        query: z.object({ userid: z.string() }),
        spec: link('user'),
      },
      async ({ query }) => requireSome(await thirdParty.users(undefined, `?${new URLSearchParams(query)}`)),
    ),
    endpoint(
      {
        method: 'GET',
        path: `${base}/location`,
        auth: 'user',
        limit: 'lookup',
        query: z.object({ alias: z.string() }),
        spec: link('location'),
      },
      async ({ query }) => requireSome(await thirdParty.locations(undefined, `?${new URLSearchParams(query)}`)),
    ),
  ]
}
