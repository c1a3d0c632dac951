import type { Database, Reader } from '../../db/database.ts'
import type { Advance, Streams } from '../../db/streams.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import { createYielder, sleep } from '../../util/async.ts'
import type { TimerClock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Classes } from '../classes.ts'
import { createJudge } from '../judge.ts'
import { hasPushers, hasPushersIn, listMembersWithPushers, listThoseWithPushers } from './store-delivery.ts'

/** Finds out whose pushers may have something to send, and wakes them. */
export interface Waker {
  /** Follows the stream from its present end. */
  start(): void
  stop(): Promise<void>
  /** Something that may have been unread in the room is redacted: whoever is in it counts again. */
  recount(roomNid: number): void
  /** Resolves when everything that is committed has been looked at. */
  idle(): Promise<void>
  /** Everybody whom an event up to here concerns has been woken. */
  position(): number
}

interface Deps {
  readonly db: Database
  readonly streams: Streams
  readonly clock: TimerClock
  readonly log: Log
  readonly reads: Pick<RoomReads, 'view' | 'threadFollowers' | 'recent'>
  readonly classes: Pick<Classes, 'inRoom'>
  /** `mayHaveRead` where it is not only that something happened in a room of theirs. */
  wakeUsers(userIds: readonly string[], mayHaveRead?: boolean): Promise<void>
  wakeAll(): Promise<void>
}

/** With more news than this at once everybody looks for himself. */
const maxRooms = 300
const maxEvents = 200
const page = 200
const retryDelay = 5_000
/** What comes in quick succession is looked at together. */
const restMs = 20

interface Concerned {
  readonly users: readonly string[]
  readonly classes: readonly number[]
}

/**
 * Events are judged once for each class of rules in their room, and a member is looked at only where the class is
 * notified and the member has a pusher: a message nobody is to be told of costs the same in a room of any size. What a
 * pusher then sends it decides itself, by its user's own rules.
 */
export function createWaker(deps: Deps): Waker {
  const { db, streams, clock, log, reads, classes } = deps
  let position = 0
  let users = new Set<string>()
  let redacted = new Set<number>()
  let isDirty = false
  let working: Promise<void> | undefined
  let unsubscribe: (() => void) | undefined
  let cancelRetry: (() => void) | undefined

  /** The rooms with events after `position`, as of a snapshot; undefined: too many. */
  async function look(reader: Reader) {
    const at = await streams.positionIn(reader)
    if (at === position || !(await hasPushers(reader))) return { at, rooms: [] }
    const rooms = await reads.recent.activeRooms(reader, position, at, maxRooms + 1)
    return { at, rooms: rooms.length > maxRooms ? undefined : rooms }
  }

  async function judgeRoom(reader: Reader, roomNid: number, at: number): Promise<Concerned> {
    const room = (await hasPushersIn(reader, roomNid)) ? await reads.recent.room(reader, roomNid, at) : undefined
    if (room === undefined) return { users: [], classes: [] }
    const inRoom = await classes.inRoom(reader, roomNid)
    const events = await reads.recent.timeline(reader, { roomNid, after: position, upTo: at, limit: maxEvents })
    if (events.length === maxEvents) return { users: [], classes: inRoom.map(({ nid }) => nid) }
    const judge = createJudge({ reads }, reader, room, inRoom)
    const concerned = new Set<string>()
    const notified = new Set<number>()
    const pause = createYielder()
    for (const event of events) {
      const { byClass, named, alone } = await judge(event)
      for (const [classNid, { n }] of byClass) if (n > 0) notified.add(classNid)
      for (const classNid of alone) notified.add(classNid)
      // Whoever sends has read, and whom an event names it may notify though it notifies nobody else.
      for (const userId of [event.pdu.sender, ...named]) concerned.add(userId)
      await pause()
    }
    const users = await listThoseWithPushers(reader, roomNid, [...concerned])
    return { users, classes: [...notified] }
  }

  async function wakeClass(roomNid: number, classNid: number): Promise<void> {
    const pause = createYielder()
    for (let after = ''; ; await pause()) {
      const found = await db.read((reader) => listMembersWithPushers(reader, { roomNid, classNid, after, limit: page }))
      if (found.length > 0) await deps.wakeUsers(found)
      after = found.at(-1) ?? ''
      if (found.length < page) return
    }
  }

  async function wakeRoom(roomNid: number, at: number): Promise<void> {
    const concerned = await db.read((reader) => judgeRoom(reader, roomNid, at))
    for (const classNid of concerned.classes) await wakeClass(roomNid, classNid)
    if (concerned.users.length > 0) await deps.wakeUsers(concerned.users, true)
  }

  async function wakeWholeRoom(roomNid: number): Promise<void> {
    const found = await db.read(async (reader) =>
      (await hasPushersIn(reader, roomNid)) ? classes.inRoom(reader, roomNid) : [],
    )
    for (const { nid } of found) await wakeClass(roomNid, nid)
  }

  async function work(): Promise<void> {
    while (isDirty) {
      isDirty = false
      const named = users
      users = new Set()
      const changed = redacted
      redacted = new Set()
      try {
        const { at, rooms } = await db.read(look)
        if (rooms === undefined) await deps.wakeAll()
        for (const roomNid of rooms ?? []) await wakeRoom(roomNid, at)
        for (const roomNid of changed) await wakeWholeRoom(roomNid)
        if (named.size > 0) await deps.wakeUsers([...named], true)
        position = at
        await sleep(restMs)
      } catch (error) {
        for (const userId of named) users.add(userId)
        for (const roomNid of changed) redacted.add(roomNid)
        log.error({ err: error }, 'nobody was woken for push notifications')
        cancelRetry = clock.after(retryDelay, kick)
        return
      }
    }
  }

  function kick(): void {
    isDirty = true
    working ??= work().finally(() => {
      working = undefined
      if (isDirty) kick()
    })
  }

  return {
    start: () => {
      position = streams.position()
      unsubscribe = streams.subscribe(({ users: named = [] }: Advance) => {
        for (const userId of named) users.add(userId)
        kick()
      })
    },
    stop: async () => {
      unsubscribe?.()
      unsubscribe = undefined
      cancelRetry?.()
      await working
    },
    recount: (roomNid) => {
      if (unsubscribe === undefined) return
      redacted.add(roomNid)
      kick()
    },
    idle: async () => {
      while (working !== undefined) await working
    },
    position: () => position,
  }
}
