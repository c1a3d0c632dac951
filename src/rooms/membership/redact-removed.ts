import type { Database, Reader, Tx } from '../../db/database.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { Pdu } from '../../matrix/event.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import { actionPower, powerOf, requiredPower } from '../../matrix/power-levels.ts'
import { createYielder } from '../../util/async.ts'
import { stateViewOf } from '../directory/state-view.ts'
import type { EventCache } from '../event-cache.ts'
import { redactStored } from '../redactions.ts'
import type { RoomView } from '../room-view.ts'
import { getEventById, listEventsByNid } from '../store-events.ts'
import { getRoom } from '../store-rooms.ts'
import { listMemberHistory, listSenders } from '../store-timeline.ts'
import type { PersistHook, Room, StoredEvent } from '../types.ts'

/** Asks, in the content of a kick or ban, to redact what the user sent since they came. */
export const redactFlag = 'org.matrix.msc4293.redact_events'

interface Deps {
  readonly db: Database
  readonly jobs: Pick<Jobs, 'enqueue' | 'handle'>
  readonly view: RoomView
  readonly events: EventCache
  readonly hooks: readonly PersistHook[]
}

const kind = 'redact events of removed member'
/** Events that are looked through at once, and the most that are redacted in one write. */
const page = 100

/** Whether this is a kick or ban that asks for redactions. Leaving by oneself redacts nothing. */
function asksForRedaction({ type, sender, state_key: target, content }: Pdu): boolean {
  if (type !== 'm.room.member' || target === undefined || target === sender) return false
  return (content.membership === 'ban' || content.membership === 'leave') && content[redactFlag] === true
}

/**
 * Redacts the events of members who are kicked or banned with the wish to do so, by who might redact them one by one. No
 * redaction event is sent: the kick or ban stands for them. It is done in the background, since there may be many.
 * https://github.com/matrix-org/matrix-spec-proposals/pull/4293
 */
export function createRemovalRedaction({ db, jobs, view, events, hooks }: Deps): PersistHook {
  async function mayRedact(reader: Reader, room: Room, { pdu, beforeNid }: StoredEvent): Promise<boolean> {
    const state = await stateViewOf(reader, view, beforeNid)
    const power = powerOf(state, room.rules, pdu.sender)
    return (
      power >= actionPower(state, room.rules, 'redact') &&
      power >= requiredPower(state, room.rules, 'm.room.redaction', false)
    )
  }

  /** Where the stay that the removal ended had begun; what the user sent before is another matter. */
  async function beginOf(reader: Reader, { roomNid, streamPos = 0, pdu }: StoredEvent): Promise<number> {
    const history = await listMemberHistory(reader, roomNid, pdu.state_key ?? '')
    const before = history.filter((event) => (event.streamPos ?? 0) < streamPos)
    let [begin] = before
    for (const event of before) {
      if (membershipOf(event.pdu) !== 'join') break
      begin = event
    }
    return begin?.streamPos ?? 0
  }

  async function redactPage(tx: Tx, room: Room, removal: StoredEvent, nids: readonly number[]): Promise<void> {
    const targets = (await listEventsByNid(tx, nids)).filter(
      ({ redactedBy, pdu }) => redactedBy === undefined && pdu.type !== 'm.room.create',
    )
    for (const target of targets) await redactStored(events, tx, room, target, removal.eventId)
    const batch = { room, events: [], history: [], currentChanges: [], removed: [], outgoing: [], redacted: targets }
    if (targets.length > 0) for (const hook of hooks) await hook(tx, batch)
  }

  async function redactAll(roomId: string, removalId: string, signal: AbortSignal): Promise<void> {
    const found = await db.read(async (reader) => {
      const [room, removal] = [await getRoom(reader, roomId), await getEventById(reader, removalId)]
      return room && removal && { room, removal, begin: await beginOf(reader, removal) }
    })
    if (found === undefined) return
    const { room, removal, begin } = found
    const pause = createYielder()
    for (let after = begin; ; ) {
      signal.throwIfAborted()
      await pause()
      const stretch = { roomNid: room.nid, after, upTo: removal.streamPos ?? 0, limit: page }
      const rows = await db.read((reader) => listSenders(reader, stretch))
      const own = rows.filter((row) => row.sender === removal.pdu.state_key && row.redacted_by === null)
      if (own.length > 0) {
        const nids = own.map((row) => row.event_nid)
        await db.write(kind, (tx) => redactPage(tx, room, removal, nids))
      }
      if (rows.length < page) return
      after = rows.at(-1)?.stream_pos ?? after
    }
  }

  jobs.handle(kind, async ({ room_id: roomId, event_id: eventId }, signal) => {
    if (typeof roomId === 'string' && typeof eventId === 'string') await redactAll(roomId, eventId, signal)
  })

  return async (tx, { room, events: batch }) => {
    for (const event of batch) {
      if (!asksForRedaction(event.pdu) || event.status !== 0 || !(await mayRedact(tx, room, event))) continue
      await jobs.enqueue(tx, kind, { room_id: room.roomId, event_id: event.eventId })
    }
  }
}
