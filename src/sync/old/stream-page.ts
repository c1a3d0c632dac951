import type { Reader } from '../../db/database.ts'
import type { UserId } from '../../matrix/ids.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import { requireAccess } from '../../rooms/access.ts'
import type { Audience, ClientEvent } from '../../rooms/client-event.ts'
import { isHeard } from '../../rooms/ignored.ts'
import type { Room, StoredEvent } from '../../rooms/types.ts'
import { createYielder } from '../../util/async.ts'
import type { OldSyncPorts } from './ports.ts'
import { wantedInvites } from './wanted-invites.ts'

type Reads = Pick<OldSyncPorts, 'reads' | 'accountData'>

/** A room that may have news, up to a stream position. */
interface Source {
  readonly room: Room
  readonly upTo: number
  readonly isIn: boolean
}

export interface StreamPage {
  readonly events: ClientEvent[]
  /** Everything up to here has been looked at. */
  readonly end: number
}

const maxEvents = 100
/** Beyond this many rooms with news on the whole server it is cheaper to go through the user's own rooms. */
const maxActive = 300

/** The rooms of a user with news after a position: those that they are in, and those where their own membership changed. */
async function sourcesOf({ reads }: Reads, reader: Reader, userId: UserId, since: number, to: number) {
  const active = await reads.recent.activeRooms(reader, since, to, maxActive + 1)
  const changed = await reads.changedMemberships(reader, userId, since)
  const joined =
    active.length > maxActive
      ? await reads.memberships(reader, userId, 'join')
      : (await Promise.all(active.map((nid) => reads.membership(reader, nid, userId)))).filter(
          (row) => row?.membership === 'join',
        )
  const rows = [...joined, ...changed.filter(({ membership }) => membership !== 'join')]
  const sources: Source[] = []
  for (const row of rows) {
    const room = row && (await reads.recent.room(reader, row.room_nid, to))
    if (row === undefined || room === undefined || room.lastPos <= since) continue
    const isIn = row.membership === 'join'
    sources.push({ room, isIn, upTo: isIn ? to : Math.min(row.stream_pos, to) })
  }
  return sources
}

/** A room that anybody may follow who may look into it. Throws `403 M_FORBIDDEN`. */
async function sourceOfRoom({ reads }: Reads, reader: Reader, userId: UserId, roomId: string, to: number) {
  const { room, membership, upTo } = await requireAccess(reader, reads.view, roomId, userId)
  return [{ room, isIn: membership === 'join', upTo: Math.min(upTo, to) }]
}

/** What the event makes of the user themselves: that is always told. */
const ownMembership = ({ pdu }: StoredEvent, userId: UserId) =>
  pdu.type === 'm.room.member' && pdu.state_key === userId ? membershipOf(pdu) : undefined

/** The next events after a position that a user sees, in the order in which they came. */
export async function streamPage(
  ports: Reads,
  reader: Reader,
  audience: Audience,
  { since, to, roomId }: { since: number; to: number; roomId: string | undefined },
): Promise<StreamPage> {
  const { reads, accountData } = ports
  const { userId } = audience
  const sources =
    roomId === undefined
      ? await sourcesOf(ports, reader, userId, since, to)
      : await sourceOfRoom(ports, reader, userId, roomId, to)
  const ignored = await accountData.ignoredUsers(reader, userId)
  const isWanted = wantedInvites(ports, reader, userId)
  const pause = createYielder()
  let end = to
  const found: { room: Room; event: StoredEvent; pos: number }[] = []
  for (const { room, upTo, isIn } of sources) {
    const range = { roomNid: room.nid, after: since, upTo: Math.min(upTo, end), limit: maxEvents }
    const page = await reads.timelineAfter(reader, range)
    // Other rooms need be read no further than this one.
    if (page.length === maxEvents) end = page.at(-1)?.streamPos ?? end
    const visible = new Set(await reads.visibility.filter(reader, room, userId, page, isIn))
    for (const event of page) {
      const own = ownMembership(event, userId)
      const isSeen =
        own === undefined
          ? visible.has(event) && isHeard(event, ignored)
          : own !== 'invite' || (await isWanted(event.pdu.sender))
      if (isSeen) found.push({ room, event, pos: event.streamPos ?? 0 })
    }
    await pause()
  }
  const ordered = found.filter(({ pos }) => pos <= end).sort((a, b) => a.pos - b.pos)
  const chosen = ordered.slice(0, maxEvents)
  if (ordered.length > maxEvents) end = chosen.at(-1)?.pos ?? end
  const events: ClientEvent[] = []
  for (const { room, event } of chosen) {
    events.push(...(await reads.clientEvents.format(reader, room, [event], audience, { bundled: false })))
  }
  return { events, end }
}
