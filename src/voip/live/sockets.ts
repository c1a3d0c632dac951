import { WebSocketServer } from 'ws'
import type { Database } from '../../db/database.ts'
import type { Streams } from '../../db/streams.ts'
import { type Authenticate, authorize, masquerade } from '../../http/auth.ts'
import { firstValue, parseQuery } from '../../http/query.ts'
import type { RateLimiter } from '../../http/rate-limit.ts'
import type { UpgradeRequest } from '../../http/upgrade.ts'
import { errors } from '../../matrix/errors.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { TimerClock } from '../../util/clock.ts'
import type { Part } from '../../util/part.ts'
import { type Connection, closeCodes, createConnection } from './connection.ts'
import { type LiveStart, liveProtocol, liveStartOf, tokenOfSocket } from './offer.ts'
import { getPrunedPosition } from './store-live.ts'

/** The open sockets of this process. */
export interface LiveSockets {
  /** Opens a socket for whoever the request is from, or throws what the request is answered with. */
  open(request: UpgradeRequest): Promise<void>
  readonly part: Part
}

export interface LiveSocketsDeps {
  readonly db: Database
  readonly streams: Streams
  readonly clock: TimerClock
  readonly limiter: RateLimiter
  readonly authenticate: Authenticate
}

const maxPerUser = 20
/** Clients have nothing to say. */
const maxPayload = 4096
const retryMs = 30_000

export function createLiveSockets({ db, streams, clock, limiter, authenticate }: LiveSocketsDeps): LiveSockets {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload,
    handleProtocols: (offered) => (offered.has(liveProtocol) ? liveProtocol : false),
  })
  const byUser = new Map<UserId, Set<Connection>>()
  let isStopping = false
  let unsubscribe: (() => void) | undefined

  const place = (userId: UserId, start: LiveStart) =>
    db.read(async (reader) => {
      const present = await streams.positionIn(reader)
      const position = typeof start === 'number' ? start : present
      return { position, isGone: position > present || position < (await getPrunedPosition(reader, userId)) }
    })

  function add(userId: UserId, connection: Connection): () => void {
    const connections = byUser.get(userId) ?? new Set()
    byUser.set(userId, connections.add(connection))
    return () => {
      connections.delete(connection)
      if (connections.size === 0) byUser.delete(userId)
    }
  }

  return {
    open: async ({ incoming, socket, head, url, ip, log }) => {
      const query = parseQuery(url)
      const token = tokenOfSocket(incoming.headers)
      const recheck = () =>
        authorize('user', token, authenticate, () => ({
          ...masquerade(query),
          allowLocked: false,
          allowExpired: false,
          ip,
          userAgent: incoming.headers['user-agent'],
        }))
      const requester = await recheck()
      if (requester === undefined) throw errors.missingToken()
      const { userId } = requester
      limiter.take('general', userId)
      const start = liveStartOf(firstValue(query, 'from'))
      const { position, isGone } = await place(userId, start)
      if ((byUser.get(userId)?.size ?? 0) >= maxPerUser) {
        throw errors.limitExceeded(retryMs, `Nobody may have more than ${maxPerUser} live sockets open`)
      }
      server.handleUpgrade(incoming, socket, head, (webSocket) => {
        const connection = createConnection({ db, clock, log, socket: webSocket, userId, position, recheck })
        webSocket.once('close', add(userId, connection))
        if (isStopping) return connection.close(closeCodes.goingAway, 'the server stops')
        if (isGone) return connection.close(closeCodes.positionGone, 'the position is gone')
        if (start === 'now') webSocket.send(JSON.stringify({ pos: position, type: 'position' }))
        connection.wake()
      })
    },
    part: {
      name: 'live sockets',
      start: (signal) => {
        unsubscribe = streams.subscribe(({ users = [] }) => {
          for (const userId of users) for (const connection of byUser.get(userId as UserId) ?? []) connection.wake()
        })
        signal.addEventListener('abort', () => {
          isStopping = true
          for (const connections of byUser.values()) {
            for (const connection of connections) connection.close(closeCodes.goingAway, 'the server stops')
          }
        })
      },
      stop: () => unsubscribe?.(),
    },
  }
}
