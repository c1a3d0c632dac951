import type { Reader, Tx } from '../../db/database.ts'
import type { FederationSender } from '../../federation/sender/sender.ts'
import type { JobHandler, Jobs } from '../../jobs/jobs.ts'
import { errors } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import type { Clock } from '../../util/clock.ts'
import { randomString } from '../../util/random.ts'
import { createShutdown, nobody, type ShutdownDeps } from './shutdown.ts'
import {
  deleteEndedBefore,
  getPurge,
  insertPurge,
  isUnderWay,
  listPurges,
  type PurgeRow,
  updatePurge,
} from './store-purges.ts'
import type { HistoryRequest, PurgeState, RoomRequest, Shutdown } from './types.ts'

/** What administrators have removed from rooms, and of rooms. It is done in the background, and goes on after a crash. */
export interface Purges {
  /** Throws `400` while something is being removed of the room. */
  startHistory(by: UserId, roomId: string, request: HistoryRequest): Promise<string>
  startRoom(by: UserId, roomId: string, request: RoomRequest & { block: boolean }): Promise<string>
  /** Throws `404`. */
  get(purgeId: string, kind: PurgeRow['kind']): Promise<PurgeState>
  /** Of a room, oldest first. */
  listOfRoom(roomId: string): Promise<PurgeState[]>
  /** Resolves when it has ended. */
  ended(purgeId: string, signal: AbortSignal): Promise<PurgeState>
}

export interface PurgesDeps extends ShutdownDeps {
  readonly clock: Clock
  readonly jobs: Pick<Jobs, 'enqueue' | 'handle'>
  readonly sender: Pick<FederationSender, 'isOwing'>
  readonly rooms: ShutdownDeps['rooms'] & Pick<Rooms, 'purging' | 'blocks'>
}

const kinds = { history: 'rooms.purge history', room: 'rooms.purge' } as const
/** How long one can see what became of it, in ms. */
const remembered = 7 * 24 * 3_600_000
/** For so long, in ms, it waits until others have heard that our users have left, and how often it looks. */
const longestWait = 5 * 60_000
const interval = 1_000

export function createPurges(deps: PurgesDeps): Purges {
  const { db, clock, jobs, log, rooms, sender } = deps
  const shutDown = createShutdown(deps)
  const waiting = new Map<string, PromiseWithResolvers<void>>()

  async function start(tx: Tx, row: Pick<PurgeRow, 'kind' | 'room_id' | 'requested_by'>, request: object) {
    if (await isUnderWay(tx, row.room_id)) throw errors.unknown(400, 'Something is being removed of that room already')
    await deleteEndedBefore(tx, clock.now() - remembered)
    const purgeId = randomString(16)
    const created = { purge_id: purgeId, status: 'scheduled', created_ts: clock.now() } as const
    await insertPurge(tx, { ...row, ...created, request: JSON.stringify(request) })
    await jobs.enqueue(tx, kinds[row.kind], { purge_id: purgeId })
    tx.afterCommit(() => log.info({ audit: true, purge: purgeId, ...row }, 'a purge was asked for'))
    return purgeId
  }

  async function finish(row: PurgeRow, outcome: { error?: string }): Promise<void> {
    const { purge_id: id, room_id: roomId, kind } = row
    const status = outcome.error === undefined ? 'complete' : 'failed'
    await db.write('purge ended', async (tx) => {
      await updatePurge(tx, id, { status, ended_ts: clock.now(), ...outcome })
      if (kind === 'room') await rooms.blocks.reopen(tx, roomId)
    })
    log.info({ audit: true, purge: id, roomId, kind, ...outcome }, 'a purge has ended')
    waiting.get(id)?.resolve()
    waiting.delete(id)
  }

  async function again(payload: JsonObject, kind: string, ms: number): Promise<void> {
    await db.write('purge later', (tx) => jobs.enqueue(tx, kind, payload, { runAt: clock.now() + ms }))
  }

  /** Whatever goes wrong ends it, but for the end of the server: what waits for it must not wait for ever. */
  const handler = (work: (row: PurgeRow, signal: AbortSignal) => Promise<'done' | 'later'>): JobHandler => {
    return async (payload, signal) => {
      const row = await db.read((reader) => getPurge(reader, String(payload.purge_id)))
      if (row === undefined || row.ended_ts !== null) return
      try {
        if ((await work(row, signal)) === 'later') await again(payload, kinds[row.kind], interval)
        else await finish(row, {})
      } catch (error) {
        if (signal.aborted) throw error
        log.error({ err: error, purge: row.purge_id, roomId: row.room_id }, 'a purge failed')
        await finish(row, { error: error instanceof Error ? error.message : String(error) })
      }
    }
  }

  async function setStatus({ purge_id: id, status }: PurgeRow, next: 'purging' | 'shutting_down'): Promise<void> {
    if (status !== next) await db.write('purge begins', (tx) => updatePurge(tx, id, { status: next }))
  }

  async function isOwing(reader: Reader, roomId: string): Promise<boolean> {
    const room = await rooms.reads.roomById(reader, roomId)
    return room !== undefined && sender.isOwing(reader, room.nid)
  }

  jobs.handle(
    kinds.history,
    handler(async (row, signal) => {
      await setStatus(row, 'purging')
      return rooms.purging.purgeHistory(row.room_id, JSON.parse(row.request) as HistoryRequest, signal)
    }),
  )

  jobs.handle(
    kinds.room,
    handler(async (row, signal) => {
      const { purge_id: id, room_id: roomId } = row
      const request = JSON.parse(row.request) as RoomRequest
      await setStatus(row, 'shutting_down')
      const saved = (now: Shutdown) =>
        db.write('users moved', (tx) => updatePurge(tx, id, { status: 'shutting_down', result: JSON.stringify(now) }))
      const { failedUsers } = await shutDown(roomId, request, shutdownOf(row) ?? nobody, saved, signal)
      if (!request.purge) return 'done'
      if (failedUsers.length > 0 && !request.force) {
        throw new Error(`${failedUsers.length} users could not be moved out; force_purge removes the room all the same`)
      }
      if (clock.now() - row.created_ts < longestWait && (await db.read((reader) => isOwing(reader, roomId))))
        return 'later'
      await db.write('purge begins', (tx) => updatePurge(tx, id, { status: 'purging' }))
      await rooms.purging.purgeRoom(roomId, signal)
      return 'done'
    }),
  )

  const get: Purges['get'] = async (purgeId, kind) => {
    const row = await db.read((reader) => getPurge(reader, purgeId))
    if (row?.kind !== kind) throw errors.notFound('There is no such purge, or it has been forgotten')
    return stateOf(row)
  }

  return {
    get,
    startHistory: (by, roomId, request) =>
      db.write('purge history', (tx) => start(tx, { kind: 'history', room_id: roomId, requested_by: by }, request)),
    startRoom: (by, roomId, { block, ...request }) =>
      db.write('purge room', async (tx) => {
        const purgeId = await start(tx, { kind: 'room', room_id: roomId, requested_by: by }, request)
        if (block) await rooms.blocks.block(tx, roomId, by)
        else await rooms.blocks.close(tx, roomId)
        return purgeId
      }),
    listOfRoom: async (roomId) => (await db.read((reader) => listPurges(reader, roomId, 'room'))).map(stateOf),
    ended: async (purgeId, signal) => {
      const gate = waiting.get(purgeId) ?? Promise.withResolvers<void>()
      waiting.set(purgeId, gate)
      const state = await get(purgeId, 'room')
      if (state.status === 'complete' || state.status === 'failed') return state
      const onAbort = () => gate.resolve()
      signal.addEventListener('abort', onAbort, { once: true })
      await gate.promise
      signal.removeEventListener('abort', onAbort)
      signal.throwIfAborted()
      return get(purgeId, 'room')
    },
  }
}

const shutdownOf = ({ result }: PurgeRow) => (result === null ? undefined : (JSON.parse(result) as Shutdown))

const stateOf = (row: PurgeRow): PurgeState => ({
  purgeId: row.purge_id,
  status: row.status,
  error: row.error ?? undefined,
  shutdown: shutdownOf(row),
})
