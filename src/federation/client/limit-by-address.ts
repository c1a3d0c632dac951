import type { ServerAuthentication } from '../../http/server-auth.ts'
import { errors } from '../../matrix/errors.ts'
import type { ServerName } from '../../matrix/ids.ts'

type Verify = ServerAuthentication['verify']

/**
 * Servers in question at once for requests from one address. Those whose keys are known take no time; whoever invents
 * servers has us look for them, and may not take up all the searches that there can be.
 */
const mostServers = 30
const retryAfterMs = 10_000

/** Looks into no more servers for an address while it is not known of others from there who they are: `429 M_LIMIT_EXCEEDED`. */
export function limitByAddress(verify: Verify): Verify {
  const inQuestion = new Map<string, Map<ServerName, number>>()
  return async (claim) => {
    const { address, origin } = claim
    const servers = inQuestion.get(address) ?? new Map<ServerName, number>()
    const count = servers.get(origin) ?? 0
    if (count === 0 && servers.size >= mostServers) throw errors.limitExceeded(retryAfterMs)
    inQuestion.set(address, servers.set(origin, count + 1))
    try {
      return await verify(claim)
    } finally {
      const left = (servers.get(origin) ?? 1) - 1
      if (left > 0) servers.set(origin, left)
      else servers.delete(origin)
      if (servers.size === 0) inQuestion.delete(address)
    }
  }
}
