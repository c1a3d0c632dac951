import type { ServerName } from '../../../matrix/ids.ts'

/** One way to reach a server: https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names */
export interface ServerRoute {
  /** What is connected to: a host name, which is looked up, or an IP address. */
  readonly host: string
  readonly port: number
  /** For the `Host` header. */
  readonly hostHeader: string
  /** The name that the certificate must carry; undefined: the address that is connected to. */
  readonly certificateName: string | undefined
}

export interface Discovery {
  /** In the order in which they are to be tried; none: the server says that it is nowhere. */
  readonly routes: readonly ServerRoute[]
  /** When what the host says about itself is to be asked for again, in ms. */
  readonly until?: number
  /** How they were found, for people: one sentence for each step. */
  readonly steps: readonly string[]
}

/** Finds the ways to a server, in a few seconds at most. Throws a `FetchError` where that is impossible. */
export type Discover = (server: ServerName) => Promise<Discovery>
