import { isJsonObject } from '../../matrix/auth-state.ts'
import type { Json, Pdu } from '../../matrix/event.ts'
import { checkPduFormat } from '../../matrix/event-format.ts'
import { contentHashMatches, eventIdOf } from '../../matrix/event-hash.ts'
import {
  domainOf,
  type EventId,
  hasRoomIdShape,
  hasUserIdShape,
  type RoomId,
  type ServerName,
  serverOf,
} from '../../matrix/ids.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import type { Ingest, Receipt } from '../ingest/ports.ts'
import { getMembership, type MembershipRow } from '../store-members.ts'
import { getRoom } from '../store-rooms.ts'
import type { Room } from '../types.ts'
import { persistOutside } from './outside.ts'
import type { RemoteDeps } from './remote-deps.ts'
import type { RemoteMembership } from './remote-membership.ts'
import { serversOfInvite, type Whereabouts } from './whereabouts.ts'

/**
 * The end of an invitation or a knock in a room where nobody of ours is, as another server tells it among the events of a
 * transaction. Only who invited can take an invitation back, since nothing else can be checked; a knock is refused by
 * somebody of a server that we knew from it. Undefined where the PDU is nothing of that kind.
 */
export type TakeEnding = (origin: ServerName, pdu: Json) => Promise<EventId | undefined>

interface Entrances {
  readonly takeEnding: TakeEnding
  readonly membership: Pick<RemoteMembership, 'settled'>
}

/**
 * An ingest that takes such events too, of rooms that it does not know. What comes for a room while we enter it waits
 * until that is done: its servers send from the moment on that they have let us in.
 */
export function withEndings(ingest: Ingest, { takeEnding, membership }: Entrances): Ingest {
  return {
    ...ingest,
    receive: async (origin, pdus) => {
      const taken: Receipt[] = []
      const others: Json[] = []
      for (const pdu of pdus) {
        const eventId = await takeEnding(origin, pdu)
        if (eventId === undefined) others.push(pdu)
        else taken.push({ eventId, error: undefined })
      }
      const rooms = new Set(others.flatMap((pdu) => (isJsonObject(pdu) ? (pdu.room_id ?? []) : [])))
      await Promise.all([...rooms].map((roomId) => typeof roomId === 'string' && membership.settled(roomId)))
      return [...taken, ...(await ingest.receive(origin, others))]
    },
  }
}

export function createTakeEnding(deps: RemoteDeps & { readonly whereabouts: Whereabouts }): TakeEnding {
  const { db, keyring, people, whereabouts } = deps

  async function pendingFor(value: Json): Promise<{ room: Room; row: MembershipRow } | undefined> {
    if (!isJsonObject(value) || value.type !== 'm.room.member') return undefined
    const { room_id: roomId, state_key: target } = value
    if (typeof roomId !== 'string' || !hasRoomIdShape(roomId) || typeof target !== 'string') return undefined
    if (!hasUserIdShape(target) || !people.isLocal(target) || (await whereabouts.isHere(roomId))) return undefined
    return db.read(async (reader) => {
      const room = await getRoom(reader, roomId)
      const row = room && (await getMembership(reader, room.nid, target))
      return room && row && { room, row }
    })
  }

  return async (origin, value) => {
    const pending = await pendingFor(value)
    if (pending === undefined) return undefined
    const { room, row } = pending
    const verdict = checkPduFormat(value, room.rules)
    if (!verdict.valid || !mayEnd(origin, room.roomId, row, verdict.pdu)) return undefined
    const { unsigned: _, ...pdu } = verdict.pdu
    const [isSigned] = await keyring.verifyEvents(room.rules, [pdu])
    if (!isSigned || !contentHashMatches(pdu)) return undefined
    const event = { eventId: eventIdOf(pdu, room.rules), pdu }
    const outside = { roomId: room.roomId, rules: room.rules, event, told: JSON.parse(row.stripped_state ?? '[]') }
    await db.write('end of invitation', (tx) => persistOutside(deps, tx, outside))
    return event.eventId
  }
}

function mayEnd(origin: ServerName, roomId: RoomId, row: MembershipRow, pdu: Pdu): boolean {
  const membership = membershipOf(pdu)
  if ((membership !== 'leave' && membership !== 'ban') || serverOf(pdu.sender) !== origin) return false
  if (row.membership === 'invite') return pdu.sender === row.sender
  return row.membership === 'knock' && [...serversOfInvite(row), domainOf(roomId)].includes(origin)
}
