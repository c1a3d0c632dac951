import { errors } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { EventId, UserId } from '../../matrix/ids.ts'
import type { Actor } from '../actor.ts'
import type { WholeRooms } from '../partial/whole-rooms.ts'
import type { People } from '../people.ts'
import type { RemoteInvites } from '../remote/invite-elsewhere.ts'
import type { RoomWriter } from '../room-writer.ts'
import { appendInvite, inviteTemplate } from './others.ts'

/**
 * Invites a user of this server or another one. Throws `403`, also for users who take no invitations, and `502` where the
 * user's server cannot be reached.
 */
export type InviteUser = (actor: Actor, roomId: string, target: UserId, content?: JsonObject) => Promise<EventId>

interface Deps {
  readonly writer: RoomWriter
  readonly people: People
  readonly whole: Pick<WholeRooms, 'wait'>
  /** Undefined where this server does not reach others. */
  readonly remote: RemoteInvites | undefined
}

export function createInviteUser({ writer, people, whole, remote }: Deps): InviteUser {
  return async (actor, roomId, target, content) => {
    await whole.wait(roomId)
    const eventId =
      remote === undefined || people.isLocal(target)
        ? (await writer.change(roomId, (draft) => appendInvite(draft, people, actor, target, content)))?.eventId
        : await remote.invite(roomId, (draft) => inviteTemplate(draft, people, actor, target, content))
    if (eventId === undefined) throw errors.forbidden('You are not in this room')
    return eventId
  }
}
