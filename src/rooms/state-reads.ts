import type { Database, Reader } from '../db/database.ts'
import type { Requester } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import type { UserId } from '../matrix/ids.ts'
import { requireAccess, requireUserIn } from './access.ts'
import type { Audience, ClientEvent, ClientEvents } from './client-event.ts'
import type { WholeRooms } from './partial/whole-rooms.ts'
import type { RoomView } from './room-view.ts'
import { getStateNidAt, listTimeline } from './store-events.ts'
import { listMembers } from './store-members.ts'
import type { Room } from './types.ts'
import type { Visibility } from './visibility.ts'

export interface MembersRequest {
  /** Stream position; undefined: as far as the user may see. Throws `403` where the user saw nothing then. */
  readonly at: number | undefined
  readonly membership: string | undefined
  readonly notMembership: string | undefined
}

export interface StateReads {
  /** The room's state, as of the leave event for those who left. */
  all(audience: Audience, roomId: string): Promise<ClientEvent[]>
  /** One state event. Throws 404 where the room has no such state. */
  one(audience: Audience, roomId: string, type: string, stateKey: string): Promise<ClientEvent>
  members(audience: Audience, roomId: string, request: MembersRequest): Promise<ClientEvent[]>
  joinedMembers(
    requester: Pick<Requester, 'userId' | 'appservice'>,
    roomId: string,
  ): Promise<Record<string, JoinedMember>>
}

interface JoinedMember {
  display_name?: string
  avatar_url?: string
}

const memberType = 'm.room.member'
const oldestPos = Number.MIN_SAFE_INTEGER

interface Deps {
  readonly db: Database
  readonly view: RoomView
  readonly visibility: Visibility
  readonly clientEvents: ClientEvents
  readonly whole: Pick<WholeRooms, 'wait'>
}

export function createStateReads({ db, view, visibility, clientEvents, whole }: Deps): StateReads {
  /** The state at a position where the user could see what happened. */
  async function stateAt(reader: Reader, room: Room, userId: UserId, at: number): Promise<number | undefined> {
    const last = await listTimeline(reader, 'b', { roomNid: room.nid, after: oldestPos, upTo: at, limit: 1 })
    const visible = await visibility.filter(reader, room, userId, last)
    if (visible.length < last.length) throw errors.forbidden('You could not see into this room then')
    return getStateNidAt(reader, room.nid, at)
  }

  return {
    all: async (audience, roomId) => {
      await whole.wait(roomId)
      return db.read(async (reader) => {
        const { room, stateNid } = await requireAccess(reader, view, roomId, audience.userId)
        return clientEvents.format(reader, room, await view.all(reader, stateNid), audience)
      })
    },
    one: async (audience, roomId, type, stateKey) => {
      // Nothing else may be missing.
      if (type === memberType) await whole.wait(roomId)
      return db.read(async (reader) => {
        const { room, stateNid } = await requireAccess(reader, view, roomId, audience.userId)
        const event = await view.entry(reader, stateNid, type, stateKey)
        const [formatted] = event === undefined ? [] : await clientEvents.format(reader, room, [event], audience)
        if (formatted === undefined) throw errors.notFound('The room has no such state')
        return formatted
      })
    },
    members: async (audience, roomId, { at, membership, notMembership }) => {
      await whole.wait(roomId)
      return db.read(async (reader) => {
        const { room, stateNid, upTo } = await requireAccess(reader, view, roomId, audience.userId)
        const state = at === undefined || at >= upTo ? stateNid : await stateAt(reader, room, audience.userId, at)
        const members = (await view.all(reader, state)).filter(({ pdu }) => {
          if (pdu.type !== memberType) return false
          const is = pdu.content.membership
          if (membership === undefined) return notMembership === undefined || is !== notMembership
          return is === membership || (notMembership !== undefined && is !== notMembership)
        })
        return clientEvents.format(reader, room, members, audience)
      })
    },
    joinedMembers: async (requester, roomId) => {
      await whole.wait(roomId)
      return db.read(async (reader) => {
        const room = await requireUserIn(reader, roomId, requester)
        const joined: Record<string, JoinedMember> = {}
        for (const row of await listMembers(reader, room.nid, 'join')) {
          joined[row.user_id] = {
            ...(row.display_name === null ? {} : { display_name: row.display_name }),
            ...(row.avatar_url === null ? {} : { avatar_url: row.avatar_url }),
          }
        }
        return joined
      })
    },
  }
}
