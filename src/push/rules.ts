import type { Database, Reader, Tx } from '../db/database.ts'
import type { Streams } from '../db/streams.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { PushAction, PushRule, PushRuleKind, PushRuleset } from '../matrix/push-rule-types.ts'
import type { Classes } from './classes.ts'
import {
  changeRule,
  copyRoomRules,
  type NewRule,
  putRule,
  type RulePlace,
  removeRule,
  requireRule,
} from './edit-rules.ts'
import { getUserRules, putUserRules } from './store-rules.ts'
import { noUserRules, rulesetOf, type UserRules } from './user-rules.ts'

/** The push rules of users: read, changed, and told to their clients. */
export interface PushRules {
  /** All rules of a user, default ones included, in their order. */
  ruleset(reader: Reader, userId: string): Promise<PushRuleset>
  /** The content of `m.push_rules` in the account data of a sync. */
  contentFor(reader: Reader, userId: string): Promise<JsonObject>
  /** Whether the rules changed after a position: then the whole content is due. */
  changedSince(reader: Reader, userId: string, after: number): Promise<boolean>
  /** One rule. Throws `M_NOT_FOUND`. */
  get(userId: string, kind: PushRuleKind, ruleId: string): Promise<PushRule>
  put(userId: string, kind: PushRuleKind, ruleId: string, content: NewRule, place: RulePlace): Promise<void>
  delete(userId: string, kind: PushRuleKind, ruleId: string): Promise<void>
  setEnabled(userId: string, kind: PushRuleKind, ruleId: string, enabled: boolean): Promise<void>
  setActions(userId: string, kind: PushRuleKind, ruleId: string, actions: readonly PushAction[]): Promise<void>
  /** Makes the user's rules about a room also for the room that replaces it, where it has none of its own. */
  copyForUpgrade(tx: Tx, userId: string, from: string, to: string): Promise<void>
}

export interface PushRulesDeps {
  readonly db: Database
  readonly streams: Streams
  readonly classes: Classes
}

export function createPushRules({ db, streams, classes }: PushRulesDeps): PushRules {
  const load = async (reader: Reader, userId: string) => (await getUserRules(reader, userId))?.rules ?? noUserRules

  async function save(tx: Tx, userId: string, rules: UserRules): Promise<void> {
    const pos = await streams.allocate(tx, 1)
    await putUserRules(tx, userId, rules, pos)
    await classes.refresh(tx, userId, pos)
    streams.notify(tx, { users: [userId] })
  }

  const edit = (userId: string, change: (rules: UserRules) => UserRules) =>
    db.write('push rules', async (tx) => save(tx, userId, change(await load(tx, userId))))

  const ruleset: PushRules['ruleset'] = async (reader, userId) => rulesetOf(userId, await load(reader, userId))

  return {
    ruleset,
    // Rules are made of JSON.
    contentFor: async (reader, userId) => ({ global: (await ruleset(reader, userId)) as unknown as JsonObject }),
    changedSince: async (reader, userId, after) => ((await getUserRules(reader, userId))?.pos ?? 0) > after,
    get: (userId, kind, ruleId) =>
      db.read(async (reader) => requireRule(await load(reader, userId), userId, kind, ruleId)),
    put: (userId, kind, ruleId, content, place) =>
      edit(userId, (rules) => putRule(rules, kind, ruleId, content, place)),
    delete: (userId, kind, ruleId) => edit(userId, (rules) => removeRule(rules, kind, ruleId)),
    setEnabled: (userId, kind, ruleId, enabled) =>
      edit(userId, (rules) => changeRule(rules, kind, ruleId, { enabled })),
    setActions: (userId, kind, ruleId, actions) =>
      edit(userId, (rules) => changeRule(rules, kind, ruleId, { actions })),
    copyForUpgrade: async (tx, userId, from, to) => {
      const copied = copyRoomRules(await load(tx, userId), from, to)
      if (copied !== undefined) await save(tx, userId, copied)
    },
  }
}
