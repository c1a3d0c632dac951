import type { Reader } from '../../db/database.ts'
import { canonicalAliasOf, roomNameOf } from '../../matrix/content.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import type { Clock } from '../../util/clock.ts'
import type { ListNotified, Notified } from '../notified/notified.ts'
import type { PusherRow } from '../store-pushers.ts'
import type { UnreadTotal } from './badges.ts'
import type { PushContent } from './payload.ts'

export interface Due extends PushContent {
  readonly pos: number
}

/** What a pusher has to send. */
export interface Plan {
  /** Oldest first. */
  readonly due: readonly Due[]
  /** Everything up to here is in the plan, or needs no sending. */
  readonly at: number
  readonly unread: number
}

export interface PlanRequest {
  readonly after: number
  /** Whether the pusher could not send for a while: then what is old is dropped. */
  readonly isLate: boolean
}

export type MakePlan = (reader: Reader, row: PusherRow, request: PlanRequest) => Promise<Plan>

/** News of yesterday is no news: after an outage only the count tells of it. */
const maxAge = 24 * 3_600_000
/** The newest that are sent one by one; the count tells of the others. */
const maxDue = 50

interface Deps {
  readonly clock: Clock
  readonly reads: Pick<RoomReads, 'view' | 'membership'>
  readonly list: ListNotified
  readonly unreadTotal: UnreadTotal
}

export function createPlans({ clock, reads, list, unreadTotal }: Deps): MakePlan {
  async function describe(reader: Reader, userId: string, one: Notified): Promise<Due> {
    const { room, event, verdict, pos } = one
    const sender = await reads.membership(reader, room.nid, event.pdu.sender)
    const own = room.stateNid === undefined ? await reads.membership(reader, room.nid, userId) : undefined
    const told = own?.stripped_state ? strippedContents(own.stripped_state) : undefined
    const state = async (type: string) =>
      told?.get(type) ?? (await reads.view.entry(reader, room.stateNid, type, ''))?.pdu
    return {
      event,
      pos,
      roomId: room.roomId,
      verdict,
      senderName: sender?.display_name ?? undefined,
      roomName: roomNameOf(await state('m.room.name')),
      roomAlias: canonicalAliasOf(await state('m.room.canonical_alias')),
    }
  }

  return async (reader, row, { after, isLate }) => {
    // Only local users have pushers, and their ids are valid.
    const userId = row.user_id as UserId
    const page = await list(reader, userId, { after, upTo: undefined, limit: maxDue, only: 'unread' })
    const oldest = clock.now() - maxAge
    const wanted = page.found.filter(({ event }) => !isLate || event.pdu.origin_server_ts >= oldest).reverse()
    const due: Due[] = []
    for (const one of wanted) due.push(await describe(reader, userId, one))
    return { due, at: page.at, unread: await unreadTotal(reader, userId, page.at) }
  }
}

/** State with an empty key as it came with an invitation from elsewhere. */
function strippedContents(text: string): Map<string, { content: JsonObject }> {
  const events = JSON.parse(text) as { type?: unknown; state_key?: unknown; content?: JsonObject }[]
  const named = events.flatMap(({ type, state_key: key, content }): [string, { content: JsonObject }][] =>
    typeof type === 'string' && key === '' && content !== undefined ? [[type, { content }]] : [],
  )
  return new Map(named)
}
