import { errors } from '../../../matrix/errors.ts'
import { formatStreamToken, parseStreamToken } from '../../../matrix/stream-token.ts'
import type { ClientEvent } from '../../../rooms/client-event.ts'
import { ignoredUsers } from '../../ignored-users.ts'
import { unseen, unseenSticky } from '../../sticky-section.ts'
import type { ExtensionRequests } from '../types.ts'
import type { ExtensionContext } from './context.ts'

const maxSticky = 100

export interface StickyAnswer {
  readonly next_batch: string
  readonly rooms: Readonly<Record<string, { readonly events: readonly ClientEvent[] }>>
}

/** Throws `400 M_INVALID_PARAM` for what is no token of ours. */
function positionOf(since: string): number {
  const token = parseStreamToken(since)
  if (token === undefined) throw errors.invalidParam('since of sticky_events is not a token of this server')
  return token.position
}

/**
 * The sticky events of all rooms that the user is in and that this answer does not show in a timeline: what is new since
 * the client's own token, and all that have not expired of rooms that are new to the client.
 * https://github.com/matrix-org/matrix-spec-proposals/pull/4480
 */
export async function stickyAnswer(
  context: ExtensionContext,
  { since, limit }: NonNullable<ExtensionRequests['sticky']>,
): Promise<StickyAnswer | undefined> {
  const { ports, reader, userId, to } = context
  const { sticky } = ports.reads
  const after = since === undefined ? 0 : Math.min(positionOf(since), to)
  const size = Math.min(Math.max(limit, 1), maxSticky)
  const page = await sticky.ofUser(reader, userId, { after, upTo: to, limit: size + 1 })
  const isLonger = page.length > size
  const news = page.slice(0, size)
  const byRoom = Map.groupBy(news, ({ roomNid }) => roomNid)
  const whole = await newRooms(context, since === undefined ? undefined : after)
  if (news.length === 0 && whole.size === 0) return undefined
  const ignored = await ignoredUsers(ports, reader, userId, to)
  const rooms: Record<string, { events: ClientEvent[] }> = {}
  for (const nid of new Set([...byRoom.keys(), ...whole])) {
    const room = await ports.reads.recent.room(reader, nid, to)
    if (room === undefined) continue
    const shown = (context.answers.get(nid)?.timeline?.events ?? []).map((event) => event.event_id)
    const events = whole.has(nid)
      ? await unseenSticky(ports.reads, reader, room, { after: undefined, upTo: to, shown, ignored })
      : unseen(
          (byRoom.get(nid) ?? []).map(({ event }) => event),
          { shown, ignored },
        )
    if (events.length === 0) continue
    const options = { omitRoomId: true, isIn: true }
    const formatted = await ports.reads.clientEvents.format(reader, room, events, context.audience, options)
    rooms[room.roomId] = { events: formatted }
  }
  const last = isLonger ? news.at(-1)?.streamPos : undefined
  if (news.length === 0 && Object.keys(rooms).length === 0) return undefined
  return { next_batch: formatStreamToken({ position: last ?? to, ephemeral: 0 }), rooms }
}

/** Rooms that the user has joined since, and those that the client is told of anew: it has let go of what came before. */
async function newRooms(context: ExtensionContext, since: number | undefined): Promise<Set<number>> {
  const { ports, reader, userId, to, answers } = context
  const told = [...answers].filter(([, { initial, membership }]) => initial && membership === 'join')
  const rooms = new Set(told.map(([nid]) => nid))
  if (since === undefined || ports.userNews.isQuiet(userId, since, to)) return rooms
  for (const { room_nid: nid, membership } of await ports.reads.changedMemberships(reader, userId, since)) {
    if (membership !== 'join' || rooms.has(nid)) continue
    if ((await ports.reads.membershipAt(reader, nid, userId, since)) !== 'join') rooms.add(nid)
  }
  return rooms
}
