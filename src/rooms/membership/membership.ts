import type { Database, Tx } from '../../db/database.ts'
import type { Streams } from '../../db/streams.ts'
import { errors, MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { isRoomId, isUserId, type RoomId, type UserId } from '../../matrix/ids.ts'
import type { Actor } from '../actor.ts'
import type { RoomBlocks } from '../blocks/blocks.ts'
import type { Aliases } from '../directory/aliases.ts'
import type { RoomDraft } from '../draft.ts'
import type { WholeRooms } from '../partial/whole-rooms.ts'
import type { People } from '../people.ts'
import type { RemoteMembership } from '../remote/remote-membership.ts'
import type { RoomWriter } from '../room-writer.ts'
import { listJoinedRoomIds } from '../sharing.ts'
import { getMembership, updateForgotten } from '../store-members.ts'
import { getRoom } from '../store-rooms.ts'
import { NobodyMayLetIn } from './authoriser.ts'
import type { InviteUser } from './invite.ts'
import { appendJoin, removeGuest } from './join.ts'
import { appendKnock } from './knock.ts'
import { appendLeave, appendOwnLeave } from './leave.ts'
import { appendBan, appendKick, appendUnban } from './others.ts'

/** How a client names a room, and through which servers it may be reached. */
export interface RoomAddress {
  readonly roomIdOrAlias: string
  readonly via?: readonly string[]
}

/** All throw `403 M_FORBIDDEN` where the room's rules do not allow it. */
export interface Membership {
  /** Joins, or does nothing for a member. Throws `404` for a room that cannot be found. */
  join(actor: Actor, address: RoomAddress, content?: JsonObject): Promise<RoomId>
  knock(actor: Actor, address: RoomAddress, content?: JsonObject): Promise<RoomId>
  leave(actor: Actor, roomId: string, content?: JsonObject): Promise<void>
  /** Leaves whatever the account has to do with the room. Throws `403` where the room's rules forbid it. */
  withdraw(userId: UserId, roomId: string): Promise<void>
  /** Throws `400 M_UNKNOWN` for somebody who has not left. */
  forget(actor: Actor, roomId: string): Promise<void>
  invite(actor: Actor, roomId: string, target: string, content?: JsonObject): Promise<void>
  kick(actor: Actor, roomId: string, target: string, content?: JsonObject): Promise<void>
  ban(actor: Actor, roomId: string, target: string, content?: JsonObject): Promise<void>
  unban(actor: Actor, roomId: string, target: string, content?: JsonObject): Promise<void>
  listJoinedRooms(userId: UserId): Promise<string[]>
  /** Runs when a user forgets a room, in the transaction of that. */
  onForget(hook: ForgetHook): void
}

export type ForgetHook = (tx: Tx, userId: UserId) => Promise<void>

interface Deps {
  readonly db: Database
  readonly streams: Streams
  readonly writer: RoomWriter
  readonly people: People
  readonly aliases: Aliases
  readonly inviteUser: InviteUser
  /** Who may come in, or may be sent away, is known once all members are. */
  readonly whole: Pick<WholeRooms, 'wait'>
  readonly blocks: Pick<RoomBlocks, 'requireOpen'>
  /** Undefined where this server does not reach others. */
  readonly remote: RemoteMembership | undefined
}

const unknownRoom = () => errors.notFound('This server does not know that room')

export function createMembership(deps: Deps): Membership {
  const { db, streams, writer, people, aliases, inviteUser, whole, blocks, remote } = deps
  const forgetHooks: ForgetHook[] = []

  async function resolve({
    roomIdOrAlias,
    via = [],
  }: RoomAddress): Promise<{ roomId: RoomId; via: readonly string[] }> {
    if (isRoomId(roomIdOrAlias)) return { roomId: roomIdOrAlias, via }
    const { roomId, servers } = await aliases.resolve(roomIdOrAlias)
    return { roomId, via: [...via, ...servers] }
  }

  async function changeHere(roomId: string, append: (draft: RoomDraft) => Promise<unknown>): Promise<void> {
    const done = await writer.change(roomId, async (draft) => {
      await append(draft)
      return true
    })
    if (done === undefined) throw unknownRoom()
  }

  /** The other servers, where the room lives only there. */
  async function elsewhere(roomId: string, userId: UserId): Promise<RemoteMembership | undefined> {
    return remote !== undefined && (await remote.whereabouts.isElsewhere(roomId, userId)) ? remote : undefined
  }

  async function join(actor: Actor, address: RoomAddress, content: JsonObject = {}): Promise<RoomId> {
    const { roomId, via } = await resolve(address)
    await blocks.requireOpen(roomId)
    if (await (await elsewhere(roomId, actor.userId))?.enter(actor, roomId, via, content)) {
      const isOut = actor.isGuest && (await writer.change(roomId, (draft) => removeGuest(draft, actor)))
      if (isOut) throw errors.guestAccessForbidden('This room does not take guests')
      return roomId
    }
    await whole.wait(roomId)
    try {
      await changeHere(roomId, (draft) => appendJoin(draft, people, actor, content))
    } catch (error) {
      if (!(error instanceof NobodyMayLetIn) || remote === undefined) throw error
      if (!(await remote.joinThroughOthers(actor, roomId, via, content))) throw error
    }
    return roomId
  }

  async function knock(actor: Actor, address: RoomAddress, content: JsonObject = {}): Promise<RoomId> {
    const { roomId, via } = await resolve(address)
    await blocks.requireOpen(roomId)
    const others = await elsewhere(roomId, actor.userId)
    if (others) {
      await others.knock(actor, roomId, via, content)
      return roomId
    }
    await whole.wait(roomId)
    await changeHere(roomId, (draft) => appendKnock(draft, people, actor, content))
    return roomId
  }

  /** Leaves the room as `append` does, or ends an invitation or a knock of which it knows nothing. */
  async function leave(
    actor: Actor,
    roomId: string,
    content: JsonObject,
    append: (draft: RoomDraft) => Promise<unknown>,
  ): Promise<void> {
    if (!isRoomId(roomId)) throw unknownRoom()
    const others = await elsewhere(roomId, actor.userId)
    if (await others?.leave(actor, roomId, content)) return
    try {
      await changeHere(roomId, append)
    } catch (error) {
      const isRefused = error instanceof MatrixError && error.status === 403
      if (!isRefused || !(await remote?.drop(actor, roomId, content))) throw error
    }
  }

  async function onOther(
    actor: Actor,
    roomId: string,
    target: string,
    append: (draft: RoomDraft, target: UserId) => Promise<unknown>,
  ): Promise<void> {
    if (!isUserId(target)) throw errors.invalidParam('user_id is not a user id')
    await whole.wait(roomId)
    const done = await writer.change(roomId, async (draft) => {
      await people.requireActive(draft.reader, actor.userId)
      await append(draft, target)
      return true
    })
    if (done === undefined) throw errors.forbidden('You are not in this room')
  }

  return {
    join,
    knock,
    leave: (actor, roomId, content = {}) =>
      leave(actor, roomId, content, (draft) => appendOwnLeave(draft, people, actor, content)),
    withdraw: (userId, roomId) => leave({ userId }, roomId, {}, (draft) => appendLeave(draft, { userId })),
    forget: (actor, roomId) =>
      db.write('forget room', async (tx) => {
        const room = await getRoom(tx, roomId)
        const member = room && (await getMembership(tx, room.nid, actor.userId))
        if (room === undefined || member === undefined) throw errors.notFound('You were never in that room')
        if (member.membership !== 'leave' && member.membership !== 'ban') {
          throw errors.unknown(400, 'You have not left this room')
        }
        await updateForgotten(tx, room.nid, actor.userId, true)
        for (const hook of forgetHooks) await hook(tx, actor.userId)
        streams.notify(tx, { users: [actor.userId] })
      }),
    invite: async (actor, roomId, target, content) => {
      if (!isUserId(target)) throw errors.invalidParam('user_id is not a user id')
      await blocks.requireOpen(roomId)
      await inviteUser(actor, roomId, target, content)
    },
    kick: (actor, roomId, target, content) =>
      onOther(actor, roomId, target, (draft, userId) => appendKick(draft, actor, userId, content)),
    ban: (actor, roomId, target, content) =>
      onOther(actor, roomId, target, (draft, userId) => appendBan(draft, actor, userId, content)),
    unban: (actor, roomId, target, content) =>
      onOther(actor, roomId, target, (draft, userId) => appendUnban(draft, actor, userId, content)),
    onForget: (hook) => void forgetHooks.push(hook),
    listJoinedRooms: (userId) => db.read((reader) => listJoinedRoomIds(reader, userId)),
  }
}
