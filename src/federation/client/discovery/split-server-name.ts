import { isIP } from 'node:net'

export interface ServerAddress {
  /** A host name or an IP address, an IPv6 one without its brackets. */
  readonly hostname: string
  readonly isIp: boolean
  /** Undefined where the name has none. */
  readonly port: number | undefined
}

/** Splits a server name: https://spec.matrix.org/v1.19/appendices/#server-name */
export function splitServerName(name: string): ServerAddress {
  const match = /^(.*?)(?::(\d{1,5}))?$/.exec(name.startsWith('[') ? name.slice(name.indexOf(']') + 1) : name)
  const port = match?.[2] === undefined ? undefined : Number(match[2])
  const hostname = name.startsWith('[') ? name.slice(1, name.indexOf(']')) : (match?.[1] ?? name)
  return { hostname, isIp: isIP(hostname) !== 0, port }
}
