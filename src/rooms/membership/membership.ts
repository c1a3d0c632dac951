import type { Database, Tx } from '../../db/database.ts'
import type { Streams } from '../../db/streams.ts'
import { errors } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { isUserId, type RoomId, type UserId } from '../../matrix/ids.ts'
import type { Actor } from '../actor.ts'
import type { Aliases } from '../directory/aliases.ts'
import type { RoomDraft } from '../draft.ts'
import type { People } from '../people.ts'
import type { RoomWriter } from '../room-writer.ts'
import { listJoinedRoomIds } from '../sharing.ts'
import { getMembership, updateForgotten } from '../store-members.ts'
import { getRoom } from '../store-rooms.ts'
import { appendJoin } from './join.ts'
import { appendKnock } from './knock.ts'
import { appendOwnLeave } from './leave.ts'
import { appendBan, appendInvite, appendKick, appendUnban } from './others.ts'

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
}

export function createMembership({ db, streams, writer, people, aliases }: Deps): Membership {
  const forgetHooks: ForgetHook[] = []
  async function enter(address: RoomAddress, append: (draft: RoomDraft) => Promise<unknown>): Promise<RoomId> {
    const roomId = await aliases.requireRoomId(address.roomIdOrAlias)
    const entered = await writer.change(roomId, async (draft) => {
      await append(draft)
      return draft.roomId
    })
    if (entered === undefined) throw errors.notFound('This server does not know that room')
    return entered
  }

  async function onOther(
    actor: Actor,
    roomId: string,
    target: string,
    append: (draft: RoomDraft, target: UserId) => Promise<unknown>,
  ): Promise<void> {
    if (!isUserId(target)) throw errors.invalidParam('user_id is not a user id')
    const done = await writer.change(roomId, async (draft) => {
      await people.requireActive(draft.reader, actor.userId)
      await append(draft, target)
      return true
    })
    if (done === undefined) throw errors.forbidden('You are not in this room')
  }

  return {
    join: (actor, address, content) => enter(address, (draft) => appendJoin(draft, people, actor, content)),
    knock: (actor, address, content) => enter(address, (draft) => appendKnock(draft, people, actor, content)),
    leave: async (actor, roomId, content) => {
      const left = await writer.change(roomId, async (draft) => {
        await appendOwnLeave(draft, people, actor, content)
        return true
      })
      if (left === undefined) throw errors.notFound('This server does not know that room')
    },
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
    invite: (actor, roomId, target, content) =>
      onOther(actor, roomId, target, (draft, userId) => appendInvite(draft, people, actor, userId, content)),
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
