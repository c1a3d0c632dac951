import type { IncomingMessage } from 'node:http'
import { BlockList, isIP, isIPv6 } from 'node:net'

/** Tells the address of a request's client. */
export type ClientAddress = (incoming: IncomingMessage | undefined, forwardedFor: string | undefined) => string

/**
 * Believes `X-Forwarded-For` only from the given proxies (addresses or `net/prefix` ranges), and then takes the last
 * address in it that is not itself such a proxy: whatever stands further left may be invented by the client.
 */
export function createClientAddress(trustedProxies: readonly string[] = []): ClientAddress {
  const trusted = new BlockList()
  for (const range of trustedProxies) {
    const [address = '', prefix] = range.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (prefix === undefined) trusted.addAddress(address, family)
    else trusted.addSubnet(address, Number(prefix), family)
  }
  const isTrusted = (address: string) => trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  return (incoming, forwardedFor) => {
    const direct = plainAddress(incoming?.socket.remoteAddress ?? '127.0.0.1')
    if (forwardedFor === undefined || trustedProxies.length === 0 || !isTrusted(direct)) return direct
    let address = direct
    for (const hop of forwardedFor.split(',').reverse()) {
      const next = plainAddress(hop.trim())
      if (isIP(next) === 0) break
      address = next
      if (!isTrusted(next)) break
    }
    return address
  }
}

/** Sockets that serve both families show IPv4 addresses in their IPv6 form. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
