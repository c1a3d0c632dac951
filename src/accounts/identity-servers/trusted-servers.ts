import { errors } from '../../matrix/errors.ts'

export interface TrustedServer {
  readonly name: string
  readonly url: string
}

/** The identity servers of the configuration, each by the name that clients give it (host and port). */
export interface TrustedServers {
  readonly isEmpty: boolean
  get(name: string): TrustedServer | undefined
  /** Throws `M_SERVER_NOT_TRUSTED`. */
  require(name: string): TrustedServer
}

/** `entries` are names such as `identity.example.org:8448`, or addresses where one is not reached by https. */
export function createTrustedServers(entries: readonly string[]): TrustedServers {
  const urls = new Map<string, string>()
  for (const entry of entries) {
    const url = new URL(entry.includes('://') ? entry : `https://${entry}`)
    urls.set(url.host, url.href.replace(/\/+$/, ''))
  }
  const get = (given: string) => {
    const name = given.toLowerCase().replace(/^https:\/\/|\/+$/g, '')
    const url = urls.get(name)
    return url === undefined ? undefined : { name, url }
  }
  return {
    isEmpty: urls.size === 0,
    get,
    require: (name) => {
      const server = get(name)
      if (!server) throw errors.serverNotTrusted(`This server does not work with the identity server ${name}`)
      return server
    },
  }
}
