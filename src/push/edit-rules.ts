/** Changes to push rules as clients ask for them: https://spec.matrix.org/v1.19/client-server-api/#push-rules-api */
import { errors } from '../matrix/errors.ts'
import type { PushAction, PushCondition, PushRule, PushRuleKind } from '../matrix/push-rule-types.ts'
import { defaultPushRules } from '../matrix/push-rules-default.ts'
import { rulesetOf, type UserRules, withKind } from './user-rules.ts'

export interface NewRule {
  readonly actions: readonly PushAction[]
  readonly conditions?: readonly PushCondition[] | undefined
  readonly pattern?: string | undefined
}

/** Where a rule goes among the user's own rules of its kind; without either, before all of them or where it is. */
export interface RulePlace {
  readonly before?: string | undefined
  readonly after?: string | undefined
}

/** More than any client makes, and few enough to be looked through for each event. */
const maxRules = 5000
const maxRuleBytes = 16 * 1024

const isDefaultId = (ruleId: string): boolean => ruleId.startsWith('.')

/** The rule as its user sees it. Throws `M_NOT_FOUND`. */
export function requireRule(rules: UserRules, userId: string, kind: PushRuleKind, ruleId: string): PushRule {
  const rule = rulesetOf(userId, rules)[kind].find((one) => one.rule_id === ruleId)
  if (rule === undefined) throw errors.notFound('There is no such push rule')
  return rule
}

const knownActions = new Set(['notify', 'dont_notify', 'coalesce'])

/** Throws for what is no action: nobody would learn that the rule does not do what it was made for. Names with a dot are extensions. */
function checkActions(actions: readonly PushAction[]): void {
  for (const action of actions) {
    const isKnown =
      typeof action === 'string'
        ? knownActions.has(action) || action.includes('.')
        : typeof action.set_tweak === 'string' || Object.keys(action).some((key) => key.includes('.'))
    if (!isKnown) throw errors.invalidParam(`${JSON.stringify(action)} is not an action of push rules`)
  }
}

/** Adds a rule, or changes the one with this id. Throws `M_INVALID_PARAM` for actions and for ids that nobody may use, `M_UNKNOWN` for a place that is none. */
export function putRule(
  rules: UserRules,
  kind: PushRuleKind,
  ruleId: string,
  content: NewRule,
  place: RulePlace,
): UserRules {
  checkRuleId(ruleId)
  checkActions(content.actions)
  if (kind === 'postcontent') throw errors.invalidParam('Rules of this kind are the server’s own')
  const list = rules.own[kind]
  const index = list.findIndex((rule) => rule.rule_id === ruleId)
  const rule = makeRule(kind, ruleId, content, list[index]?.enabled ?? true)
  if (place.before === undefined && place.after === undefined) {
    if (index >= 0) return withKind(rules, kind, list.with(index, rule))
    if (list.length >= maxRules) throw errors.invalidParam(`There are ${maxRules} rules of this kind already`)
    return withKind(rules, kind, [rule, ...list])
  }
  const others = list.filter((one) => one.rule_id !== ruleId)
  const at = placeAmong(others, place)
  if (others.length >= maxRules) throw errors.invalidParam(`There are ${maxRules} rules of this kind already`)
  return withKind(rules, kind, [...others.slice(0, at), rule, ...others.slice(at)])
}

function checkRuleId(ruleId: string): void {
  if (ruleId === '' || isDefaultId(ruleId))
    throw errors.invalidParam('Rule ids that begin with a dot are the server’s own')
  if (/[/\\]/.test(ruleId)) throw errors.invalidParam('Rule ids have no slashes or backslashes')
  if (Buffer.byteLength(ruleId) > 255) throw errors.invalidParam('Rule ids have at most 255 bytes')
}

function placeAmong(list: readonly PushRule[], { before, after }: RulePlace): number {
  const other = before ?? after ?? ''
  if (isDefaultId(other)) throw errors.invalidParam('Rules cannot be placed relative to the server’s own')
  const index = list.findIndex((one) => one.rule_id === other)
  if (index < 0) throw errors.unknown(400, `before/after rule not found: ${other}`)
  return before === undefined ? index + 1 : index
}

function makeRule(kind: PushRuleKind, ruleId: string, content: NewRule, enabled: boolean): PushRule {
  const rule = { rule_id: ruleId, default: false, enabled, actions: content.actions }
  if (Buffer.byteLength(JSON.stringify(content)) > maxRuleBytes) throw errors.tooLarge('The rule is too large')
  if (kind === 'override' || kind === 'underride') return { ...rule, conditions: content.conditions ?? [] }
  if (kind !== 'content') return rule
  if (content.pattern === undefined) throw errors.missingParam('A content rule needs a pattern')
  return { ...rule, pattern: content.pattern }
}

/** Removes one of the user's own rules. Throws `M_NOT_FOUND`; `M_INVALID_PARAM` for a default rule. */
export function removeRule(rules: UserRules, kind: PushRuleKind, ruleId: string): UserRules {
  if (isDefaultId(ruleId)) throw errors.invalidParam('The server’s own rules can only be disabled')
  const rest = rules.own[kind].filter((rule) => rule.rule_id !== ruleId)
  if (rest.length === rules.own[kind].length) throw errors.notFound('There is no such push rule')
  return withKind(rules, kind, rest)
}

/** Enables or disables a rule, or gives it other actions; default rules too. Throws `M_NOT_FOUND`; `M_INVALID_PARAM` for what is no action. */
export function changeRule(
  rules: UserRules,
  kind: PushRuleKind,
  ruleId: string,
  change: { readonly enabled: boolean } | { readonly actions: readonly PushAction[] },
): UserRules {
  if ('actions' in change) checkActions(change.actions)
  if (isDefaultId(ruleId)) {
    const isKnown = defaultPushRules('')[kind].some((rule) => rule.rule_id === ruleId)
    if (!isKnown) throw errors.notFound('There is no such push rule')
    return { ...rules, changes: { ...rules.changes, [ruleId]: { ...rules.changes[ruleId], ...change } } }
  }
  const index = rules.own[kind].findIndex((rule) => rule.rule_id === ruleId)
  const rule = rules.own[kind][index]
  if (rule === undefined) throw errors.notFound('There is no such push rule')
  return withKind(rules, kind, rules.own[kind].with(index, { ...rule, ...change }))
}

/**
 * The user's rules with those about one room made also for another; undefined where there are none, or the other room
 * has its own already.
 */
export function copyRoomRules(rules: UserRules, from: string, to: string): UserRules | undefined {
  let copied = rules
  const add = (kind: PushRuleKind, rule: PushRule) => {
    if (copied.own[kind].some(({ rule_id: id }) => id === rule.rule_id)) return
    copied = withKind(copied, kind, [rule, ...copied.own[kind]])
  }
  for (const rule of rules.own.room) if (rule.rule_id === from) add('room', { ...rule, rule_id: to })
  for (const kind of ['override', 'underride'] as const) {
    for (const rule of rules.own[kind]) {
      const isAbout = ({ key, pattern, value }: PushCondition) =>
        key === 'room_id' && (pattern === from || value === from)
      if (!rule.conditions?.some(isAbout)) continue
      const conditions = rule.conditions.map((one) =>
        isAbout(one) ? { ...one, [one.pattern === from ? 'pattern' : 'value']: to } : one,
      )
      const id = rule.rule_id.includes(from) ? rule.rule_id.replaceAll(from, to) : `${rule.rule_id}_${to}`
      add(kind, { ...rule, rule_id: id, conditions })
    }
  }
  return copied === rules ? undefined : copied
}
