import { type FederationRequest, type FederationTransport, RemoteError } from '../../../src/federation/client/ports.ts'
import type { JsonObject } from '../../../src/matrix/event.ts'
import type { ServerName } from '../../../src/matrix/ids.ts'
import { FetchError } from '../../../src/util/fetch-error.ts'

/** Another server as the transport sees it: what it answers, or throws. */
export type FakeServer = (request: FederationRequest) => Promise<JsonObject> | JsonObject

/** A transport to servers that are functions. */
export interface FakeTransport extends FederationTransport {
  readonly servers: Map<string, FakeServer>
  readonly denied: Set<string>
  /** Every request, in order. */
  readonly requests: FederationRequest[]
}

export function createFakeTransport(): FakeTransport {
  const servers = new Map<string, FakeServer>()
  const denied = new Set<string>()
  const requests: FederationRequest[] = []
  return {
    servers,
    denied,
    requests,
    request: async (request) => {
      requests.push(request)
      const server = servers.get(request.destination)
      if (server === undefined) throw new FetchError('network', `${request.destination} cannot be reached`)
      return request.answer.parse(await server(request))
    },
    stream: () => Promise.reject(new Error('nobody streams here')),
    heardFrom: () => {},
    isAllowed: (server) => !denied.has(server),
  }
}

export const unreachable: FakeServer = ({ destination }) => {
  throw new FetchError('network', `${destination} cannot be reached`)
}

export const refusing =
  (status: number, extra: JsonObject = {}): FakeServer =>
  ({ destination }) => {
    throw new RemoteError(destination, status, 'M_UNKNOWN', 'no', extra)
  }

export const serverNamed = (name: string): ServerName => name as ServerName
