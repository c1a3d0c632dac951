/** A machine that has certificates for some names and says which of them it was asked by. */

import type { LookupAddress } from 'node:dns'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import { type Dns, DnsError, type ServiceRecord } from '../../../src/util/dns.ts'
import type { Authority } from './certificates.ts'

export interface TlsHost extends AsyncDisposable {
  readonly port: number
  /** `SNI HOST PATH` of each request; `-` without SNI. */
  readonly seen: string[]
  readonly connections: () => number
}

/** Listens on 127.0.0.1. A client that asks by another name than these gets the certificate of the last one. */
export async function startTlsHost(
  authority: Authority,
  names: readonly string[],
  answer: RequestListener,
): Promise<TlsHost> {
  const issued = names.map((name) => [name, authority.issue(name)] as const)
  const contexts = new Map(issued.map(([name, { cert, key }]) => [name, createSecureContext({ cert, key })]))
  const last = issued.at(-1)?.[1]
  const seen: string[] = []
  let connections = 0
  const server = createServer(
    {
      cert: last?.cert,
      key: last?.key,
      SNICallback: (name, done) => done(null, contexts.get(name)),
    },
    (request, response) => {
      const sni = request.socket instanceof TLSSocket ? Reflect.get(request.socket, 'servername') : undefined
      seen.push(`${sni || '-'} ${request.headers.host} ${request.url}`)
      answer(request, response)
    },
  )
  server.on('secureConnection', () => connections++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

export interface DnsStub extends Dns {
  /** Names that exist, all of them on this machine. */
  readonly hosts: Set<string>
  readonly records: Map<string, ServiceRecord[]>
  /** What was asked for, in order. */
  readonly asked: string[]
  /** No name server answers. */
  isDead: boolean
}

export function createDnsStub(): DnsStub {
  const here: LookupAddress[] = [{ address: '127.0.0.1', family: 4 }]
  const ask = (name: string) => {
    stub.asked.push(name)
    if (stub.isDead) throw new DnsError(`no name server answered for ${name}`)
  }
  const stub: DnsStub = {
    hosts: new Set(),
    records: new Map(),
    asked: [],
    isDead: false,
    addresses: async (hostname) => {
      ask(hostname)
      return stub.hosts.has(hostname) ? here : []
    },
    services: async (name) => {
      ask(name)
      return stub.records.get(name) ?? []
    },
  }
  return stub
}
