import type { Tx } from '../../db/database.ts'
import type { AuthState } from '../../matrix/auth-rules.ts'
import { errors, MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { isUserId, type RoomId, type UserId } from '../../matrix/ids.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'
import { createYielder } from '../../util/async.ts'
import { appendState } from '../actions/append-state.ts'
import type { Actor } from '../actor.ts'
import { moveAliases } from '../directory/store-aliases.ts'
import type { RoomDraft } from '../draft.ts'
import type { InviteUser } from '../membership/invite.ts'
import { appendJoin } from '../membership/join.ts'
import { appendBan } from '../membership/others.ts'
import type { People } from '../people.ts'
import type { RoomView } from '../room-view.ts'
import type { RoomWriter } from '../room-writer.ts'
import { getRoom, updateRoomPublic } from '../store-rooms.ts'
import type { Room } from '../types.ts'
import { type CarriedState, readCarriedState } from './carried-state.ts'
import { asRoomState, requireRules } from './create-room.ts'
import { creationContent } from './creation-content.ts'
import { carriedPowerLevels, restrictedPowerLevels } from './upgrade-power-levels.ts'

/**
 * Replaces a room by one of another version. Throws `403` unless the user may send `m.room.tombstone`, and
 * `400 M_UNSUPPORTED_ROOM_VERSION`.
 */
export type UpgradeRoom = (
  actor: Actor,
  roomId: string,
  newVersion: string,
  additionalCreators?: readonly string[],
) => Promise<RoomId>

interface Deps {
  readonly writer: RoomWriter
  readonly people: People
  readonly inviteUser: InviteUser
  readonly view: RoomView
}

interface OldRoom {
  readonly room: Room
  readonly state: AuthState
  readonly carried: CarriedState
  /** Of an upgrade before this one. */
  readonly tombstoneId: string | undefined
  /** Additional creators who were in the old room: they are invited, the rest only has the power. */
  readonly invitees: readonly UserId[]
}

export function createRoomUpgrade({ writer, people, inviteUser, view }: Deps): UpgradeRoom {
  const tombstone = (actor: Actor, replacement: string) => ({
    type: 'm.room.tombstone',
    sender: actor.userId,
    stateKey: '',
    content: { body: 'This room has been replaced', replacement_room: replacement },
  })

  async function readOldRoom(
    draft: RoomDraft,
    actor: Actor,
    rules: RoomVersionRules,
    creators: readonly UserId[],
  ): Promise<OldRoom> {
    const { room } = draft
    if (room === undefined) throw new Error('a room that exists has a row')
    await people.requireActive(draft.reader, actor.userId)
    await draft.check(tombstone(actor, room.roomId))
    const invitees: UserId[] = []
    for (const userId of creators) {
      const member = await draft.state('m.room.member', userId)
      if (userId !== actor.userId && membershipOf(member?.pdu) === 'join') invitees.push(userId)
    }
    return {
      room,
      state: await draft.stateView([
        ['m.room.create', ''],
        ['m.room.power_levels', ''],
      ]),
      tombstoneId: (await draft.state('m.room.tombstone', ''))?.eventId,
      carried: await readCarriedState(draft.reader, view, room, rules),
      invitees,
    }
  }

  async function appendNewRoom(
    draft: RoomDraft,
    actor: Actor,
    { room, state, carried }: OldRoom,
    additionalCreators: readonly UserId[],
  ): Promise<void> {
    const { userId } = actor
    const { rules } = draft
    const { additional_creators: _, predecessor: __, ...kept } = carried.create
    const lastEvent = room.extremities[0]?.[1]
    const predecessor: JsonObject = {
      room_id: room.roomId,
      ...(rules.roomIdIsCreateHash || lastEvent === undefined ? {} : { event_id: lastEvent }),
    }
    const content = creationContent(rules, userId, { ...kept, predecessor }, additionalCreators)
    const creators: readonly string[] = [userId, ...additionalCreators]
    await draft.append({ type: 'm.room.create', sender: userId, stateKey: '', content })
    await appendJoin(draft, people, actor)
    const set = (type: string, stateKey: string, value: JsonObject) =>
      appendState(draft, { type, sender: userId, stateKey, content: value })
    // As long as the room has no levels its creator may write all of this, whatever power they end up with.
    for (const entry of carried.state) await set(entry.type, entry.stateKey, entry.content)
    if (carried.canonicalAlias !== undefined) await set('m.room.canonical_alias', '', carried.canonicalAlias)
    const pause = createYielder()
    for (const ban of carried.bans) {
      await pause()
      if (!isUserId(ban.userId) || creators.includes(ban.userId)) continue
      await appendBan(draft, actor, ban.userId, ban.content)
    }
    const levels = carriedPowerLevels({ from: room.rules, to: rules, state, upgrader: userId, creators })
    await set('m.room.power_levels', '', levels)
  }

  async function closeOldRoom(draft: RoomDraft, actor: Actor, old: OldRoom, replacement: RoomId): Promise<void> {
    if ((await draft.state('m.room.tombstone', ''))?.eventId !== old.tombstoneId) {
      throw errors.badState('The room has just been replaced by another one')
    }
    await draft.append(tombstone(actor, replacement))
    draft.alsoWrite((tx, room) => takeOver(tx, room, replacement))
    const ifAllowed = (type: string, content: JsonObject) =>
      refusalIgnored(() => draft.append({ type, sender: actor.userId, stateKey: '', content }))
    const alias = await draft.state('m.room.canonical_alias', '')
    if (alias !== undefined && Object.keys(alias.pdu.content).length > 0) {
      await ifAllowed('m.room.canonical_alias', {})
    }
    const levels = (await draft.state('m.room.power_levels', ''))?.pdu.content
    const restricted = levels && restrictedPowerLevels(draft.rules, levels)
    if (restricted !== undefined) await ifAllowed('m.room.power_levels', restricted)
  }

  return async (actor, roomId, newVersion, additionalCreators = []) => {
    const rules = requireRules(newVersion)
    const named = rules.roomIdIsCreateHash ? additionalCreators : []
    if (!named.every(isUserId)) throw errors.invalidParam('additional_creators is not a list of user ids')
    const creators = [...new Set<UserId>(named)]
    const old = await writer.change(roomId, (draft) => readOldRoom(draft, actor, rules, creators))
    if (old === undefined) throw errors.forbidden('You are not in this room')
    const replacement = await writer.create(rules, async (draft) => {
      await asRoomState(() => appendNewRoom(draft, actor, old, creators))
      return draft.roomId
    })
    for (const userId of old.invitees) {
      // Their servers may be gone, or may not know the new version.
      await refusalIgnored(() => inviteUser(actor, replacement, userId), [400, 403, 404, 502])
    }
    await writer.change(roomId, (draft) => closeOldRoom(draft, actor, old, replacement))
    return replacement
  }
}

/** The tombstone and the new room are what matters; the rest is done as far as the user's power goes. */
async function refusalIgnored(task: () => Promise<unknown>, statuses = [403]): Promise<void> {
  try {
    await task()
  } catch (error) {
    if (!(error instanceof MatrixError && statuses.includes(error.status))) throw error
  }
}

/** Aliases and the place in the directory pass on with the tombstone. */
async function takeOver(tx: Tx, from: Room, replacement: RoomId): Promise<void> {
  const to = await getRoom(tx, replacement)
  if (to === undefined) throw new Error('the replacement of a room has a row')
  await moveAliases(tx, from.nid, to.nid)
  if (!from.isPublic) return
  await updateRoomPublic(tx, to.nid, true)
  await updateRoomPublic(tx, from.nid, false)
}
