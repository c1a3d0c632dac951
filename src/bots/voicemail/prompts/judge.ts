import type { Accounts } from '../../../accounts/accounts.ts'
import type { Config } from '../../../config/schema.ts'
import type { Reader } from '../../../db/database.ts'
import { fieldOf } from '../../../matrix/content.ts'
import type { RoomId, UserId } from '../../../matrix/ids.ts'
import type { RoomReads } from '../../../rooms/reads.ts'
import type { Clock } from '../../../util/clock.ts'
import type { PromptReason } from '../../../voip/calls/types.ts'
import { isOpenAt } from '../hours.ts'
import { readSettings, roomSettingsType, settingsType, type VoicemailSettings, wantsPrompt } from '../settings.ts'

export interface CallInVain {
  readonly roomId: RoomId
  readonly caller: UserId
  readonly callee: UserId
  readonly reason: PromptReason
}

/** Decides who is asked. It never looks at whom the callee ignores: whoever is blocked is asked like everybody. */
export interface Judge {
  mayAsk(reader: Reader, call: CallInVain): Promise<boolean>
  /** Why the caller may not leave a note as things are now; undefined: they may. */
  refusal(reader: Reader, call: Omit<CallInVain, 'reason'>): Promise<string | undefined>
  /** Whether the assistant may carry notes itself, in clear, where the conversation is encrypted: both must want it. */
  mayCarry(reader: Reader, people: Pick<CallInVain, 'caller' | 'callee'>): Promise<boolean>
  settingsOf(reader: Reader, userId: UserId): Promise<VoicemailSettings>
  /** What the callee has to say to whoever calls in vain now. */
  greetingOf(reader: Reader, callee: UserId): Promise<string | undefined>
}

interface Deps {
  readonly clock: Clock
  readonly botId: UserId
  readonly config: Pick<Config, 'bots'>
  readonly accounts: Pick<Accounts, 'accountData' | 'isLocalUser' | 'users'>
  readonly reads: Pick<RoomReads, 'roomById' | 'view' | 'membership'>
}

export function createJudge({ clock, botId, config, accounts, reads }: Deps): Judge {
  const { prompt_on: promptOn } = config.bots.voicemail

  const settingsOf: Judge['settingsOf'] = async (reader, userId) =>
    readSettings(await accounts.accountData.get(reader, userId, settingsType))

  /** Whether the room and the one who is called take notes at all. */
  async function takesNotes(
    reader: Reader,
    { roomId, callee }: Pick<CallInVain, 'roomId' | 'callee'>,
  ): Promise<boolean> {
    const room = await reads.roomById(reader, roomId)
    const rule = room && (await reads.view.entry(reader, room.stateNid, roomSettingsType, ''))
    if (room === undefined || fieldOf(rule?.pdu, 'enabled') === false) return false
    if (!accounts.isLocalUser(callee)) return true
    const user = await accounts.users.get(reader, callee)
    if (user === undefined || user.isDeactivated || user.userType === 'bot') return false
    return (await settingsOf(reader, callee)).takesNotes
  }

  async function isActive(reader: Reader, userId: UserId): Promise<boolean> {
    const user = await accounts.users.get(reader, userId)
    return user !== undefined && !user.isDeactivated && !user.isLocked && !user.isSuspended && !user.isGuest
  }

  return {
    settingsOf,
    greetingOf: async (reader, callee) => {
      if (!accounts.isLocalUser(callee)) return undefined
      const { greeting, closedGreeting, hours } = await settingsOf(reader, callee)
      return hours && !isOpenAt(hours, clock.now()) ? (closedGreeting ?? greeting) : greeting
    },
    mayCarry: async (reader, { caller, callee }) => {
      if (!accounts.isLocalUser(callee)) return false
      const both = [await settingsOf(reader, caller), await settingsOf(reader, callee)]
      return both.every(({ takesUnencrypted }) => takesUnencrypted)
    },
    mayAsk: async (reader, call) =>
      promptOn.includes(call.reason) &&
      accounts.isLocalUser(call.caller) &&
      wantsPrompt(await settingsOf(reader, call.caller), call.callee) &&
      (await isActive(reader, call.caller)) &&
      !(await accounts.accountData.ignoredUsers(reader, call.caller)).has(botId) &&
      (await takesNotes(reader, call)),
    refusal: async (reader, { roomId, caller, callee }) => {
      if (!(await isActive(reader, caller))) return 'Your account may not send messages'
      const room = await reads.roomById(reader, roomId)
      const membershipOf = async (userId: UserId) =>
        room && (await reads.membership(reader, room.nid, userId))?.membership
      if ((await membershipOf(caller)) !== 'join') return 'You are not in that conversation any more'
      if ((await membershipOf(callee)) !== 'join') return 'The person you called is not in that conversation any more'
      if (!(await takesNotes(reader, { roomId, callee }))) return 'The person you called takes no notes any more'
      return undefined
    },
  }
}
