import type { Tx } from '../../../db/database.ts'
import { hasUserIdShape, type ServerName, serverOf } from '../../../matrix/ids.ts'
import { membershipOf } from '../../../matrix/member-content.ts'
import type { RoomView } from '../../../rooms/room-view.ts'
import type { PersistHook, Room, StoredEvent } from '../../../rooms/types.ts'
import type { RoomServers } from '../rooms/room-servers.ts'
import { hasOtherServers } from '../rooms/store-room-servers.ts'
import type { StickyQueue } from './sticky-queue.ts'
import { type OwedEvent, queueForRoom, queueForServer } from './store-queue.ts'

interface Deps {
  readonly serverName: ServerName
  readonly view: RoomView
  readonly servers: RoomServers
  readonly sticky: StickyQueue
  /** Called after the commit with servers for which something waits. */
  wake(destinations: Iterable<string>): void
}

/** Queues what we owe to other servers, one row for each server and event, in the transaction of the event. */
export function createOutbox({ serverName, view, servers, sticky, wake }: Deps): PersistHook {
  /** Whoever is turned away before having been in the room has to hear of it, too. */
  async function turnedAway(tx: Tx, { pdu, beforeNid }: StoredEvent): Promise<ServerName | undefined> {
    const target = pdu.state_key ?? ''
    if (pdu.type !== 'm.room.member' || target === pdu.sender || !hasUserIdShape(target)) return undefined
    const server = serverOf(target)
    const membership = membershipOf(pdu)
    if (server === serverName || (membership !== 'leave' && membership !== 'ban')) return undefined
    const before = membershipOf((await view.entry(tx, beforeNid, 'm.room.member', target))?.pdu)
    return before === 'invite' || before === 'knock' ? server : undefined
  }

  async function queue(tx: Tx, room: Room, event: StoredEvent, isShared: boolean, woken: Set<string>): Promise<void> {
    const { nid, streamPos, pdu } = event
    if (streamPos === undefined) return
    const owed: OwedEvent = { roomNid: room.nid, position: streamPos, nid }
    if (isShared) for (const server of await queueForRoom(tx, owed, serverOf(pdu.sender))) woken.add(server)
    const extra = await turnedAway(tx, event)
    if (extra === undefined) return
    // Nothing happens where it is owed the event as a server of the room.
    await queueForServer(tx, owed, extra)
    woken.add(extra)
  }

  return async (tx, batch) => {
    const newcomers = await sticky.newcomers(tx, batch)
    const { room, events, currentChanges, outgoing, removed, namedServers = [], isCompletion } = batch
    const owed = new Set(outgoing.map(({ nid }) => nid))
    const changed = new Map(currentChanges.map((event) => [event.nid, event]))
    const isShared = owed.size > 0 && (await hasOtherServers(tx, room.nid))
    const woken = new Set<string>()
    for (const event of events) {
      if (owed.has(event.nid)) await queue(tx, room, event, isShared, woken)
      if (changed.delete(event.nid)) await servers.follow(tx, room, [event])
    }
    if (isCompletion) await servers.complete(tx, room)
    else await servers.follow(tx, room, [...changed.values()], removed)
    if (namedServers.length > 0) await servers.name(tx, room, namedServers)
    for (const server of await sticky.queue(tx, room, newcomers)) woken.add(server)
    if (woken.size > 0) tx.afterCommit(() => wake(woken))
  }
}
