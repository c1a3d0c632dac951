import type { Database, Reader } from '../db/database.ts'
import type { RoomVersionRules } from '../matrix/room-versions.ts'
import type { Clock } from '../util/clock.ts'
import { createGathering, type Gathering } from '../util/gather.ts'
import { LruMap } from '../util/lru.ts'
import { type DraftDeps, RoomDraft } from './draft.ts'
import { type ChainDeps, persistChain } from './persist/chain.ts'
import { createPolicedChange } from './policy/policed-change.ts'
import type { RoomPolicies } from './policy/policies.ts'
import { getEventByNid } from './store-events.ts'
import { getRoom } from './store-rooms.ts'
import type { Room } from './types.ts'

/** Reads what it needs through `draft.reader` and appends events; no network, no waiting for anything else. */
export type RoomTask<T> = (draft: RoomDraft) => Promise<T>

export interface RoomWriter {
  /**
   * Runs a task under the room's lock and resolves once the events it appended are on disk. Tasks that wait for the
   * same room share one draft and one write; a task that throws takes back only its own events.
   */
  change<T>(roomId: string, task: RoomTask<T>): Promise<T | undefined>
  /** The same for a room that does not exist yet. */
  create<T>(rules: RoomVersionRules, task: RoomTask<T>): Promise<T>
}

interface Waiting {
  readonly task: RoomTask<unknown>
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

interface Answer {
  readonly waiting: Waiting
  readonly value: unknown
}

const maxBatch = 100

interface Deps extends Omit<DraftDeps, 'creationTime'>, ChainDeps {
  readonly db: Database
  /** Undefined where this server keeps to itself. */
  readonly policies: Pick<RoomPolicies, 'find' | 'ask'> | undefined
}

export function createRoomWriter(options: Deps): RoomWriter {
  const deps: DraftDeps & Deps = { ...options, creationTime: createDistinctTime(options.clock) }
  const queues = new Map<string, Waiting[]>()
  const gatherings = new LruMap<string, Gathering>(1_000)

  async function openDraft(reader: Reader, room: Room): Promise<RoomDraft> {
    const prev = []
    for (const [nid, eventId] of room.extremities) {
      const sha256 =
        room.rules.eventIdFormat === 'v1' ? (await getEventByNid(reader, nid))?.pdu.hashes?.sha256 : undefined
      prev.push({ eventId, sha256 })
    }
    const depth = Math.max(0, ...room.extremities.map(([, , depth]) => depth))
    return new RoomDraft(deps, reader, room.rules, room, { prev, depth })
  }

  const { policies } = deps
  const policed = policies && createPolicedChange({ ...deps, policies }, openDraft)

  async function runTasks(draft: RoomDraft, batch: readonly Waiting[]): Promise<Answer[]> {
    const answers: Answer[] = []
    for (const waiting of batch) {
      draft.begin()
      try {
        answers.push({ waiting, value: await waiting.task(draft) })
      } catch (error) {
        draft.rollback()
        waiting.reject(error)
      }
    }
    return answers
  }

  /** What is written together with the events of several tasks may fail: then each is tried by itself. */
  async function runAlone(roomId: string, tasks: readonly Answer[]): Promise<void> {
    for (const { waiting } of tasks) await runBatch(roomId, [waiting])
  }

  /** Policy servers are asked outside of any write, for one task after another. */
  async function runPoliced(roomId: string, { task, resolve, reject }: Waiting): Promise<void> {
    await policed?.(roomId, task).then(resolve, reject)
  }

  async function runBatch(roomId: string, queue: Waiting[]): Promise<number> {
    let batch: readonly Waiting[] = []
    /** What has failed by itself is answered already. */
    let together: readonly Answer[] = []
    try {
      const answers = await deps.db.write('change room', async (tx) => {
        const room = await getRoom(tx, roomId)
        if (room !== undefined && (await policies?.find(tx, room))) return 'policed'
        // Whoever has come while other writes were under way is in time.
        batch = queue.splice(0, maxBatch)
        if (room === undefined) return undefined
        const draft = await openDraft(tx, room)
        const answers = await runTasks(draft, batch)
        const { events, works } = draft
        if (answers.length > 1 && works.length > 0) together = answers
        if (events.length > 0) {
          await persistChain(deps, tx, { room, roomId: room.roomId, rules: room.rules, events, works })
        }
        return answers
      })
      if (answers === 'policed') batch = queue.splice(0, 1)
      if (answers === 'policed') for (const waiting of batch) await runPoliced(roomId, waiting)
      else if (answers === undefined) for (const { resolve } of batch) resolve(undefined)
      else for (const { waiting, value } of answers) waiting.resolve(value)
    } catch (error) {
      if (together.length > 0) await runAlone(roomId, together)
      else for (const { reject } of batch.length > 0 ? batch : queue.splice(0)) reject(error)
    }
    return batch.length
  }

  async function drain(roomId: string, queue: Waiting[]): Promise<void> {
    const gathering = gatherings.get(roomId) ?? createGathering()
    gatherings.set(roomId, gathering)
    while (queue.length > 0) {
      await gathering.gather(() => queue.length)
      gathering.taken(await runBatch(roomId, queue))
    }
    queues.delete(roomId)
  }

  return {
    change: (roomId, task) =>
      new Promise((resolve, reject) => {
        const waiting: Waiting = {
          task,
          resolve: (value) => resolve(value as Awaited<ReturnType<typeof task>>),
          reject,
        }
        const queue = queues.get(roomId)
        if (queue !== undefined) {
          queue.push(waiting)
          return
        }
        const opened = [waiting]
        queues.set(roomId, opened)
        // Requests of the same turn of the event loop join the first batch.
        setImmediate(() => void drain(roomId, opened))
      }),
    create: (rules, task) =>
      deps.db.write('create room', async (tx) => {
        const draft = new RoomDraft(deps, tx, rules, undefined, { prev: [], depth: 0 })
        draft.begin()
        const value = await task(draft)
        const { roomId, events, works } = draft
        await persistChain(deps, tx, { room: undefined, roomId, rules, events, works })
        return value
      }),
  }
}

/** From version 12 on a room's id is the hash of its create event: two that are alike in all else must differ in this. */
function createDistinctTime(clock: Clock): () => number {
  let last = Number.NEGATIVE_INFINITY
  return () => {
    last = Math.max(clock.now(), last + 1)
    return last
  }
}
