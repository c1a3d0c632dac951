import type { LookupAddress } from 'node:dns'
import { lookup, Resolver } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { withTimeout } from './async.ts'

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
const absent = new Set(['ENOTFOUND', 'ENODATA'])

/**
 * The name servers and the hosts file of this machine. Names are not looked up by `getaddrinfo`, as sockets do, where
 * that can be helped: dead name servers keep it, and a thread that files need as well, for many seconds.
 */
export function createSystemDns(hostsFile = '/etc/hosts'): Dns {
  const resolver = new Resolver({ timeout: tryMs, tries, maxTimeout: tryMs })
  return {
    addresses: async (hostname) => {
      const name = hostname.toLowerCase().replace(/\.$/, '')
      const local = loopback(name) ?? (await fromHosts(hostsFile, name))
      if (local.length > 0) return local
      const found = await answered(name, async () => {
        const [v4, v6] = await Promise.all([
          orNone(resolver.resolve4(name), name),
          orNone(resolver.resolve6(name), name),
        ])
        return [...toAddresses(v4, 4), ...toAddresses(v6, 6)]
      })
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

function answered<T>(name: string, ask: () => Promise<T>): Promise<T> {
  return withTimeout(patienceMs, ask).catch((error: unknown) => {
    if (error instanceof DnsError) throw error
    throw new DnsError(`no name server answered for ${name}`, { cause: error })
  })
}

async function orNone<T>(records: Promise<T[]>, name: string): Promise<T[]> {
  try {
    return await records
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (absent.has(code)) return []
    throw new DnsError(`the name servers have no answer for ${name} (${code})`, { cause: error })
  }
}
