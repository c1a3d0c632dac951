import type { Appservices } from '../../accounts/appservices/appservices.ts'
import type { Database } from '../../db/database.ts'
import { errors, MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { isRoomAlias, type RoomAlias, type RoomId, type ServerName, type UserId } from '../../matrix/ids.ts'
import { getRoomVersionRules, type RoomVersionRules } from '../../matrix/room-versions.ts'
import { createYielder, mapLimit } from '../../util/async.ts'
import type { TimerClock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import { appendClientState } from '../actions/append-client-state.ts'
import type { Actor } from '../actor.ts'
import { getAlias, insertAlias } from '../directory/store-aliases.ts'
import type { AlsoWrite, RoomDraft } from '../draft.ts'
import type { InviteUser } from '../membership/invite.ts'
import { appendJoin } from '../membership/join.ts'
import { appendInvite } from '../membership/others.ts'
import type { People } from '../people.ts'
import type { RoomWriter } from '../room-writer.ts'
import { updateRoomPublic } from '../store-rooms.ts'
import type { AddressInvite, AddressInvites } from '../third-party/address-invites.ts'
import { creationContent } from './creation-content.ts'
import { initialPowerLevels } from './initial-power-levels.ts'
import { nameAndTopic, notReplaced, presetState } from './initial-state.ts'
import { createInviteElsewhere } from './invite-elsewhere.ts'
import { type CreateRoomRequest, type InitialState, presetOf } from './request.ts'

export interface CreateRoomDeps {
  readonly db: Database
  readonly writer: RoomWriter
  readonly people: People
  readonly clock: TimerClock
  readonly inviteUser: InviteUser
  /** Whether other servers can be reached. */
  readonly isFederating: boolean
  readonly addressInvites: AddressInvites
  readonly log: Log
  readonly appservices: Appservices
  readonly serverName: ServerName
  readonly defaultVersion: string
  /** Levels by event type for all new rooms. */
  readonly extraPowerLevels: Readonly<Record<string, number>>
}

/**
 * Makes a room in one write. Throws `400 M_UNSUPPORTED_ROOM_VERSION`, `M_ROOM_IN_USE` for a taken alias, `M_EXCLUSIVE`,
 * `M_INVALID_ROOM_STATE` where the creator may not write what is asked for. `also` is written together with the room.
 */
export type CreateRoom = (actor: Actor, request: CreateRoomRequest, also?: AlsoWrite) => Promise<RoomId>

export function requireRules(version: string): RoomVersionRules {
  const rules = getRoomVersionRules(version)
  if (rules === undefined) throw errors.unsupportedRoomVersion(`This server does not support room version ${version}`)
  return rules
}

/** What the creator may not do here is a fault of what was asked for. */
export async function asRoomState<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (error) {
    if (error instanceof MatrixError && error.errcode === 'M_FORBIDDEN') throw errors.invalidRoomState(error.message)
    throw error
  }
}

export function createRoomCreation(deps: CreateRoomDeps): CreateRoom {
  const { db, writer, people, serverName, addressInvites, log } = deps
  const inviteElsewhere = createInviteElsewhere(deps)

  function requireAlias(name: string | undefined): RoomAlias | undefined {
    if (name === undefined || name === '') return undefined
    const alias = `#${name}:${serverName}`
    if (name.includes(':') || /\s/.test(name) || !isRoomAlias(alias)) {
      throw errors.invalidParam('room_alias_name is not the local part of an alias')
    }
    return alias
  }

  async function appendBeginning(
    draft: RoomDraft,
    actor: Actor,
    request: CreateRoomRequest,
    alias: RoomAlias | undefined,
  ): Promise<void> {
    const { userId } = actor
    const { rules } = draft
    const preset = presetOf(request)
    const equals = preset === 'trusted_private_chat' ? (request.invite ?? []) : []
    const content = creationContent(rules, userId, request.creationContent, equals)
    await draft.append({ type: 'm.room.create', sender: userId, stateKey: '', content })
    await appendJoin(draft, people, actor)
    const powerLevels = initialPowerLevels({
      rules,
      preset,
      creator: userId,
      equals,
      extraEvents: deps.extraPowerLevels,
      override: request.powerLevels,
    })
    const ending = nameAndTopic(request.name, request.topic)
    const initial = notReplaced(request.initialState ?? [], ending)
    const canonical: InitialState[] =
      alias === undefined ? [] : [{ type: 'm.room.canonical_alias', stateKey: '', content: { alias } }]
    const state = [
      { type: 'm.room.power_levels', stateKey: '', content: powerLevels },
      ...canonical,
      ...notReplaced(presetState(preset), initial),
      ...initial,
      ...ending,
    ]
    const pause = createYielder()
    for (const entry of state) {
      await pause()
      await appendClientState(draft, people, actor, entry, alias === undefined ? [] : [alias])
    }
  }

  async function appendInvites(
    draft: RoomDraft,
    actor: Actor,
    invite: readonly UserId[],
    content: JsonObject,
  ): Promise<void> {
    const pause = createYielder()
    for (const target of new Set<UserId>(invite)) {
      await pause()
      if (target !== actor.userId) await appendInvite(draft, people, actor, target, content)
    }
  }

  async function findAddresses(invites: readonly AddressInvite[]) {
    const found = await mapLimit(invites, 4, async (invite) => ({ invite, userId: await addressInvites.find(invite) }))
    return {
      known: found.flatMap(({ userId }) => userId ?? []),
      unknown: found.flatMap(({ invite, userId }) => (userId === undefined ? [invite] : [])),
    }
  }

  return async (actor, request, also) => {
    const rules = requireRules(request.roomVersion ?? deps.defaultVersion)
    const alias = requireAlias(request.aliasName)
    if (alias !== undefined) deps.appservices.checkAlias(alias, actor.appservice)
    if (alias !== undefined && (await db.read((reader) => getAlias(reader, alias))) !== undefined) {
      throw errors.roomInUse()
    }
    const addresses = await findAddresses(request.addressInvites ?? [])
    const invite = [...(request.invite ?? []), ...addresses.known]
    const inviteContent: JsonObject = request.isDirect ? { is_direct: true } : {}
    const isElsewhere = (userId: UserId) => deps.isFederating && !people.isLocal(userId)
    const created = await writer.create(rules, async (draft) => {
      await people.requireActive(draft.reader, actor.userId)
      await asRoomState(() => appendBeginning(draft, actor, request, alias))
      const local = invite.filter((userId) => !isElsewhere(userId))
      await appendInvites(draft, actor, local, inviteContent)
      draft.alsoWrite(async (tx, room) => {
        if (alias !== undefined && !(await insertAlias(tx, alias, room.nid, actor.userId))) throw errors.roomInUse()
        if (request.visibility === 'public') await updateRoomPublic(tx, room.nid, true)
        await also?.(tx, room)
      })
      return draft.roomId
    })
    await inviteElsewhere(actor, created, invite.filter(isElsewhere), inviteContent)
    for (const address of addresses.unknown) {
      // The room is there: its creator can invite again.
      await addressInvites
        .invite(actor, created, address, inviteContent)
        .catch((error: unknown) => log.warn({ err: error }, 'somebody could not be invited to a new room by address'))
    }
    return created
  }
}
