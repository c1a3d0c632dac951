import type { Tx } from '../../db/database.ts'
import { checkAuth } from '../../matrix/auth-rules.ts'
import { type ServerName, serverOf } from '../../matrix/ids.ts'
import { stickyUntil } from '../../matrix/sticky.ts'
import type { Clock } from '../../util/clock.ts'
import type { EventCache } from '../event-cache.ts'
import { authStateAt } from '../ingest/judge.ts'
import type { RoomView } from '../room-view.ts'
import type { PersistHook, Room, StoredEvent } from '../types.ts'
import {
  deleteExpiredSticky,
  deleteSticky,
  insertSticky,
  keepNewestSticky,
  listHiddenSticky,
  showSticky,
  updateStickyUntil,
} from './store-sticky.ts'

interface Deps {
  readonly clock: Clock
  readonly serverName: ServerName
  readonly events: EventCache
  readonly view: RoomView
}

/** A device in a call needs one or two: what is beyond floods everybody who comes in. */
const mostOfSender = 100
const mostLookedAt = 100

/** Keeps the list of sticky events: https://github.com/matrix-org/matrix-spec-proposals/pull/4354 */
export function createStickyHook({ clock, serverName, events, view }: Deps): PersistHook {
  async function keep(tx: Tx, room: Room, found: readonly Found[], now: number): Promise<void> {
    await deleteExpiredSticky(tx, now)
    for (const { event, streamPos, until } of found) {
      const { sender } = event.pdu
      const isLocal = serverOf(sender) === serverName ? 1 : 0
      const place = { event_nid: event.nid, room_nid: room.nid, stream_pos: streamPos }
      await insertSticky(tx, { ...place, sender, is_local: isLocal, expires_ts: until })
      await keepNewestSticky(tx, room.nid, sender, mostOfSender)
    }
    const last = Math.max(...found.map(({ until }) => until))
    if (last > room.stickyUntil) await updateStickyUntil(tx, room.nid, last)
  }

  /** What the room's state did not allow when it came, because a membership came later, clients get once it does. */
  async function reconsider(tx: Tx, room: Room, now: number): Promise<void> {
    const hidden = await listHiddenSticky(tx, room.nid, now, mostLookedAt)
    if (hidden.length === 0) return
    // Nobody has asked it.
    if ((await view.entry(tx, room.stateNid, 'm.room.policy', '')) !== undefined) return
    for (const nid of hidden) {
      const pdu = (await events.get(tx, nid))?.pdu
      if (pdu === undefined) continue
      const state = await authStateAt(tx, view, { rules: room.rules, pdu, instead: undefined }, room.stateNid)
      if (checkAuth(room.rules, pdu, state).allowed) await showSticky(tx, nid, room.lastPos)
    }
  }

  return async (tx, { room, events: shown, history, hidden = [], currentChanges, removed, redacted }) => {
    const now = clock.now()
    const found = [
      ...findSticky(shown, now, ({ streamPos }) => streamPos ?? room.lastPos),
      ...findSticky(history, now, () => room.lastPos),
      ...findSticky(hidden, now, () => null),
    ]
    if (found.length > 0) await keep(tx, room, found, now)
    if (found.length === 0 && room.stickyUntil <= now) return
    if (redacted.length > 0) {
      await deleteSticky(
        tx,
        redacted.map(({ nid }) => nid),
      )
    }
    if (currentChanges.length + removed.length > 0) await reconsider(tx, room, now)
  }
}

interface Found {
  readonly event: StoredEvent
  readonly streamPos: number | null
  readonly until: number
}

function findSticky(
  events: readonly StoredEvent[],
  now: number,
  placeOf: (event: StoredEvent) => number | null,
): Found[] {
  return events.flatMap((event) => {
    const until = stickyUntil(event.pdu, now)
    return until === undefined || until <= now ? [] : { event, streamPos: placeOf(event), until }
  })
}
