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

/** Finds the ways to a server, in the order in which they are to be tried. */
export type FindRoutes = (server: string, signal: AbortSignal) => Promise<readonly ServerRoute[]>
