import { formatStreamToken } from '../../matrix/stream-token.ts'
import type { Audience, ClientEvent } from '../../rooms/client-event.ts'
import { createWaiters, type Waiters } from '../waiters.ts'
import type { OldSyncPorts } from './ports.ts'
import { type StreamPage, streamPage } from './stream-page.ts'

export interface StreamRequest {
  readonly audience: Audience
  /** Stream position; undefined: now. */
  readonly from: number | undefined
  /** One room, which the user need not be in; undefined: all that the user is in. */
  readonly roomId: string | undefined
  /** How long to wait for an event, in ms. */
  readonly timeout: number
  /** When the account of the requester ends; undefined: it does not. */
  readonly endsTs: number | undefined
  /** Throws where the requester has been logged out or locked, or their account ended, while the request waited. */
  readonly recheck: () => Promise<void>
  readonly signal: AbortSignal
}

export interface StreamAnswer {
  start: string
  end: string
  chunk: ClientEvent[]
}

export interface EventStream {
  /** Answers at once when there are events, else when there are some or time is up. Throws `403` for a room that is closed to the user. */
  listen(request: StreamRequest): Promise<StreamAnswer>
  start(): void
  stop(): void
}

const token = (position: number) => formatStreamToken({ position, ephemeral: 0 })

/** https://spec.matrix.org/v1.19/client-server-api/#room-previews */
export function createEventStream(ports: OldSyncPorts): EventStream {
  const { db, streams, clock } = ports
  /** Those who look into a room that they are not in are woken by nothing else. */
  const roomWaiters: Waiters = createWaiters()
  let unsubscribe: (() => void) | undefined

  function look({ audience, roomId }: StreamRequest, from: number | undefined) {
    return db.read(async (reader): Promise<StreamPage & { start: number }> => {
      const to = await streams.positionIn(reader)
      const since = Math.min(from ?? to, to)
      return { start: since, ...(await streamPage(ports, reader, audience, { since, to, roomId })) }
    })
  }

  return {
    start: () => {
      unsubscribe = streams.subscribe(({ rooms = [] }) => {
        if (roomWaiters.size > 0) roomWaiters.wakeUsers(rooms)
      })
    },
    stop: () => unsubscribe?.(),
    listen: async (request) => {
      const { audience, from, roomId, timeout, endsTs, recheck, signal } = request
      const deadline = Math.min(clock.now() + timeout, endsTs ?? Number.POSITIVE_INFINITY)
      const watch = roomId === undefined ? ports.waiters.watch(audience.userId) : roomWaiters.watch(roomId)
      try {
        let first: number | undefined
        for (let at = from; ; ) {
          const { start, end, events } = await look(request, at)
          first ??= start
          const answer = { start: token(first), end: token(end), chunk: events }
          const left = deadline - clock.now()
          if (events.length > 0 || signal.aborted) return answer
          // A page of which the user sees nothing is not the end of what there is.
          const isBehind = end < streams.position() && end > start
          if (!isBehind) {
            if (left <= 0) return answer
            const woken = await watch.wait(left, signal)
            await recheck()
            if (!woken) return answer
          }
          at = end
        }
      } finally {
        watch.stop()
      }
    },
  }
}
