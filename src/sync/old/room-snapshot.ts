import type { Reader } from '../../db/database.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { formatStreamToken } from '../../matrix/stream-token.ts'
import type { Audience, ClientEvent } from '../../rooms/client-event.ts'
import type { Room } from '../../rooms/types.ts'
import { sliceTimeline } from '../timeline-section.ts'
import type { OldSyncPorts } from './ports.ts'

export interface RoomSnapshot {
  room_id: string
  membership?: string
  invite?: ClientEvent
  messages?: { start: string; end: string; chunk: ClientEvent[] }
  state?: ClientEvent[]
  visibility: 'public' | 'private'
  account_data: JsonObject[]
}

/** How far somebody may look into a room. */
export interface Outlook {
  readonly room: Room
  /** Undefined for somebody who only looks in. */
  readonly membership: string | undefined
  readonly upTo: number
  readonly stateNid: number | undefined
}

/** What there is in a room, as far as a user sees it: the newest messages, oldest first, and the state after them. */
export async function roomSnapshot(
  { reads, accountData }: OldSyncPorts,
  reader: Reader,
  audience: Audience,
  { room, membership, upTo, stateNid }: Outlook,
  { limit, to }: { limit: number; to: number },
): Promise<RoomSnapshot> {
  const { userId } = audience
  const isIn = membership === 'join'
  const end = Math.min(upTo, to)
  const slice = await sliceTimeline(reads, reader, {
    room,
    userId,
    after: undefined,
    upTo: end,
    filter: { limit },
    ignored: await accountData.ignoredUsers(reader, userId),
    isIn,
  })
  const state = await reads.view.all(reader, stateNid)
  const token = (position: number) => formatStreamToken({ position, ephemeral: 0 })
  return {
    ...(await roomFacts({ accountData }, reader, audience, room, membership)),
    messages: {
      start: token(slice.before),
      end: token(end),
      chunk: await reads.clientEvents.format(reader, room, slice.events, audience, { isIn }),
    },
    state: await reads.clientEvents.format(reader, room, state, audience, { isIn, bundled: false }),
  }
}

/** What is known of a room without looking into it. */
export async function roomFacts(
  { accountData }: Pick<OldSyncPorts, 'accountData'>,
  reader: Reader,
  { userId }: Audience,
  room: Room,
  membership: string | undefined,
): Promise<RoomSnapshot> {
  return {
    room_id: room.roomId,
    ...(membership === undefined ? {} : { membership }),
    visibility: room.isPublic ? 'public' : 'private',
    account_data: [...(await accountData.list(reader, userId, room.roomId, undefined))],
  }
}
