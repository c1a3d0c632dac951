import type { IncomingHttpHeaders } from 'node:http'
import { errorReply } from '../../../http/error-reply.ts'
import { type Reply, reply } from '../../../http/reply.ts'
import type { UpgradeRequest } from '../../../http/upgrade.ts'
import { errors } from '../../../matrix/errors.ts'
import { networkOf } from '../../../util/ip.ts'
import type { Log } from '../../../util/log.ts'
import type { SafeFetch } from '../../../util/safe-fetch.ts'
import { openUpstreamSocket } from '../../../util/upstream-socket.ts'
import { joinSockets } from './join-sockets.ts'

/** Below this path LiveKit is reached under the name of this server. */
export const sfuPath = '/livekit/sfu'

/** Passes on what the apps of participants say to LiveKit, and nothing else of it: its own interface stays inside. */
export interface SfuProxy {
  /** For `/rtc` and `/rtc/v1`. */
  open(request: UpgradeRequest): Promise<void>
  /** Why a connection was refused: `/rtc/validate` and `/rtc/v1/validate`. `url` is the path and query as they came. */
  validate(url: string, headers: IncomingHttpHeaders, ip: string): Promise<Reply>
}

export interface SfuProxyDeps {
  readonly log: Log
  readonly fetch: SafeFetch
  /** Where LiveKit listens, without a slash at its end: `http://127.0.0.1:7880`. */
  readonly base: string
  readonly limits?: Partial<typeof defaultLimits>
}

const defaultLimits = {
  /** Whole offices may stand behind one address. */
  perNetwork: 200,
  total: 10_000,
  /** Both sides send pings every few seconds. */
  idleMs: 120_000,
}

/** What is of concern to LiveKit: cookies and the like are for this server. */
const asked = ['sec-websocket-key', 'sec-websocket-version', 'sec-websocket-protocol', 'sec-websocket-extensions']
const carried = ['authorization', 'user-agent', 'origin']
const answered = ['sec-websocket-accept', 'sec-websocket-protocol', 'sec-websocket-extensions']

export function createSfuProxy({ log, fetch, base, limits }: SfuProxyDeps): SfuProxy {
  const { perNetwork, total, idleMs } = { ...defaultLimits, ...limits }
  const counts = new Map<string, number>()
  let open = 0

  function enter(network: string): () => void {
    const count = counts.get(network) ?? 0
    if (count >= perNetwork || open >= total) throw errors.limitExceeded(10_000, 'Too many connections to calls')
    counts.set(network, count + 1)
    open++
    return () => {
      open--
      const left = (counts.get(network) ?? 1) - 1
      if (left > 0) counts.set(network, left)
      else counts.delete(network)
    }
  }

  const target = (url: string) => new URL(base + url.slice(sfuPath.length))

  async function connect(
    { incoming, socket, head, url, ip, signal }: UpgradeRequest,
    leave: () => void,
  ): Promise<void> {
    const gone = new AbortController()
    socket.once('close', () => gone.abort())
    const answer = await openUpstreamSocket({
      url: target(url),
      headers: { ...pick(incoming.headers, [...asked, ...carried]), 'x-forwarded-for': ip },
      timeoutMs: 10_000,
      signal: AbortSignal.any([signal, gone.signal]),
    })
    if (answer.socket === undefined) {
      leave()
      socket.end(plainAnswer(answer.status, answer.text))
      return
    }
    const { socket: upstream, head: first } = answer
    const lines = Object.entries(pick(answer.headers, answered)).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n${lines.join('')}\r\n`,
    )
    if (first.length > 0) socket.write(first)
    if (head.length > 0) upstream.write(head)
    joinSockets(socket, upstream, { idleMs, signal, onEnd: leave })
  }

  return {
    open: async (request) => {
      if (!/^websocket$/i.test(request.incoming.headers.upgrade ?? '')) throw errors.unrecognized(404)
      const leave = enter(networkOf(request.ip))
      try {
        await connect(request, leave)
      } catch (error) {
        leave()
        throw error
      }
    },
    validate: async (url, headers, ip) => {
      try {
        const response = await fetch.fetch(target(url), {
          headers: { ...pick(headers, carried), 'x-forwarded-for': ip },
          timeoutMs: 10_000,
          maxBytes: 64 * 1024,
          maxRedirects: 0,
        })
        return reply(response.status, await response.text())
      } catch (error) {
        return errorReply(error, log)
      }
    },
  }
}

function pick(headers: IncomingHttpHeaders, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (typeof headers[name] === 'string' ? [[name, headers[name]]] : [])))
}

/** LiveKit says in plain text what is wrong with a token. */
function plainAnswer(status: number, text: string): string {
  return [
    `HTTP/1.1 ${status} Refused`,
    'content-type: text/plain; charset=utf-8',
    `content-length: ${Buffer.byteLength(text)}`,
    'access-control-allow-origin: *',
    'connection: close',
    '',
    text,
  ].join('\r\n')
}
