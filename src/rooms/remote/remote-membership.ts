import { sendKnock, sendLeave } from '../../federation/client/requests-membership.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { EventId, RoomId, ServerName, UserId } from '../../matrix/ids.ts'
import { TimeoutError, withTimeout } from '../../util/async.ts'
import { createKeyedMutex } from '../../util/keyed-mutex.ts'
import { randomString } from '../../util/random.ts'
import type { Actor } from '../actor.ts'
import { getEventByNid } from '../store-events.ts'
import { getMembership } from '../store-members.ts'
import { getRoom } from '../store-rooms.ts'
import type { Room, StoredEvent } from '../types.ts'
import { prepareEvent, type Wish } from './handshake.ts'
import { enterRoom, joinThrough } from './join-elsewhere.ts'
import { makeLocalLeave } from './local-leave.ts'
import { type OutsideEvent, persistOutside } from './outside.ts'
import type { RemoteDeps } from './remote-deps.ts'
import { readToldState } from './stripped-state.ts'
import { toJson } from './template.ts'
import { tryServers } from './try-servers.ts'
import { isToldFromElsewhere, type Whereabouts } from './whereabouts.ts'

/** Coming to, and going from, rooms through other servers. What these refuse is passed on; `502` where none helps. */
export interface RemoteMembership {
  readonly whereabouts: Whereabouts
  /**
   * Joins a room in which nobody of ours is; false where somebody else was faster, so that the room is here by now. Those
   * who join the same room at once share one attempt.
   */
  enter(actor: Actor, roomId: RoomId, via: readonly string[], content: JsonObject): Promise<boolean>
  /** Joins a room that is here, but into which nobody of ours may let the user. False where no other server is in it. */
  joinThroughOthers(actor: Actor, roomId: RoomId, via: readonly string[], content: JsonObject): Promise<boolean>
  /** Resolves when nobody is on the way into a room for the first time, or that takes too long. */
  settled(roomId: string): Promise<void>
  knock(actor: Actor, roomId: RoomId, via: readonly string[], content: JsonObject): Promise<void>
  /** Turns down an invitation or takes a knock back; where no other server helps, then for the user alone. False for somebody with neither. */
  leave(actor: Actor, roomId: RoomId, content: JsonObject): Promise<boolean>
  /**
   * Ends what only another server has told us, in a room that is here by now and knows nothing of it. False where there
   * is nothing of that kind.
   */
  drop(actor: Actor, roomId: RoomId, content: JsonObject): Promise<boolean>
}

/** A rejected invitation must not keep its user waiting for a server that is gone. */
const leaveTimeoutMs = 10_000
/** So long may what is sent to us wait for a room that we are entering. */
const entryPatienceMs = 10_000
const leaveServers = 3

export function createRemoteMembership(deps: RemoteDeps & { readonly whereabouts: Whereabouts }): RemoteMembership {
  const { db, clock, log, transport, keyring, people, whereabouts, serverName, signingKey } = deps
  const entering = createKeyedMutex()

  async function wishOf(
    actor: Actor,
    action: 'join' | 'knock',
    roomId: RoomId,
    { join_authorised_via_users_server: _, ...given }: JsonObject,
  ): Promise<Wish> {
    const { userId, sentTs } = actor
    const profile = await db.read(async (reader) => {
      await people.requireActive(reader, userId)
      return people.memberProfile(reader, userId)
    })
    return { action, roomId, userId, content: { ...profile, ...given }, sentTs, isUnlimited: actor.isAdmin }
  }

  const persist = (outside: OutsideEvent) => db.write('membership elsewhere', (tx) => persistOutside(deps, tx, outside))

  /** The invitation or knock of a user in a room where nobody of ours is. */
  function pendingOf(roomId: RoomId, userId: UserId) {
    return db.read(async (reader) => {
      const room = await getRoom(reader, roomId)
      const row = room && (await getMembership(reader, room.nid, userId))
      const isPending = row?.membership === 'invite' || row?.membership === 'knock'
      const last = row && isPending ? await getEventByNid(reader, row.event_nid) : undefined
      if (room === undefined || row === undefined || last === undefined) return undefined
      const told = JSON.parse(row.stripped_state ?? '[]') as JsonObject[]
      return { room, last, told, isFromElsewhere: isToldFromElsewhere(row) }
    })
  }

  /** Nobody but the user learns of it. */
  async function leaveAlone(
    { userId }: Actor,
    { room, last, told }: { room: Room; last: StoredEvent; told: readonly JsonObject[] },
    content: JsonObject,
  ): Promise<void> {
    const { roomId, rules } = room
    const newEventId = `$${randomString(24)}:${serverName}` as EventId
    const ending = { roomId, userId, rules, last, content, originServerTs: clock.now(), newEventId }
    await persist({ roomId, rules, event: makeLocalLeave(ending, serverName, signingKey), told })
  }

  const enterThrough = async (server: ServerName, wish: Wish) => enterRoom(deps, await joinThrough(deps, server, wish))

  async function leaveThrough(wish: Wish) {
    const servers = await whereabouts.serversFor(wish.roomId, wish.userId, [])
    return tryServers(servers.slice(0, leaveServers), log, async (server) => {
      const prepared = await prepareEvent(deps, server, wish)
      const { eventId, pdu } = prepared.event
      const target = { destination: server, timeoutMs: leaveTimeoutMs }
      await sendLeave(transport, { ...target, roomId: wish.roomId, eventId, body: toJson(pdu) })
      return prepared
    })
  }

  return {
    whereabouts,
    enter: (actor, roomId, via, content) =>
      entering.run(roomId, async () => {
        if (await whereabouts.isHere(roomId)) return false
        const wish = await wishOf(actor, 'join', roomId, content)
        const servers = await whereabouts.serversFor(roomId, actor.userId, via)
        await tryServers(servers, log, (server, isLastHope) => enterThrough(server, { ...wish, isLastHope }))
        return true
      }),
    settled: async (roomId) => {
      try {
        await withTimeout(entryPatienceMs, () => entering.run(roomId, async () => {}))
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error
      }
    },
    joinThroughOthers: async (actor, roomId, via, content) => {
      const wish = await wishOf(actor, 'join', roomId, content)
      const servers = await whereabouts.serversFor(roomId, actor.userId, via)
      if (servers.length === 0) return false
      await tryServers(servers, log, (server, isLastHope) => enterThrough(server, { ...wish, isLastHope }))
      return true
    },
    knock: async (actor, roomId, via, content) => {
      const wish = await wishOf(actor, 'knock', roomId, content)
      const servers = await whereabouts.serversFor(roomId, actor.userId, via)
      await tryServers(servers, log, async (server, isLastHope) => {
        const { rules, event } = await prepareEvent(deps, server, { ...wish, isLastHope })
        const sent = { destination: server, roomId, eventId: event.eventId, body: toJson(event.pdu) }
        const told = await readToldState(keyring, { server, roomId, rules }, await sendKnock(transport, sent))
        await persist({ roomId, rules, event, told: told.events })
      })
    },
    leave: async (actor, roomId, content) => {
      const { userId } = actor
      const pending = await pendingOf(roomId, userId)
      if (pending === undefined) return false
      try {
        const wish = { action: 'leave', roomId, userId, content, timeoutMs: leaveTimeoutMs } as const
        await persist({ roomId, ...(await leaveThrough(wish)), told: pending.told })
      } catch (error) {
        if (!(error instanceof MatrixError)) throw error
        log.info({ roomId, reason: error.message }, 'no other server was told that a user stays away')
        await leaveAlone(actor, pending, content)
      }
      return true
    },
    drop: async (actor, roomId, content) => {
      const pending = await pendingOf(roomId, actor.userId)
      if (!pending?.isFromElsewhere) return false
      await leaveAlone(actor, pending, content)
      return true
    },
  }
}
