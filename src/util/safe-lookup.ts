import type { LookupAddress } from 'node:dns'
import { lookup as systemLookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { FetchError } from './fetch-error.ts'

/** Resolves a host name to its addresses. */
export type Resolve = (hostname: string) => Promise<LookupAddress[]>

export const systemResolve: Resolve = (hostname) => systemLookup(hostname, { all: true, verbatim: true })

/** Refuses a forbidden address that stands in the URL itself: sockets to literals never ask for a lookup. */
export function requireAllowedHost(hostname: string, isAllowed: (address: string) => boolean): void {
  const literal = hostname.replace(/^\[|\]$/g, '')
  if (isIP(literal) === 0 || isAllowed(literal)) return
  throw new FetchError('blocked_address', `${literal} is an address of a private network`)
}

/**
 * A lookup for sockets that yields allowed addresses only. The check and the connection use the same answer, so a name
 * that points elsewhere the next time it is asked (DNS rebinding) gains nothing.
 */
export function createSafeLookup(resolve: Resolve, isAllowed: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    const wanted = options.family === 4 || options.family === 6 ? options.family : undefined
    resolve(hostname).then(
      (found) => {
        const usable = found.filter(({ address, family }) => (!wanted || family === wanted) && isAllowed(address))
        const first = usable[0]
        if (!first) {
          const blocked = found.length > 0
          const reason = blocked ? 'points into a private network' : 'has no address'
          callback(new FetchError(blocked ? 'blocked_address' : 'network', `${hostname} ${reason}`), '', 4)
        } else if (options.all) {
          callback(null, usable)
        } else {
          callback(null, first.address, first.family)
        }
      },
      (error: NodeJS.ErrnoException) => callback(error, '', 4),
    )
  }
}
