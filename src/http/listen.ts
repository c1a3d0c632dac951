import type { Server } from 'node:http'
import { createServer } from 'node:http'
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { errors } from '../matrix/errors.ts'
import type { App } from './app.ts'
import { corsHeaders } from './cors.ts'
import { answerMalformed } from './malformed.ts'
import type { Upgrades } from './upgrade.ts'

export interface ListenOptions {
  readonly host: string
  /** 0 takes any free port; `Listener.port` tells which. */
  readonly port: number
  readonly app: App
  /** Serve HTTPS with this certificate and key (PEM texts). */
  readonly tls?: SecureContextOptions
  /** Takes over connections that ask for another protocol (WebSocket); the rest is answered as plain requests. */
  readonly upgrades?: Upgrades
}

export interface Listener {
  readonly host: string
  readonly port: number
  /** `http://127.0.0.1:8008`, for logs and tests. */
  readonly url: string
  /** Uses another certificate for new connections. */
  reloadTls(tls: SecureContextOptions): void
  /**
   * Stops accepting, aborts long polls, lets requests under way finish and closes idle connections. After `graceMs`
   * (default 8 s) the rest is cut off.
   */
  stop(graceMs?: number): Promise<void>
}

/** Clients keep connections for long polls; proxies in front usually give up after 60 s. */
const keepAliveMs = 75_000
/** Uploads over slow lines take their time; the headers alone may not. */
const requestMs = 60 * 60 * 1000
const sweepMs = 50

/** Starts to answer requests; rejects with the system's error when the address cannot be had. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { app, host, tls, upgrades } = options
  // Both servers below speak HTTP/1.
  const onRequest = getRequestListener((request, node) => app.fetch(request, node as HttpBindings), {
    hostname: 'localhost',
    errorHandler: () => badRequest(),
  })
  const settings = {
    keepAliveTimeout: keepAliveMs,
    headersTimeout: keepAliveMs + 5000,
    requestTimeout: requestMs,
    maxHeaderSize: 32 * 1024,
    ...(upgrades && { shouldUpgradeCallback: upgrades.wants }),
  }
  const server = tls ? createSecureServer({ ...settings, ...tls }, onRequest) : createServer(settings, onRequest)
  answerMalformed(server)
  if (upgrades) server.on('upgrade', upgrades.take)
  await bind(server, host, options.port)
  server.on('error', (error) => app.log.error({ err: error }, 'a connection could not be accepted'))
  const { port } = server.address() as AddressInfo
  return {
    host,
    port,
    url: `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    reloadTls(next) {
      if ('setSecureContext' in server) server.setSecureContext(next)
    },
    stop: (graceMs = 8000) => {
      upgrades?.stop(Math.min(graceMs, 1000))
      return stop(server, app, graceMs)
    },
  }
}

function bind(server: Server | SecureServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: 1024 }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

async function stop(server: Server | SecureServer, app: App, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  app.abortWaiting()
  // Connections become idle one by one as their answers go out, and nothing but a sweep closes those.
  const sweep = setInterval(() => server.closeIdleConnections(), sweepMs)
  const cut = setTimeout(() => server.closeAllConnections(), graceMs)
  server.closeIdleConnections()
  await closed
  clearInterval(sweep)
  clearTimeout(cut)
}

/** For requests that are no requests, such as those with an impossible Host header. */
function badRequest(): Response {
  return new Response(JSON.stringify(errors.unknown(400, 'The request is malformed').body), {
    status: 400,
    headers: { ...corsHeaders, 'Content-Type': 'application/json' },
  })
}
