import type { WebSocket } from 'ws'
import type { Database } from '../../db/database.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { TimerClock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import { getPrunedPosition, type LiveRow, listLiveEvents } from './store-live.ts'

/** What a socket is closed with, besides the codes of WebSocket itself. */
export const closeCodes = {
  /** The session is over: logged out, expired, locked, deactivated. The reason is the error code. */
  sessionEnded: 4001,
  /** What came after the position is not kept any more, or the position is not of this server. Start afresh. */
  positionGone: 4010,
  goingAway: 1001,
  internalError: 1011,
} as const

/** One open socket, which follows its user's frames from a position on. */
export interface Connection {
  /** Looks whether there is something to send, and whether the session still holds. */
  wake(): void
  close(code: number, reason: string): void
}

export interface ConnectionDeps {
  readonly db: Database
  readonly clock: TimerClock
  readonly log: Log
  readonly socket: WebSocket
  readonly userId: UserId
  /** Up to where everything has been seen. */
  readonly position: number
  /** Throws where the user would be turned away by now. */
  readonly recheck: () => Promise<unknown>
}

/** Frames that are in memory for one socket at a time: the rest waits in the database until these are on their way. */
const page = 100
/** Proxies give up connections that are silent for a minute. */
const pingEvery = 25_000
/** More than a page of frames: pongs for somebody who sends pings and reads nothing. */
const maxBuffered = 16 * 1024 * 1024

export function createConnection(deps: ConnectionDeps): Connection {
  const { db, clock, log, socket, userId, recheck } = deps
  let cursor = deps.position
  let isBehind = false
  let isWorking = false
  let isAnswering = true
  let cancelPing: () => void

  const isOpen = () => socket.readyState === socket.OPEN
  const close = (code: number, reason: string) => {
    if (isOpen()) socket.close(code, reason)
  }

  /** Resolves when the frames have left this process, so that whoever reads slowly makes us wait, not fill up. */
  function send(rows: readonly LiveRow[]): Promise<void> {
    const last = rows.length - 1
    return new Promise((resolve) => {
      // After a failure the socket is closed, which ends the work.
      rows.forEach((row, i) => {
        socket.send(textOf(row), i === last ? () => resolve() : undefined)
      })
    })
  }

  async function work(): Promise<void> {
    while (isBehind && isOpen()) {
      isBehind = false
      await recheck()
      const { pruned, rows } = await db.read(async (reader) => ({
        pruned: await getPrunedPosition(reader, userId),
        rows: await listLiveEvents(reader, userId, cursor, page),
      }))
      if (cursor < pruned) return close(closeCodes.positionGone, 'the position is gone')
      const last = rows.at(-1)
      if (last === undefined) continue
      isBehind = isBehind || rows.length === page
      if (isOpen()) await send(rows)
      cursor = last.stream_pos
    }
  }

  function wake(): void {
    isBehind = true
    if (isWorking) return
    isWorking = true
    work()
      .catch((error: unknown) => {
        if (error instanceof MatrixError) return close(closeCodes.sessionEnded, error.errcode)
        log.error({ err: error }, 'a live socket cannot be followed')
        close(closeCodes.internalError, 'internal error')
      })
      .finally(() => {
        isWorking = false
        // Woken after the last look.
        if (isBehind && isOpen()) wake()
      })
  }

  function ping(): void {
    if (!isAnswering) {
      socket.terminate()
      return
    }
    isAnswering = false
    socket.ping()
    wake()
    cancelPing = clock.after(pingEvery, ping)
  }

  cancelPing = clock.after(pingEvery, ping)
  socket.on('ping', () => {
    if (socket.bufferedAmount > maxBuffered) socket.terminate()
  })
  socket.on('pong', () => {
    isAnswering = true
  })
  socket.on('error', (error) => log.debug({ err: error }, 'a live socket broke'))
  socket.on('close', () => cancelPing())
  return { wake, close }
}

const textOf = ({ stream_pos: position, frame }: LiveRow) => `{"pos":${position},${frame.slice(1)}`
