import type { Accounts } from '../../accounts/accounts.ts'
import type { Reader } from '../../db/database.ts'
import { joinRuleOf, stringsOf } from '../../matrix/content.ts'
import { isUserId, type RoomId, type UserId } from '../../matrix/ids.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import type { Room } from '../../rooms/types.ts'
import { type CallState, isOpenLeg, legsOf, type Setting } from './kernel/call-state.ts'
import type { Opening } from './kernel/evidence.ts'
import { listLiveElsewhere } from './store-calls.ts'

export interface SettingDeps {
  readonly reads: Pick<RoomReads, 'view' | 'joined'>
  readonly accounts: Pick<Accounts, 'isLocalUser' | 'accountData' | 'appservices'>
  /** Users of this server that are no people. */
  readonly ownBots: readonly UserId[]
}

/** Whoever else is in a room with more is not looked at. */
const manyMembers = 20
/** Nobody may have seen the end of a conversation, and the next call finds its callee free. */
const talkedAtMost = 4 * 3_600_000
/** https://github.com/matrix-org/matrix-spec-proposals/pull/4171 */
const functionalMembers = ['m.functional_members', 'io.element.functional_members']

/** Tells what a call that begins is: between whom, and whether the caller may be asked afterwards. */
export function createReadSetting({ reads, accounts, ownBots }: SettingDeps) {
  const { isLocalUser } = accounts

  async function listServices(reader: Reader, room: Room, members: readonly string[]): Promise<string[]> {
    const services = new Set<string>(ownBots)
    for (const service of accounts.appservices.list()) services.add(service.senderUserId)
    for (const type of functionalMembers) {
      const entry = await reads.view.entry(reader, room.stateNid, type, '')
      for (const userId of stringsOf(entry?.pdu, 'service_members')) services.add(userId)
    }
    return members.filter((userId) => services.has(userId))
  }

  async function isDirect(reader: Reader, userId: UserId, roomId: RoomId): Promise<boolean> {
    const direct = (await accounts.accountData.get(reader, userId, 'm.direct')) ?? {}
    return Object.values(direct).some((rooms) => Array.isArray(rooms) && rooms.includes(roomId))
  }

  async function isBusy(reader: Reader, userId: UserId, roomId: RoomId, now: number): Promise<boolean> {
    const calls = await listLiveElsewhere(reader, userId, roomId)
    return calls.some(({ state }) => {
      const call = JSON.parse(state ?? '{}') as CallState
      const isIn = legsOf(call).some((leg) => leg.by === userId && isOpenLeg(leg, now))
      return isIn || call.invites.some(({ goneTs, ts }) => goneTs === undefined && now - ts < talkedAtMost)
    })
  }

  /** Undefined where it is no call to be kept: nobody is there to answer, or nobody of this server takes part. */
  return async (reader: Reader, room: Room, opening: Opening): Promise<Setting | undefined> => {
    const members = await reads.joined(reader, room.nid, manyMembers)
    const services = await listServices(reader, room, members)
    const people = members.filter((userId): userId is UserId => !services.includes(userId) && isUserId(userId))
    const caller = opening.by
    const others = people.filter((userId) => userId !== caller)
    if (services.includes(caller) || others.length === 0) return undefined
    const isPair = others.length === 1 && people.length === 2 && !room.isPartial
    const invitee = opening.what === 'invite' ? others.find((userId) => userId === opening.invitee) : undefined
    const callee = (isPair ? others[0] : invitee) ?? null
    if (callee !== null && !isLocalUser(caller) && !isLocalUser(callee)) return undefined
    const own = isLocalUser(caller) ? caller : (callee ?? undefined)
    const joinRule = joinRuleOf((await reads.view.entry(reader, room.stateNid, 'm.room.join_rules', ''))?.pdu)
    // A bridge has nobody to ask, and may have nobody who would see a note.
    const isBridged =
      accounts.appservices.ofUser(caller).length > 0 ||
      (callee !== null && accounts.appservices.ofUser(callee).some(({ registration }) => !registration.takesNotes))
    return {
      caller,
      callee,
      services,
      isRemote: callee === null ? others.some((userId) => !isLocalUser(userId)) : !isLocalUser(callee),
      isEligible: isPair && isLocalUser(caller) && joinRule !== 'public' && !isBridged,
      isDirect: own !== undefined && isPair && (await isDirect(reader, own, room.roomId)),
      isCalleeBusy: callee !== null && (await isBusy(reader, callee, room.roomId, opening.ts)),
    }
  }
}

export type ReadSetting = ReturnType<typeof createReadSetting>
