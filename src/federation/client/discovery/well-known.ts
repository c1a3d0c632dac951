import { z } from 'zod'
import { isServerName, type ServerName } from '../../../matrix/ids.ts'
import type { Clock } from '../../../util/clock.ts'
import { FetchError } from '../../../util/fetch-error.ts'
import { LruMap } from '../../../util/lru.ts'
import type { SafeFetch } from '../../../util/safe-fetch.ts'
import type { SafeResponse } from '../../../util/safe-response.ts'
import { cacheLifetime } from './cache-lifetime.ts'

/** What a host says about where its Matrix server is. */
export interface Delegation {
  /** Undefined: it says nothing that can be used. */
  readonly server: ServerName | undefined
  /** Why it says nothing, for people. */
  readonly reason?: string
  /** When it is to be asked again, in ms. */
  readonly until: number
  /** The host itself cannot be looked up, so that nothing else about it can. */
  readonly isDnsDead?: boolean
}

export interface WellKnown {
  /** Takes at most a few seconds and does not throw. */
  find(hostname: string): Promise<Delegation>
}

export interface WellKnownDeps {
  readonly fetch: SafeFetch
  readonly clock: Clock
  /** 443; tests choose another. */
  readonly port: number
}

interface Entry {
  readonly delegation: Delegation
  /** How often in a row there was nothing. */
  readonly failures: number
  /** How long the last useful answer may be used while there are no new ones. */
  readonly last: { readonly server: ServerName; readonly until: number } | undefined
}

const timeoutMs = 5000
const connectTimeoutMs = 3000
const maxBytes = 50 * 1024
const maxEntries = 5000
const minute = 60_000
const firstNegativeMs = 2 * minute
const longestNegativeMs = 60 * minute
const maxStaleMs = 48 * 60 * minute
const schema = z.looseObject({ 'm.server': z.string().refine(isServerName) })

/**
 * Reads `.well-known/matrix/server` and keeps what it says as long as its headers allow, between 1 and 48 hours. That
 * there is nothing is kept for 2 minutes at first and for an hour in the end.
 * https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names
 */
export function createWellKnown({ fetch, clock, port }: WellKnownDeps): WellKnown {
  const entries = new LruMap<string, Entry>(maxEntries)
  const underWay = new Map<string, Promise<Delegation>>()

  async function ask(hostname: string): Promise<Delegation> {
    const old = entries.get(hostname)
    const now = clock.now()
    try {
      const url = `https://${hostname}${port === 443 ? '' : `:${port}`}/.well-known/matrix/server`
      const response = await fetch.fetch(url, { timeoutMs, connectTimeoutMs, maxBytes, secureOnly: true })
      const found = await readDelegation(response)
      const { server } = found
      if (server === undefined) return nothing(hostname, found, old, now)
      const delegation = { server, until: now + cacheLifetime(response.headers, now) }
      entries.set(hostname, { delegation, failures: 0, last: { server, until: now + maxStaleMs } })
      return delegation
    } catch (error) {
      if (!(error instanceof FetchError)) throw error
      const isDnsDead = causedByDns(error)
      return nothing(hostname, { server: undefined, reason: error.message, isDnsDead }, old, now)
    }
  }

  /** What was said before still counts for a while: a host that is down for a moment has not moved. */
  function nothing(
    hostname: string,
    found: Omit<Delegation, 'until'>,
    old: Entry | undefined,
    now: number,
  ): Delegation {
    const failures = (old?.failures ?? 0) + 1
    const last = old?.last && old.last.until > now ? old.last : undefined
    const until = now + Math.min(firstNegativeMs * 2 ** (failures - 1), longestNegativeMs)
    const delegation = last ? { server: last.server, until } : { ...found, until }
    // That the name servers are silent says nothing about the host.
    if (!found.isDnsDead) entries.set(hostname, { delegation, failures, last })
    return delegation
  }

  return {
    find: async (hostname) => {
      const known = entries.get(hostname)
      if (known && known.delegation.until > clock.now()) return known.delegation
      const running = underWay.get(hostname)
      if (running) return running
      const started = ask(hostname).finally(() => underWay.delete(hostname))
      underWay.set(hostname, started)
      return started
    },
  }
}

async function readDelegation(response: SafeResponse): Promise<Omit<Delegation, 'until'>> {
  if (response.status !== 200) {
    response.discard()
    return { server: undefined, reason: `it answers with status ${response.status}` }
  }
  const parsed = schema.safeParse(parseJson(await response.text()))
  if (!parsed.success) return { server: undefined, reason: 'its answer has no server name as m.server' }
  return { server: parsed.data['m.server'] as ServerName }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function causedByDns(error: FetchError): boolean {
  return error.cause instanceof Error && error.cause.name === 'DnsError'
}
