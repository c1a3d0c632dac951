import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { errors } from '../matrix/errors.ts'
import { networkOf } from '../util/ip.ts'
import type { Log } from '../util/log.ts'
import { createClientAddress } from './client-address.ts'
import { corsHeaders } from './cors.ts'
import type { LimitClass, Surface } from './endpoint.ts'
import { errorReply } from './error-reply.ts'
import type { RateLimiter } from './rate-limit.ts'

/** A connection that asks for another protocol, which for us is always WebSocket. */
export interface UpgradeRequest {
  readonly incoming: IncomingMessage
  readonly socket: Duplex
  /** What has come behind the headers. */
  readonly head: Buffer
  /** The path and query as they came. May hold a token: never log it. */
  readonly url: string
  readonly ip: string
  readonly log: Log
  /** Aborts when the server stops; who has not ended by itself soon after is cut off. */
  readonly signal: AbortSignal
}

/** Takes over connections at one path; registered in `src/upgrades.ts`. */
export interface Upgrade {
  /** The whole path; with a slash at its end all that begins with it. */
  readonly path: string
  /** Default `client`. */
  readonly surface?: Surface
  /** Taken from the network of the client's address. */
  readonly limit?: LimitClass
  /** What it throws before it has written anything is answered as errors of endpoints are. */
  handle(request: UpgradeRequest): Promise<void>
}

/** The upgrades of one listener. */
export interface Upgrades {
  /** Whether somebody takes this over; else it is answered as a plain request. */
  wants(incoming: IncomingMessage): boolean
  take(incoming: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Tells everybody to end, and cuts off whoever does not. */
  stop(graceMs: number): void
}

export interface UpgradesOptions {
  readonly upgrades: readonly Upgrade[]
  readonly log: Log
  readonly limiter: RateLimiter
  /** The surfaces that are served; default all. */
  readonly serves?: readonly Surface[] | undefined
  readonly trustedProxies?: readonly string[]
}

export function createUpgrades(options: UpgradesOptions): Upgrades {
  const { log, limiter, serves } = options
  const served = options.upgrades.filter(({ surface = 'client' }) => !serves || serves.includes(surface))
  const clientAddress = createClientAddress(options.trustedProxies)
  const sockets = new Set<Duplex>()
  const stopping = new AbortController()

  const find = ({ url = '', method }: IncomingMessage) => {
    if (method !== 'GET') return undefined
    const path = url.split('?', 1)[0] ?? ''
    return served.find((upgrade) =>
      upgrade.path.endsWith('/') ? path.startsWith(upgrade.path) : path === upgrade.path,
    )
  }

  async function run(incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const upgrade = find(incoming)
    if (upgrade === undefined) throw errors.unrecognized(404)
    const forwardedFor = incoming.headers['x-forwarded-for']
    const ip = clientAddress(incoming, Array.isArray(forwardedFor) ? forwardedFor[0] : forwardedFor)
    if (upgrade.limit) limiter.take(upgrade.limit, networkOf(ip))
    await upgrade.handle({ incoming, socket, head, url: incoming.url ?? '', ip, log, signal: stopping.signal })
  }

  return {
    wants: (incoming) => find(incoming) !== undefined,
    take: (incoming, socket, head) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      // Without a listener the end of a connection would be the end of the process.
      socket.on('error', (error) => log.debug({ err: error }, 'a connection broke'))
      run(incoming, socket, head).catch((error: unknown) => refuse(socket, error, log))
    },
    stop: (graceMs) => {
      stopping.abort()
      setTimeout(() => {
        for (const socket of sockets) socket.destroy()
      }, graceMs).unref()
    },
  }
}

function refuse(socket: Duplex, error: unknown, log: Log): void {
  const { status, body, headers } = errorReply(error, log)
  const text = JSON.stringify(body)
  const lines = Object.entries({
    ...corsHeaders,
    ...headers,
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(text)),
    Connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${text}`)
}
