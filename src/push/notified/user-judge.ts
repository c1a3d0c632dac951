import type { Reader } from '../../db/database.ts'
import {
  type CompiledPushRules,
  compilePushRules,
  defaultCompiledRules,
  evaluatePushRules,
  type PushVerdict,
  silence,
} from '../../matrix/push-rules.ts'
import { defaultRuleTemplates } from '../../matrix/push-rules-default.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import type { Room, StoredEvent } from '../../rooms/types.ts'
import { LruMap } from '../../util/lru.ts'
import type { IgnoredUsers } from '../classes.ts'
import { type AskRules, createRoomFacts, type KnownCounts } from '../room-facts.ts'
import { comparedCount } from '../rule-classes.ts'
import { getUserRules } from '../store-rules.ts'
import { rulesetOf } from '../user-rules.ts'

/** What one user's present rules say about events, with sounds and all. */
export type UserJudge = (room: Room, event: StoredEvent) => Promise<PushVerdict>

export interface UserJudges {
  open(reader: Reader, userId: string): Promise<UserJudge>
}

interface Rules {
  readonly compiled: CompiledPushRules
  readonly largestCount: number
  /** Whether any of them asks for the user's name in the room. */
  readonly needsName: boolean
}

type Conditions = Parameters<typeof comparedCount>[0][] | undefined

const largestCountOf = (lists: readonly { readonly conditions?: Readonly<Conditions> }[]) =>
  Math.max(0, ...lists.flatMap(({ conditions = [] }) => conditions.map(comparedCount)))

const asksForName = (conditions: Readonly<Conditions>) =>
  conditions?.some(({ kind }) => kind === 'contains_display_name') ?? false

const defaultRules: Rules = {
  compiled: defaultCompiledRules,
  needsName: false,
  largestCount: largestCountOf([...defaultRuleTemplates.override, ...defaultRuleTemplates.underride]),
}

interface Deps {
  readonly reads: Pick<RoomReads, 'view' | 'membership' | 'threadFollowers'>
  readonly ignoredUsers: IgnoredUsers
}

/** Events of ignored users say nothing to anybody who ignores them. */
export function createUserJudges({ reads, ignoredUsers }: Deps): UserJudges {
  const counts: KnownCounts = new LruMap(5000)
  /** By user and the position of the last change. */
  const known = new LruMap<string, Rules>(200_000, ({ compiled }) => compiled.length)

  async function load(reader: Reader, userId: string): Promise<Rules> {
    const stored = await getUserRules(reader, userId)
    if (stored === undefined) return defaultRules
    const key = `${stored.pos} ${userId}`
    let rules = known.get(key)
    if (rules === undefined) {
      const ruleset = rulesetOf(userId, stored.rules)
      const conditional = [...ruleset.override, ...ruleset.underride]
      rules = {
        compiled: compilePushRules(ruleset),
        largestCount: largestCountOf(conditional),
        needsName: conditional.some(({ conditions }) => asksForName(conditions)),
      }
      known.set(key, rules)
    }
    return rules
  }

  return {
    open: async (reader, userId) => {
      const { compiled, largestCount, needsName } = await load(reader, userId)
      const ignored = new Set(await ignoredUsers(reader, userId))
      const rooms = new Map<number, { ask: AskRules; displayName: string | undefined }>()

      async function enter(room: Room) {
        const ask = createRoomFacts({ reads, reader, largestCount, counts }, room)
        const member = needsName ? await reads.membership(reader, room.nid, userId) : undefined
        const entered = { ask, displayName: member?.display_name ?? undefined }
        rooms.set(room.nid, entered)
        return entered
      }

      return async (room, event) => {
        if (ignored.has(event.pdu.sender)) return silence
        const { ask, displayName } = rooms.get(room.nid) ?? (await enter(room))
        return (await ask(event, (subject) => evaluatePushRules(compiled, subject, { userId, displayName }))).result
      }
    },
  }
}
