import type { Reader } from '../../db/database.ts'
import { historyVisibilityOf } from '../../matrix/content.ts'
import { errors } from '../../matrix/errors.ts'
import type { Pdu } from '../../matrix/event.ts'
import { hasUserIdShape, type ServerName, serverOf } from '../../matrix/ids.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import { redact } from '../../matrix/redact.ts'
import { isServerAllowed } from '../../matrix/server-acl.ts'
import { isVisibleToServer } from '../../matrix/visibility.ts'
import { createYielder } from '../../util/async.ts'
import type { EventCache } from '../event-cache.ts'
import type { RoomView } from '../room-view.ts'
import type { States } from '../states.ts'
import { getRoom } from '../store-rooms.ts'
import type { Room, StoredEvent } from '../types.ts'
import { hasUserOf } from './store-history.ts'

/** What other servers may have of our rooms. */
export interface ServerView {
  /** Whether the room's `m.room.server_acl` lets the server take part. */
  isAllowed(reader: Reader, room: Room, server: ServerName): Promise<boolean>
  /** Throws `404` for a room that we are not in, `403` for a server that is not in it or is kept out by its rules. */
  requireMember(reader: Reader, roomId: string, server: ServerName): Promise<Room>
  /**
   * The events as another server may have them: redacted where the history visibility at the event does not show it to
   * any user of that server. https://spec.matrix.org/v1.19/server-server-api/#backfilling-and-retrieving-missing-events
   */
  show(reader: Reader, room: Room, server: ServerName, events: readonly StoredEvent[]): Promise<Pdu[]>
  /** Those of the events that the server may have in full. */
  filter(reader: Reader, room: Room, server: ServerName, events: readonly StoredEvent[]): Promise<StoredEvent[]>
}

interface Deps {
  readonly view: RoomView
  readonly states: States
  readonly events: EventCache
}

export function createServerView({ view, states, events }: Deps): ServerView {
  /** Memberships of the server's users in a state. */
  async function membershipsAt(reader: Reader, stateNid: number | undefined, server: ServerName): Promise<string[]> {
    if (stateNid === undefined) return []
    const state = await states.load(reader, stateNid)
    const nids: number[] = []
    for (const [keyNid, { type, stateKey }] of await states.keys(reader, state.keys())) {
      const nid = state.get(keyNid)
      const isTheirs = type === 'm.room.member' && hasUserIdShape(stateKey) && serverOf(stateKey) === server
      if (isTheirs && nid !== undefined) nids.push(nid)
    }
    return [...(await events.list(reader, nids)).values()].map(({ pdu }) => membershipOf(pdu) ?? 'leave')
  }

  async function isVisible(reader: Reader, stateNid: number | undefined, server: ServerName): Promise<boolean> {
    const visibility = historyVisibilityOf((await view.entry(reader, stateNid, 'm.room.history_visibility', ''))?.pdu)
    return (
      isVisibleToServer(visibility, []) || isVisibleToServer(visibility, await membershipsAt(reader, stateNid, server))
    )
  }

  async function isAllowed(reader: Reader, room: Room, server: ServerName): Promise<boolean> {
    return isServerAllowed((await view.entry(reader, room.stateNid, 'm.room.server_acl', ''))?.pdu, server)
  }

  const filter: ServerView['filter'] = async (reader, _room, server, given) => {
    const known = new Map<number | undefined, boolean>()
    const pause = createYielder()
    const visible: StoredEvent[] = []
    for (const event of given) {
      await pause()
      const { pdu, beforeNid, streamPos } = event
      // What has no place in the history is there because other events cite it: state, which authorises.
      if (serverOf(pdu.sender) === server || streamPos === undefined) visible.push(event)
      else {
        const isShown = known.get(beforeNid) ?? (await isVisible(reader, beforeNid, server))
        known.set(beforeNid, isShown)
        if (isShown) visible.push(event)
      }
    }
    return visible
  }

  return {
    isAllowed,
    requireMember: async (reader, roomId, server) => {
      const room = await getRoom(reader, roomId)
      if (room?.stateNid === undefined) throw errors.notFound('This server does not know that room')
      if (!(await isAllowed(reader, room, server))) throw errors.forbidden('The room keeps your server out')
      if (!(await hasUserOf(reader, room.nid, server, ['join'])))
        throw errors.forbidden('Your server is not in this room')
      return room
    },
    show: async (reader, room, server, given) => {
      const visible = new Set(await filter(reader, room, server, given))
      return given.map((event) => (visible.has(event) ? event.pdu : redact(event.pdu, room.rules)))
    },
    filter,
  }
}
