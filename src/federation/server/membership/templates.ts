import { errors } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import { isUserId, type ServerName, serverOf, type UserId } from '../../../matrix/ids.ts'
import { membershipOf } from '../../../matrix/member-content.ts'
import type { RoomDraft } from '../../../rooms/draft.ts'
import { judgeRestrictedJoin } from '../../../rooms/membership/authoriser.ts'
import type { Rooms } from '../../../rooms/rooms.ts'
import type { TemplateAction } from '../../client/requests-membership.ts'

export interface TemplateRequest {
  readonly action: TemplateAction
  readonly roomId: string
  readonly userId: string
  /** Room versions that the other server knows. */
  readonly versions: readonly string[]
}

/** A member event for another server to complete, and the room's version. */
export type MakeTemplate = (
  origin: ServerName,
  request: TemplateRequest,
) => Promise<{ room_version: string; event: JsonObject }>

interface Deps {
  readonly rooms: Pick<Rooms, 'writer' | 'history' | 'localMembers' | 'whole'>
  readonly serverName: ServerName
}

/**
 * Throws `403 M_FORBIDDEN` where the room's rules or its access list forbid it, `404` for a room that nobody here is in,
 * `400 M_INCOMPATIBLE_ROOM_VERSION`, `M_UNABLE_TO_AUTHORISE_JOIN`, `M_UNABLE_TO_GRANT_JOIN`.
 */
export function createMakeTemplate({ rooms, serverName }: Deps): MakeTemplate {
  const { writer, history, localMembers, whole } = rooms

  async function build(draft: RoomDraft, origin: ServerName, request: TemplateRequest, userId: UserId) {
    const { room, rules, reader } = draft
    if (room?.stateNid === undefined) throw errors.notFound('This server does not know that room')
    if (!(await history.isAllowed(reader, room, origin))) throw errors.forbidden('The room keeps your server out')
    if (!request.versions.includes(rules.version) && request.action !== 'leave') {
      throw errors.incompatibleRoomVersion(rules.version)
    }
    const authoriser = request.action === 'join' ? await authoriserFor(draft, userId) : undefined
    const { event_id: _, ...event } = await draft.propose({
      type: 'm.room.member',
      sender: userId,
      stateKey: userId,
      content: {
        membership: request.action,
        ...(authoriser === undefined ? {} : { join_authorised_via_users_server: authoriser }),
      },
    })
    // A PDU holds nothing but JSON.
    return { room_version: rules.version, event: { ...event, origin: serverName } as unknown as JsonObject }
  }

  return async (origin, request) => {
    const { roomId, userId } = request
    if (!isUserId(userId)) throw errors.invalidParam('The user id is not valid')
    if (serverOf(userId) !== origin) throw errors.forbidden(`${userId} is no user of your server`)
    if ((await localMembers.of(roomId)).size === 0) throw errors.notFound('This server does not know that room')
    await whole.wait(roomId)
    const made = await writer.change(roomId, (draft) => build(draft, origin, request, userId))
    if (made === undefined) throw errors.notFound('This server does not know that room')
    return made
  }
}

/** Who of ours lets a user of another server in; undefined where nobody needs to. */
export async function authoriserFor(draft: RoomDraft, userId: UserId): Promise<UserId | undefined> {
  const membership = membershipOf((await draft.state('m.room.member', userId))?.pdu)
  // The rules themselves refuse who is banned.
  if (membership === 'invite' || membership === 'join' || membership === 'ban') return undefined
  const verdict = await judgeRestrictedJoin(draft, userId)
  switch (verdict.kind) {
    case 'open':
      return undefined
    case 'vouched':
      return verdict.authoriser
    case 'nobody':
      throw errors.unableToGrantJoin()
    case 'unknown':
      throw errors.unableToAuthoriseJoin()
    default:
      throw errors.forbidden('You are in none of the rooms whose members may join')
  }
}
