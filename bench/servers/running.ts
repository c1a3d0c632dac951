import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { Address } from '../http/connection.ts'
import type { Launcher } from './server.ts'

/** What is known of a server that somebody else started. */
export interface RunningOptions {
  name: string
  url: string
  pids: readonly number[]
  dataDir: string | undefined
  sharedSecret: string | undefined
}

/** A homeserver that runs already: it is measured as it is, and stays as it is afterwards, with the rooms made by the run. */
export function runningLauncher(options: RunningOptions): Launcher {
  return {
    name: options.name,
    owned: false,
    async start() {
      return {
        address: await loopbackAddress(options.url),
        pids: options.pids,
        dataDir: options.dataDir,
        sharedSecret: options.sharedSecret,
        serverName: undefined,
        startMs: Number.NaN,
        watchLoop: undefined,
        stop: async () => {},
      }
    },
  }
}

/** Host and port of a plain-HTTP URL; throws unless it leads to this machine, because this is a tool to flood servers. */
export async function loopbackAddress(url: string): Promise<Address> {
  const { protocol, hostname, port } = new URL(url)
  if (protocol !== 'http:') throw new Error(`${url}: only plain http is measured`)
  const name = hostname.replace(/^\[(.*)\]$/, '$1')
  const host = isIP(name) === 0 ? (await lookup(name)).address : name
  if (!host.startsWith('127.') && host !== '::1')
    throw new Error(`${url}: only this machine's loopback addresses may be loaded`)
  return { host, port: Number(port === '' ? 80 : port) }
}
