import type { Tx } from '../../db/database.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { SentMembers } from '../lazy-members.ts'
import { poll } from '../poll.ts'
import type { SyncPorts } from '../ports.ts'
import type { Waiters } from '../waiters.ts'
import { draftOf } from './connection.ts'
import { createConnections, type OpenConnection } from './connections.ts'
import { type Look, type LookDeps, look } from './look.ts'
import { createPersonalReads } from './personal.ts'
import { formatPos } from './pos.ts'
import { createFactReads } from './room-facts.ts'
import { subscribe } from './settings.ts'
import type { SlidingAnswer, SlidingRequest } from './types.ts'
import { createUserRoomLists } from './user-rooms.ts'
import { createWindowCache, fingerprintOf } from './window-cache.ts'

export interface SlidingSync {
  /**
   * Answers at once when the connection begins or there is news, else when there is news or time is up. Throws
   * `400 M_UNKNOWN_POS` where the client must begin anew.
   */
  sync(request: SlidingRequest): Promise<SlidingAnswer>
  deviceRemoved(tx: Tx, device: { userId: string; deviceId: string }): Promise<void>
  /** Reads the user's rooms anew: one was forgotten. */
  roomForgotten(tx: Tx, userId: UserId): Promise<void>
  /** Ends connections that have long not been used. */
  expire(): Promise<void>
}

/** https://github.com/matrix-org/matrix-spec-proposals/blob/main/proposals/4186-simplified-sliding-sync.md */
export function createSlidingSync(
  ports: SyncPorts,
  sentMembers: SentMembers,
  waiters: Waiters,
  answered: (userId: UserId, position: number) => void = () => {},
): SlidingSync {
  const connections = createConnections(ports)
  const lists = createUserRoomLists(ports.reads, ports.userNews)
  const deps: LookDeps = {
    ports,
    sentMembers,
    lists,
    personal: createPersonalReads(ports.accountData, ports.userNews),
    facts: createFactReads(ports.reads),
    windows: createWindowCache(),
  }

  async function lookUntilNews(request: SlidingRequest, connection: OpenConnection): Promise<SlidingAnswer> {
    const draft = draftOf(connection.state)
    const { settings } = draft
    if (request.stickySubscriptions) {
      const subscriptions = subscribe(settings.subscriptions, request.unsubscribe, request.subscriptions)
      if (subscriptions !== settings.subscriptions) draft.settings = { ...settings, subscriptions }
    }
    const selection = {
      lists: request.lists,
      subscriptions: request.stickySubscriptions ? draft.settings.subscriptions : request.subscriptions,
    }
    const named = { ...selection, fingerprint: fingerprintOf(selection) }
    let from = connection.since
    const lookAgain = async () => {
      const seen = await ports.db.read((reader) =>
        look(deps, reader, { request, connection, draft, selection: named, from }),
      )
      from = seen.next
      await acknowledge(request, seen)
      return seen
    }
    const isFirst = connection.known === undefined
    const seen = await poll({ clock: ports.clock, waiters }, request, lookAgain, isFirst)
    const saved = await connections.save(connection, request.signal.aborted ? draftOf(connection.state) : draft)
    if (!request.signal.aborted) answered(request.requester.userId, seen.next.position)
    if (!request.signal.aborted) deps.windows.settle(saved.connNid, seen.windows, saved.state)
    return {
      pos: formatPos({ connNid: saved.connNid, seq: saved.seq, token: seen.next }),
      counts: seen.windows.counts,
      rooms: seen.rooms,
      extensions: seen.extensions.answers,
    }
  }

  async function acknowledge({ requester: { userId, deviceId } }: SlidingRequest, { extensions }: Look): Promise<void> {
    if (extensions.acknowledged === undefined || deviceId === undefined) return
    await ports.e2ee.acknowledgeToDevice(userId, deviceId, extensions.acknowledged)
  }

  return {
    sync: async (request) => {
      const { requester, connId, pos } = request
      const connection = await ports.db.read((reader) => connections.open(reader, requester, connId, pos))
      return lookUntilNews(request, connection)
    },
    deviceRemoved: connections.deviceRemoved,
    roomForgotten: async (tx, userId) => tx.afterCommit(() => lists.forget(userId)),
    expire: connections.expire,
  }
}
