import type { Appservices } from '../../accounts/appservices/appservices.ts'
import type { Database, Reader } from '../../db/database.ts'
import { historyVisibilityOf } from '../../matrix/content.ts'
import { errors, MatrixError } from '../../matrix/errors.ts'
import { isRoomAlias, isRoomId, type RoomAlias, type RoomId, type ServerName, serverOf } from '../../matrix/ids.ts'
import { powerOf, requiredPower } from '../../matrix/power-levels.ts'
import { requireJoined } from '../access.ts'
import type { Actor } from '../actor.ts'
import type { People } from '../people.ts'
import type { RoomView } from '../room-view.ts'
import type { RoomWriter } from '../room-writer.ts'
import { getMembership } from '../store-members.ts'
import { getRoom } from '../store-rooms.ts'
import type { Room } from '../types.ts'
import { withoutAlias } from './canonical-alias.ts'
import type { RemoteDirectory } from './remote-directory.ts'
import { stateViewOf } from './state-view.ts'
import { deleteAlias, getAlias, insertAlias, listAliases, moveAliases, type StoredAlias } from './store-aliases.ts'

export interface Aliases {
  /** The room that an id or an alias stands for. Throws `400 M_INVALID_PARAM`, or `404` for an unknown alias. */
  requireRoomId(roomIdOrAlias: string): Promise<RoomId>
  /**
   * Asks the application service to which an unknown alias would belong, and for aliases of other servers those. Throws
   * `404 M_NOT_FOUND`, or `502` where the other server cannot be reached.
   */
  resolve(alias: string): Promise<{ roomId: RoomId; servers: ServerName[] }>
  /** The same for aliases of this server only. */
  resolveOwn(alias: string): Promise<{ roomId: RoomId; servers: ServerName[] }>
  /** Any member may add an alias, an application service those of its own. Throws `409 M_UNKNOWN` where it is taken, `M_EXCLUSIVE`. */
  add(actor: Actor, alias: string, roomId: string): Promise<void>
  /**
   * For the alias's creator, its application service, administrators, and those who may change the canonical alias; that
   * one follows. Throws `M_EXCLUSIVE` for all but the first where an application service has the alias for itself.
   */
  remove(actor: Actor, alias: string): Promise<void>
  /** Has the aliases of a room stand for another one; returns them. */
  move(roomId: string, newRoomId: RoomId): Promise<RoomAlias[]>
  /** For members and administrators; for everybody where history is world readable. */
  list(actor: Actor, roomId: string): Promise<RoomAlias[]>
  /** For other features, inside snapshots of theirs. */
  namesOf(reader: Reader, roomNid: number): Promise<RoomAlias[]>
}

interface Deps {
  readonly db: Database
  readonly writer: RoomWriter
  readonly people: People
  readonly view: RoomView
  readonly serverName: ServerName
  readonly appservices: Appservices
  /** Undefined where this server does not reach others. */
  readonly remote: RemoteDirectory | undefined
}

function requireAliasSyntax(alias: string): RoomAlias {
  if (isRoomAlias(alias)) return alias
  throw errors.invalidParam(`${alias} is not a room alias`)
}

export function createAliases({ db, writer, people, view, serverName, appservices, remote }: Deps): Aliases {
  const unknown = (alias: string) => errors.notFound(`This server does not know the alias ${alias}`)

  function requireOwn(alias: string): RoomAlias {
    const valid = requireAliasSyntax(alias)
    if (serverOf(valid) !== serverName) throw errors.invalidParam(`${alias} belongs to another server`)
    return valid
  }

  async function resolveOwn(alias: string) {
    const valid = requireAliasSyntax(alias)
    const find = () => db.read((reader) => getAlias(reader, valid))
    const found = (await find()) ?? ((await appservices.queryAlias(valid)) ? await find() : undefined)
    if (found === undefined) throw unknown(alias)
    return { roomId: found.roomId, servers: [serverName] }
  }

  async function resolve(alias: string) {
    const valid = requireAliasSyntax(alias)
    return serverOf(valid) === serverName || remote === undefined ? resolveOwn(valid) : remote.resolve(valid)
  }

  async function mayRemove(reader: Reader, actor: Actor, found: StoredAlias): Promise<boolean> {
    if (found.creator === actor.userId || actor.isAdmin) return true
    if (appservices.isOwnAlias(found.alias, actor.appservice)) return true
    const room = await getRoom(reader, found.roomId)
    const member = room && (await getMembership(reader, room.nid, actor.userId))
    if (room === undefined || member?.membership !== 'join') return false
    const state = await stateViewOf(reader, view, room.stateNid)
    return powerOf(state, room.rules, actor.userId) >= requiredPower(state, room.rules, 'm.room.canonical_alias', true)
  }

  /** The alias is gone even where the user may not change the event: https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3directoryroomroomalias */
  async function updateCanonical(actor: Actor, { roomId, alias }: StoredAlias): Promise<void> {
    try {
      await writer.change(roomId, async (draft) => {
        const current = await draft.state('m.room.canonical_alias', '')
        const content = current && withoutAlias(current.pdu.content, alias)
        if (content === undefined) return
        await draft.append({ type: 'm.room.canonical_alias', sender: actor.userId, stateKey: '', content })
      })
    } catch (error) {
      if (!(error instanceof MatrixError && error.status === 403)) throw error
    }
  }

  async function requireReadable(reader: Reader, actor: Actor, roomId: string): Promise<Room> {
    const room = await getRoom(reader, roomId)
    const visibility = room && (await view.entry(reader, room.stateNid, 'm.room.history_visibility', ''))
    const isReadable = actor.isAdmin || historyVisibilityOf(visibility?.pdu) === 'world_readable'
    return room !== undefined && isReadable ? room : requireJoined(reader, roomId, actor.userId)
  }

  return {
    requireRoomId: async (roomIdOrAlias) => {
      if (isRoomId(roomIdOrAlias)) return roomIdOrAlias
      return (await resolve(roomIdOrAlias)).roomId
    },
    resolve,
    resolveOwn,
    add: (actor, alias, roomId) =>
      db.write('add alias', async (tx) => {
        const valid = requireOwn(alias)
        appservices.checkAlias(valid, actor.appservice)
        const isOwn = appservices.isOwnAlias(valid, actor.appservice)
        const room = isOwn ? await getRoom(tx, roomId) : await requireJoined(tx, roomId, actor.userId)
        if (room === undefined) throw errors.notFound('This server does not know that room')
        await people.requireActive(tx, actor.userId)
        if (!(await insertAlias(tx, valid, room.nid, actor.userId))) {
          throw new MatrixError(409, 'M_UNKNOWN', `The alias ${alias} is taken`)
        }
      }),
    remove: async (actor, alias) => {
      const valid = requireAliasSyntax(alias)
      const removed = await db.write('remove alias', async (tx) => {
        const found = await getAlias(tx, valid)
        if (found === undefined) throw unknown(alias)
        if (!actor.isAdmin && appservices.isReservedAlias(valid, actor.appservice)) throw errors.exclusive()
        if (!(await mayRemove(tx, actor, found))) throw errors.forbidden('This alias is not yours to remove')
        await people.requireActive(tx, actor.userId)
        await deleteAlias(tx, valid)
        return found
      })
      await updateCanonical(actor, removed)
    },
    move: (roomId, newRoomId) =>
      db.write('move aliases', async (tx) => {
        const [room, next] = [await getRoom(tx, roomId), await getRoom(tx, newRoomId)]
        const moved = room && next ? await listAliases(tx, room.nid) : []
        if (room && next && moved.length > 0) await moveAliases(tx, room.nid, next.nid)
        return moved
      }),
    list: (actor, roomId) =>
      db.read(async (reader) => listAliases(reader, (await requireReadable(reader, actor, roomId)).nid)),
    namesOf: listAliases,
  }
}
