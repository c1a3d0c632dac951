import type { ServerName } from '../../../matrix/ids.ts'
import { type Dns, DnsError, type ServiceRecord } from '../../../util/dns.ts'
import { FetchError } from '../../../util/fetch-error.ts'
import { isNoService, orderServices } from './order-services.ts'
import type { Discover, Discovery, ServerRoute } from './routes.ts'
import { splitServerName } from './split-server-name.ts'
import type { WellKnown } from './well-known.ts'

export interface DiscoverDeps {
  readonly wellKnown: WellKnown
  readonly dns: Dns
  /** Where servers listen that say nothing else; tests choose another. */
  readonly defaultPort: number
}

/** More are not tried, however many a server names. */
const maxRoutes = 8

/** The second is deprecated. */
const serviceNames = ['_matrix-fed._tcp', '_matrix._tcp']

/** The steps of https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names in their order. */
export function createDiscover({ wellKnown, dns, defaultPort }: DiscoverDeps): Discover {
  return async (server) => {
    const steps: string[] = []
    const given = splitServerName(server)
    if (given.isIp || given.port !== undefined) {
      steps.push(given.isIp ? `${server} is an address.` : `${server} names its port.`)
      return { routes: [direct(server, defaultPort)], steps }
    }
    const { server: delegated, reason, isDnsDead, until } = await wellKnown.find(given.hostname)
    if (isDnsDead) throw new FetchError('network', `no name server answers for ${given.hostname}`)
    const target = splitServerName(delegated ?? server)
    const place = `https://${given.hostname}/.well-known/matrix/server`
    steps.push(delegated ? `${place} delegates to ${delegated}.` : `${place} says nothing that can be used: ${reason}.`)
    if (delegated && (target.isIp || target.port !== undefined)) {
      return { routes: [direct(delegated, defaultPort)], steps, until }
    }
    return { ...(await byService(dns, delegated ?? server, steps, defaultPort)), until }
  }
}

/** By SRV records, and on the usual port where there are none. */
async function byService(dns: Dns, name: ServerName, steps: string[], defaultPort: number): Promise<Discovery> {
  for (const prefix of serviceNames) {
    const records = await services(dns, `${prefix}.${name}`)
    if (records === undefined) steps.push(`The name servers have no answer for the SRV record ${prefix}.${name}.`)
    if (records === undefined) break
    if (records.length === 0) {
      steps.push(`There is no SRV record ${prefix}.${name}.`)
      continue
    }
    if (isNoService(records)) {
      steps.push(`The SRV record ${prefix}.${name} says that there is no such service.`)
      return { routes: [], steps }
    }
    const routes = orderServices(records)
      .slice(0, maxRoutes)
      .map(({ name: host, port }) => ({ ...direct(name, port), host, port }))
    steps.push(
      `The SRV record ${prefix}.${name} leads to ${routes.map(({ host, port }) => `${host}:${port}`).join(', ')}.`,
    )
    return { routes, steps }
  }
  steps.push(`So ${name} is asked on port ${defaultPort}.`)
  return { routes: [direct(name, defaultPort)], steps }
}

async function services(dns: Dns, name: string): Promise<ServiceRecord[] | undefined> {
  try {
    return await dns.services(name)
  } catch (error) {
    if (error instanceof DnsError) return undefined
    throw error
  }
}

function direct(name: string, defaultPort: number): ServerRoute {
  const { hostname, isIp, port } = splitServerName(name)
  return {
    host: hostname,
    port: port ?? defaultPort,
    hostHeader: name,
    certificateName: isIp ? undefined : hostname,
  }
}
