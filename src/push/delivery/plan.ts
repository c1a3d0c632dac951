import type { Reader } from '../../db/database.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import type { ListNotified } from '../notified/notified.ts'
import type { PusherRow } from '../store-pushers.ts'
import type { UnreadTotal } from './badges.ts'
import type { Describe } from './describe.ts'
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
  readonly describe: Describe
  readonly list: ListNotified
  readonly unreadTotal: UnreadTotal
}

export function createPlans({ clock, describe, list, unreadTotal }: Deps): MakePlan {
  return async (reader, row, { after, isLate }) => {
    // Only local users have pushers, and their ids are valid.
    const userId = row.user_id as UserId
    const page = await list(reader, userId, { after, upTo: undefined, limit: maxDue, only: 'unread' })
    const oldest = clock.now() - maxAge
    const wanted = page.found.filter(({ event }) => !isLate || event.pdu.origin_server_ts >= oldest).reverse()
    const due: Due[] = []
    for (const one of wanted) due.push({ ...one, roomId: one.room.roomId, ...(await describe(reader, userId, one)) })
    return { due, at: page.at, unread: await unreadTotal(reader, userId, page.at) }
  }
}
