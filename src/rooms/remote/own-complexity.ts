import type { Database } from '../../db/database.ts'
import { historyVisibilityOf, joinRuleOf } from '../../matrix/content.ts'
import { errors } from '../../matrix/errors.ts'
import type { ServerName } from '../../matrix/ids.ts'
import { isServerAllowed } from '../../matrix/server-acl.ts'
import { hasUserOf } from '../history/store-history.ts'
import type { LocalMembers } from '../local-members.ts'
import type { RoomView } from '../room-view.ts'
import type { States } from '../states.ts'
import { getRoom } from '../store-rooms.ts'
import { complexityUnit } from './complexity.ts'

/** How large a room is, for a server that may join it; 1 for 500 state events. Throws `404` for all other rooms. */
export type MeasureComplexity = (origin: ServerName, roomId: string) => Promise<number>

interface Deps {
  readonly db: Database
  readonly view: RoomView
  readonly states: States
  readonly localMembers: Pick<LocalMembers, 'get'>
}

export function createMeasureComplexity({ db, view, states, localMembers }: Deps): MeasureComplexity {
  return (origin, roomId) =>
    db.read(async (reader) => {
      const unknown = errors.notFound('This server does not know that room')
      const room = await getRoom(reader, roomId)
      if (room?.stateNid === undefined || (await localMembers.get(reader, roomId)).size === 0) throw unknown
      const entry = async (type: string) => (await view.entry(reader, room.stateNid, type, ''))?.pdu
      if (!isServerAllowed(await entry('m.room.server_acl'), origin)) throw unknown
      const isOpen =
        joinRuleOf(await entry('m.room.join_rules')) === 'public' ||
        historyVisibilityOf(await entry('m.room.history_visibility')) === 'world_readable'
      if (!isOpen && !(await hasUserOf(reader, room.nid, origin, ['join', 'invite']))) throw unknown
      return (await states.load(reader, room.stateNid)).size / complexityUnit
    })
}
