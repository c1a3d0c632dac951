import type { PushRule, PushRuleKind, PushRuleset } from '../matrix/push-rule-types.ts'
import { type DefaultRuleChange, defaultPushRules, joinPushRules } from '../matrix/push-rules-default.ts'

/** What a user made of the push rules: rules of the user's own, and changes to the default ones by rule id. */
export interface UserRules {
  readonly own: PushRuleset
  readonly changes: Readonly<Record<string, DefaultRuleChange>>
}

const noOwn: PushRuleset = { override: [], content: [], postcontent: [], room: [], sender: [], underride: [] }
export const noUserRules: UserRules = { own: noOwn, changes: {} }

/** Reads what `JSON.stringify` made of user rules. */
export function parseUserRules(text: string): UserRules {
  const rules = JSON.parse(text) as UserRules
  return { ...rules, own: { ...noOwn, ...rules.own } }
}

/** All rules of a user in their order, as clients see them. */
export function rulesetOf(userId: string, { own, changes }: UserRules): PushRuleset {
  return joinPushRules(own, defaultPushRules(userId, new Map(Object.entries(changes))))
}

/** The user's rules with another list of one kind. */
export function withKind(rules: UserRules, kind: PushRuleKind, list: readonly PushRule[]): UserRules {
  return { ...rules, own: { ...rules.own, [kind]: list } }
}
