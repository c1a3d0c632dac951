import { z } from 'zod'
import type { Appservice } from '../../accounts/appservices/appservice.ts'
import { formatInstanceId } from '../../rooms/directory/network-rooms.ts'
import type { Clock } from '../../util/clock.ts'
import { FetchError } from '../../util/fetch-error.ts'
import { LruMap } from '../../util/lru.ts'
import type { AppserviceClient } from './client.ts'

const fields = z.record(z.string(), z.unknown())
const instance = z.looseObject({ network_id: z.string(), desc: z.string(), icon: z.string().optional(), fields })
const protocol = z.looseObject({
  user_fields: z.array(z.string()),
  location_fields: z.array(z.string()),
  icon: z.string(),
  field_types: z.record(z.string(), z.looseObject({ regexp: z.string(), placeholder: z.string() })),
  instances: z.array(instance),
})
const user = z.looseObject({ userid: z.string(), protocol: z.string(), fields })
const location = z.looseObject({ alias: z.string(), protocol: z.string(), fields })

export type Protocol = z.output<typeof protocol>
export type ThirdPartyUser = z.output<typeof user>
export type ThirdPartyLocation = z.output<typeof location>

/**
 * What application services know of other networks, all of them together; one that does not answer, or not in form, is
 * left out. `query` is passed on, with its question mark. https://spec.matrix.org/v1.19/client-server-api/#third-party-networks
 */
export interface ThirdParty {
  protocols(): Promise<Record<string, Protocol>>
  /** Undefined where nobody bridges to it. */
  protocol(name: string): Promise<Protocol | undefined>
  /** Of one network, or, with undefined, of all. */
  users(network: string | undefined, query: string): Promise<ThirdPartyUser[]>
  locations(network: string | undefined, query: string): Promise<ThirdPartyLocation[]>
}

interface Deps {
  readonly clock: Clock
  readonly client: AppserviceClient
  services(): readonly Appservice[]
}

const timeoutMs = 5000
/** How long what is said of a network, or that nothing is said, is remembered, in ms. */
const memory = 60_000
const shortMemory = 5000

export function createThirdParty({ clock, client, services }: Deps): ThirdParty {
  const known = new LruMap<string, { until: number; value: Promise<Protocol | undefined> }>(1000)

  const bridging = (network: string | undefined) =>
    services().filter(({ registration: { url, protocols } }) => {
      return url !== undefined && (network === undefined ? protocols.length > 0 : protocols.includes(network))
    })

  async function ask(service: Appservice, path: string, query = ''): Promise<unknown> {
    try {
      const call = {
        method: 'GET',
        path: `/_matrix/app/v1${path}`,
        legacyPath: `/_matrix/app/unstable${path}`,
      } as const
      const answer = await client.request(service, { ...call, query, timeoutMs })
      return answer.isSuccess ? JSON.parse(answer.text) : undefined
    } catch (error) {
      if (error instanceof FetchError || error instanceof SyntaxError) return undefined
      throw error
    }
  }

  async function askAll<T>(network: string | undefined, kind: string, query: string, item: z.ZodType<T>): Promise<T[]> {
    const path = `/thirdparty/${kind}${network === undefined ? '' : `/${encodeURIComponent(network)}`}`
    const answers = await Promise.all(bridging(network).map((service) => ask(service, path, query)))
    const list = answers.flatMap((answer) => (Array.isArray(answer) ? (answer as unknown[]) : []))
    return list.flatMap((one) => {
      const parsed = item.safeParse(one)
      return parsed.success ? [parsed.data] : []
    })
  }

  async function askProtocol(service: Appservice, name: string): Promise<Protocol | undefined> {
    const answer = protocol.safeParse(await ask(service, `/thirdparty/protocol/${encodeURIComponent(name)}`))
    if (!answer.success) return undefined
    const instances = answer.data.instances.map((one) => ({
      ...one,
      instance_id: formatInstanceId(service.id, one.network_id),
    }))
    return { ...answer.data, instances }
  }

  function protocolOf(service: Appservice, name: string): Promise<Protocol | undefined> {
    const key = JSON.stringify([service.id, name])
    const before = known.get(key)
    if (before !== undefined && before.until > clock.now()) return before.value
    const value = askProtocol(service, name)
    const entry = { until: clock.now() + memory, value }
    known.set(key, entry)
    return value.then((found) => {
      if (found === undefined) entry.until = clock.now() + shortMemory
      return found
    })
  }

  async function merged(name: string): Promise<Protocol | undefined> {
    const found = await Promise.all(bridging(name).map((service) => protocolOf(service, name)))
    const [first, ...others] = found.filter((one) => one !== undefined)
    return first && { ...first, instances: [first, ...others].flatMap(({ instances }) => instances) }
  }

  return {
    protocol: merged,
    protocols: async () => {
      const names = new Set(bridging(undefined).flatMap(({ registration }) => registration.protocols))
      const entries = await Promise.all([...names].map(async (name) => [name, await merged(name)] as const))
      return Object.fromEntries(entries.flatMap(([name, found]) => (found === undefined ? [] : [[name, found]])))
    },
    users: (network, query) => askAll(network, 'user', query, user),
    locations: (network, query) => askAll(network, 'location', query, location),
  }
}
