import type { ServerName } from '../../../src/matrix/ids.ts'
import { freePort, temporaryFolder } from '../program.ts'
import { type ServerProcess, type ServerProcessOptions, startServerProcess } from '../server-process.ts'
import { localAuthority } from './test-authority.ts'

export interface FederatedProcess extends ServerProcess {
  readonly serverName: ServerName
  readonly federationPort: number
}

/** The program as people run it, with a TLS listener for other servers. The same port and folder go on with the same server. */
export async function startFederatedProcess(
  t: { after(fn: () => unknown): void },
  options: ServerProcessOptions & { federationPort?: number } = {},
): Promise<FederatedProcess> {
  const federationPort = options.federationPort ?? (await freePort())
  const serverName = `localhost:${federationPort}` as ServerName
  const { caFile, local } = localAuthority()
  const started = await startServerProcess(t, {
    ...options,
    dataDir: options.dataDir ?? temporaryFolder(t),
    env: {
      RINGBACK__SERVER_NAME: serverName,
      RINGBACK__LISTENERS__1__PORT: String(federationPort),
      RINGBACK__LISTENERS__1__TLS__CERT_FILE: local.certFile,
      RINGBACK__LISTENERS__1__TLS__KEY_FILE: local.keyFile,
      RINGBACK__FEDERATION__EXTRA_CA_FILE: caFile,
      RINGBACK__OUTBOUND__ALLOW_PRIVATE_ADDRESSES: 'true',
      ...options.env,
    },
  })
  return { ...started, serverName, federationPort }
}
