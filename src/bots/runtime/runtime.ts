import type { Accounts } from '../../accounts/accounts.ts'
import type { Database, Reader } from '../../db/database.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { makeUserId, type ServerName, type UserId } from '../../matrix/ids.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import type { TimerClock } from '../../util/clock.ts'
import { createLanes, type Outcome } from '../../util/lanes.ts'
import type { Log } from '../../util/log.ts'
import { type Part, StartupError } from '../../util/part.ts'
import { createActions } from './actions.ts'
import type { Bot, BotActions } from './bot.ts'
import { dispatch, type Told } from './dispatch.ts'
import { createBotQueue } from './event-queue.ts'
import { deleteBotEvent, deleteOtherBots, getNextBotEvent, listBotRooms, postponeBotEvent } from './store-bot-events.ts'

export interface BotRuntimeDeps {
  readonly serverName: ServerName
  readonly db: Database
  readonly clock: TimerClock
  readonly log: Log
  readonly accounts: Pick<Accounts, 'users'>
  readonly rooms: Pick<Rooms, 'events' | 'membership' | 'reads' | 'onPersist'>
}

/** Runs the bots of this server: each hears of every event of its rooms, in order, and also after a crash. */
export interface BotRuntime {
  /** Adds a bot before the start; returns its user. */
  add(bot: Bot): UserId
  /** What a bot does of its own accord, because of something that `cause` names for ever. */
  act(userId: UserId, cause: string): BotActions
  /** Resolves when all bots have dealt with everything, or wait for another try. */
  drain(): Promise<void>
  readonly part: Part
}

const userType = 'bot'
const firstDelay = 1000
/** After so many failures the event is passed over, so that it does not hold up its room. */
const mostAttempts = 6

export const delayAfter = (attempts: number): number => firstDelay * 2 ** (attempts - 1)

interface Place {
  readonly bot: string
  readonly roomNid: number
}

export function createBotRuntime({ serverName, db, clock, log, accounts, rooms }: BotRuntimeDeps): BotRuntime {
  const bots = new Map<string, { readonly name: string; readonly bot: Bot; readonly userId: UserId }>()
  const { reads } = rooms
  let isRunning = false
  let stopping = new AbortController()

  async function load(reader: Reader, { bot, roomNid }: Place) {
    const row = await getNextBotEvent(reader, bot, roomNid)
    if (row === undefined) return undefined
    const room = await reads.roomByNid(reader, roomNid)
    const event = (await reads.events(reader, [row.event_nid])).get(row.event_nid)
    if (room === undefined || event === undefined || event.redactedBy !== undefined) return { row, told: undefined }
    const { joined, invited } = await reads.recent.memberCounts(reader, room)
    const told: Told = { room, event, isDirect: joined + invited <= 2, signal: stopping.signal }
    return { row, told }
  }

  /** Deals with what waits in one room for one bot; returns when to try again. */
  async function work(place: Place): Promise<Outcome> {
    const running = bots.get(place.bot)
    while (isRunning && running !== undefined) {
      const next = await db.read((reader) => load(reader, place))
      if (next === undefined) return {}
      const { row, told } = next
      if (row.retry_ts > clock.now()) return { retryTs: row.retry_ts }
      const retryTs = told && (await attempt(running, told, row.attempts + 1))
      if (retryTs === undefined) await db.write('bot event', (tx) => deleteBotEvent(tx, place.bot, row.stream_pos))
      else {
        const failure = { attempts: row.attempts + 1, ...retryTs }
        await db.write('bot event failed', (tx) => postponeBotEvent(tx, place.bot, row.stream_pos, failure))
      }
    }
    return {}
  }

  /** Undefined: done, or never to be done. */
  async function attempt(
    { name, bot, userId }: { name: string; bot: Bot; userId: UserId },
    told: Told,
    attempts: number,
  ): Promise<{ retryTs: number; error: string } | undefined> {
    try {
      await dispatch(rooms, bot, userId, told)
      return undefined
    } catch (error) {
      if (told.signal.aborted) return { retryTs: clock.now(), error: 'the server stopped' }
      // Asking again changes nothing about what the rules of a room refuse.
      const isRefused = error instanceof MatrixError && error.status < 500 && error.status !== 429
      const isLast = isRefused || attempts >= mostAttempts
      log.warn(
        { err: error, bot: name, event: told.event.eventId, attempts, isLast },
        'a bot could not deal with an event',
      )
      return isLast ? undefined : { retryTs: clock.now() + delayAfter(attempts), error: String(error) }
    }
  }

  const lanes = createLanes<Place>(clock, { perLane: 4, total: 16 }, (place) =>
    work(place).catch((error: unknown) => {
      log.error({ err: error, bot: place.bot }, 'the events for a bot cannot be read')
      return { retryTs: clock.now() + delayAfter(mostAttempts) }
    }),
  )
  const wake = (bot: string, roomNid: number) => {
    if (isRunning) lanes.wake(`${bot} ${roomNid}`, bot, { bot, roomNid })
  }
  rooms.onPersist(createBotQueue({ reads, bots: () => bots.values(), wake }))

  async function requireUser({ localpart, profile, name }: Bot, userId: UserId): Promise<void> {
    const user = await db.read((reader) => accounts.users.get(reader, userId))
    if (user === undefined) {
      await accounts.users.create({ userId, displayName: profile.displayName, userType })
    } else if (user.userType !== userType || user.isDeactivated) {
      throw new StartupError(
        `The bot ${name} cannot be ${userId}, which is another account: change its localpart ${localpart}.`,
      )
    }
  }

  return {
    add: (bot) => {
      const userId = makeUserId(bot.localpart, serverName)
      bots.set(bot.name, { name: bot.name, bot, userId })
      return userId
    },
    act: (userId, cause) => createActions(rooms, userId, cause),
    drain: () => lanes.idle(),
    part: {
      name: 'bots',
      start: async () => {
        isRunning = true
        stopping = new AbortController()
        for (const { bot, userId } of bots.values()) {
          await requireUser(bot, userId)
          await bot.onStart?.(createActions(rooms, userId, `start ${clock.now()}`))
        }
        await db.write('bots', (tx) => deleteOtherBots(tx, [...bots.keys()]))
        for (const { bot, room_nid: roomNid } of await db.read(listBotRooms)) wake(bot, roomNid)
      },
      stop: async () => {
        isRunning = false
        stopping.abort()
        await lanes.stop()
      },
    },
  }
}
