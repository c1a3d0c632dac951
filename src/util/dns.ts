import type { LookupAddress } from 'node:dns'
import { lookup, Resolver } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { sleep, withTimeout } from './async.ts'

/** Where a service runs: https://datatracker.ietf.org/doc/html/rfc2782 */
export interface ServiceRecord {
  readonly name: string
  readonly port: number
  readonly priority: number
  readonly weight: number
}

/** What is asked of the domain name system. A name that does not exist has no records; without an answer a `DnsError` is thrown. */
export interface Dns {
  addresses(hostname: string): Promise<LookupAddress[]>
  services(name: string): Promise<ServiceRecord[]>
}

/** No name server gave a usable answer in time. */
export class DnsError extends Error {
  override name = 'DnsError'
}

const tries = 2
const tryMs = 1000
/** For a name with all of its records, whatever the name servers do. */
const patienceMs = 2200
/** Who has addresses of one family waits no longer for those of the other: some name servers never answer about IPv6. */
const otherFamilyMs = 300
const absent = new Set(['ENOTFOUND', 'ENODATA'])
/** The name server is alive, but cannot tell, such as those of containers about IPv6; other sources of this machine might. */
const unsure = new Set(['ESERVFAIL', 'EREFUSED', 'ENOTIMP', 'EFORMERR'])

/**
 * The name servers and the hosts file of this machine. Names are not looked up by `getaddrinfo`, as sockets do, where
 * that can be helped: dead name servers keep it, and a thread that files need as well, for many seconds.
 */
export function createSystemDns(hostsFile = '/etc/hosts', nameServers?: readonly string[]): Dns {
  const resolver = new Resolver({ timeout: tryMs, tries, maxTimeout: tryMs })
  if (nameServers !== undefined) resolver.setServers(nameServers)
  return {
    addresses: async (hostname) => {
      const name = hostname.toLowerCase().replace(/\.$/, '')
      const local = loopback(name) ?? (await fromHosts(hostsFile, name))
      if (local.length > 0) return local
      const found = await answered(name, () =>
        ofBothFamilies(
          orUnsure(resolver.resolve4(name), name).then((list) => toAddresses(list, 4)),
          orUnsure(resolver.resolve6(name), name).then((list) => toAddresses(list, 6)),
        ),
      )
      // The name servers are alive, so that asking the other sources of this machine takes little.
      return found.length > 0 ? found : answered(name, () => orNone(lookup(name, { all: true, verbatim: true }), name))
    },
    services: (name) => answered(name, () => orNone(resolver.resolveSrv(name), name)),
  }
}

function loopback(name: string): LookupAddress[] | undefined {
  if (name !== 'localhost' && !name.endsWith('.localhost')) return undefined
  return [...toAddresses(['127.0.0.1'], 4), ...toAddresses(['::1'], 6)]
}

async function fromHosts(file: string, name: string): Promise<LookupAddress[]> {
  const found: LookupAddress[] = []
  // A machine may have none.
  const text = await readFile(file, 'utf8').catch(() => '')
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    const family = isIP(address)
    if (family !== 0 && names.some((other) => other.toLowerCase() === name)) found.push({ address, family })
  }
  return found
}

function toAddresses(addresses: readonly string[], family: 4 | 6): LookupAddress[] {
  return addresses.map((address) => ({ address, family }))
}

async function ofBothFamilies(...families: readonly Promise<LookupAddress[]>[]): Promise<LookupAddress[]> {
  const found: LookupAddress[][] = []
  const useful = families.map(async (family, i) => {
    found[i] = await family
    if (found[i].length === 0) throw new Error('no addresses')
  })
  const isEnough = await Promise.any(useful).then(
    () => true,
    () => false,
  )
  if (!isEnough) return (await Promise.all(families)).flat()
  await Promise.race([Promise.allSettled(useful), sleep(otherFamilyMs)])
  return found.flat()
}

function answered<T>(name: string, ask: () => Promise<T>): Promise<T> {
  return withTimeout(patienceMs, ask).catch((error: unknown) => {
    if (error instanceof DnsError) throw error
    throw new DnsError(`no name server answered for ${name}`, { cause: error })
  })
}

const orUnsure = <T>(records: Promise<T[]>, name: string) => orNone(records, name, unsure)

async function orNone<T>(records: Promise<T[]>, name: string, also?: ReadonlySet<string>): Promise<T[]> {
  try {
    return await records
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (absent.has(code) || also?.has(code)) return []
    throw new DnsError(`the name servers have no answer for ${name} (${code})`, { cause: error })
  }
}
