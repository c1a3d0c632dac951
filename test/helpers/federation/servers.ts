import type { ServerName } from '../../../src/matrix/ids.ts'
import { freePort } from '../program.ts'
import { createTestServer, type TestServer, type TestServerOptions } from '../server.ts'
import { localAuthority } from './test-authority.ts'

export interface FederatedServer extends TestServer {
  /** `localhost:PORT`, where other servers reach it over TLS. */
  readonly serverName: ServerName
}

export interface FederatedServerOptions extends TestServerOptions {
  /** Its port; default any free one. For restarts under the same name. */
  federationPort?: number
}

/** A server in this process that others can reach: it trusts the authority of the tests, and has a certificate by it. */
export async function createFederatedServer(options: FederatedServerOptions = {}): Promise<FederatedServer> {
  const port = options.federationPort ?? (await freePort())
  const { caFile, local } = localAuthority()
  const { federation = {}, ...config } = options.config ?? {}
  const serverName = `localhost:${port}` as ServerName
  const tls = { cert_file: local.certFile, key_file: local.keyFile }
  const server = await createTestServer({
    ...options,
    config: {
      server_name: serverName,
      listeners: [{ port: 0 }, { port, tls, serves: ['federation', 'media'] }],
      federation: { extra_ca_file: caFile, ...Object(federation) },
      ...config,
    },
  })
  return { ...server, serverName }
}

/** Several servers that can reach each other. */
export async function connectPeers(
  count: number,
  options: FederatedServerOptions = {},
): Promise<FederatedServer[] & AsyncDisposable> {
  const servers: FederatedServer[] = []
  for (let i = 0; i < count; i++) servers.push(await createFederatedServer(options))
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()))
  }
  return Object.assign(servers, { [Symbol.asyncDispose]: stop })
}
