import type { Database, Reader } from '../../db/database.ts'
import { joinRuleOf, objectOf } from '../../matrix/content.ts'
import { errors } from '../../matrix/errors.ts'
import type { UserId } from '../../matrix/ids.ts'
import { powerOf, requiredPower } from '../../matrix/power-levels.ts'
import { stateViewOf } from '../../rooms/directory/state-view.ts'
import type { Rooms } from '../../rooms/rooms.ts'

interface Deps {
  readonly db: Database
  readonly rooms: Pick<Rooms, 'events' | 'membership' | 'reads'>
}

const levelsType = 'm.room.power_levels'
/** For those whose power comes from having made the room, which nobody can pass on. */
const usual = 100

/**
 * Has the most powerful user of this server in a room give the target the same power, and invite them where they cannot come in
 * by themselves. Throws `404` for unknown rooms, `403` where nobody of ours may do that.
 */
export function createMakeAdmin({ db, rooms }: Deps) {
  const { reads } = rooms

  async function plan(reader: Reader, roomId: string, target: UserId) {
    const room = await reads.roomById(reader, roomId)
    if (room?.stateNid === undefined) throw errors.notFound('This server does not know that room')
    const state = await stateViewOf(reader, reads.view, room.stateNid)
    const needed = requiredPower(state, room.rules, levelsType, true)
    const locals = (await reads.members(reader, room.nid, 'join')).filter((row) => row.is_local === 1)
    // The table holds what passed the authorisation rules, which check user ids.
    const levels = locals.map(({ user_id: id }) => ({ userId: id as UserId, power: powerOf(state, room.rules, id) }))
    const [admin] = levels.sort((a, b) => b.power - a.power)
    if (admin === undefined || admin.power < needed) {
      throw errors.forbidden('No user of this server may change the power levels of that room')
    }
    const content = (await reads.view.entry(reader, room.stateNid, levelsType, ''))?.pdu.content ?? {}
    const joinRules = await reads.view.entry(reader, room.stateNid, 'm.room.join_rules', '')
    const membership = (await reads.membership(reader, room.nid, target))?.membership
    const power = Number.isSafeInteger(admin.power) ? admin.power : Math.max(usual, needed)
    return {
      by: admin.userId,
      content: { ...content, users: { ...objectOf({ content }, 'users'), [target]: power } },
      hasPower: powerOf(state, room.rules, target) >= power,
      isInvited: membership === 'join' || membership === 'invite' || joinRuleOf(joinRules?.pdu) === 'public',
    }
  }

  return async (roomId: string, target: UserId): Promise<void> => {
    const { by, content, hasPower, isInvited } = await db.read((reader) => plan(reader, roomId, target))
    if (!hasPower) await rooms.events.setState({ userId: by }, roomId, { type: levelsType, stateKey: '', content })
    if (!isInvited) await rooms.membership.invite({ userId: by }, roomId, target)
  }
}
