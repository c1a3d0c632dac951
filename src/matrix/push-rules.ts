/** What a ruleset says about an event: https://spec.matrix.org/v1.19/client-server-api/#push-rules */
import { isJsonObject } from './auth-state.ts'
import type { Json } from './event.ts'
import {
  type CompiledCondition,
  compileCondition,
  compileContentPattern,
  type PushSubject,
  type PushUser,
} from './push-conditions.ts'
import {
  type PushAction,
  type PushRule,
  type PushRuleKind,
  type PushRuleset,
  pushRuleKinds,
} from './push-rule-types.ts'
import { defaultRuleTemplates, type RuleTemplate } from './push-rules-default.ts'

export type { PushSubject, PushUser } from './push-conditions.ts'

export interface PushVerdict {
  readonly notify: boolean
  readonly highlight: boolean
  /** What the push gateway is told besides, `sound` and `highlight` among it. */
  readonly tweaks: Readonly<Record<string, Json>>
  /** The rule that decided; undefined where none matched. */
  readonly ruleId: string | undefined
}

interface CompiledRule {
  readonly conditions: readonly CompiledCondition[]
  readonly verdict: PushVerdict
}

/** A ruleset made ready; it may be kept as long as the rules stay the same. */
export type CompiledPushRules = readonly CompiledRule[]

/** The verdict of no rule. */
export const silence: PushVerdict = { notify: false, highlight: false, tweaks: {}, ruleId: undefined }

/** Makes a user's ruleset ready: its enabled rules, in the order in which they are tried. */
export function compilePushRules(ruleset: PushRuleset): CompiledPushRules {
  return pushRuleKinds.flatMap((kind) => compileKind(kind, ruleset[kind]))
}

/** The default rules of everybody who has changed nothing; one set for all, so that nothing is compiled per user. */
export const defaultCompiledRules: CompiledPushRules = [
  ...compileKind('override', defaultRuleTemplates.override),
  ...compileKind('postcontent', defaultRuleTemplates.postcontent),
  ...compileKind('underride', defaultRuleTemplates.underride),
]

function compileKind(kind: PushRuleKind, rules: readonly (PushRule | RuleTemplate)[]): CompiledRule[] {
  return rules
    .filter((rule) => rule.enabled)
    .map((rule) => ({ conditions: conditionsOf(kind, rule), verdict: verdictOf(rule.rule_id, rule.actions) }))
}

function conditionsOf(kind: PushRuleKind, rule: PushRule | RuleTemplate): CompiledCondition[] {
  const { rule_id: id } = rule
  switch (kind) {
    case 'content':
      return [compileContentPattern(rule.pattern)]
    case 'room':
      return [{ about: 'event', matches: ({ event }) => event.room_id === id }]
    case 'sender':
      return [{ about: 'event', matches: ({ event }) => event.sender === id }]
    default:
      return (rule.conditions ?? []).map(compileCondition)
  }
}

/** What a list of actions comes to; actions that nobody knows any more do nothing. */
export function verdictOf(ruleId: string, actions: readonly PushAction[]): PushVerdict {
  if (!actions.includes('notify')) return { ...silence, ruleId }
  const tweaks: Readonly<Record<string, Json>> = Object.fromEntries(
    actions.flatMap((action): [string, Json][] => {
      if (!isJsonObject(action) || typeof action.set_tweak !== 'string') return []
      const value = action.value ?? (action.set_tweak === 'highlight' ? true : null)
      return value === null ? [] : [[action.set_tweak, value]]
    }),
  )
  return { notify: true, highlight: tweaks.highlight === true, tweaks, ruleId }
}

/** What the rules of one user say about an event. Users are never notified of what they sent themselves. */
export function evaluatePushRules(rules: CompiledPushRules, subject: PushSubject, user: PushUser): PushVerdict {
  if (subject.event.sender === user.userId) return silence
  const rule = rules.find(({ conditions }) => conditions.every((condition) => condition.matches(subject, user)))
  return rule?.verdict ?? silence
}

export interface SharedVerdict {
  /** What the rules say about the event to everybody but the exceptions (and its sender). */
  readonly verdict: PushVerdict
  /** Users for whom the rules may say something else, to be asked one by one. */
  readonly exceptions: ReadonlySet<string> | 'everybody'
}

/** Whether a condition holds for everybody but those about whom it is, or may hold for those. */
function holdsForMost(condition: CompiledCondition, subject: PushSubject): boolean {
  return condition.about === 'user' || (condition.about === 'most' ? condition.holds : condition.matches)(subject)
}

/** What rules that many users share say about an event, evaluated once for all of them. */
export function evaluateSharedPushRules(rules: CompiledPushRules, subject: PushSubject): SharedVerdict {
  const exceptions = new Set<string>()
  for (const { conditions, verdict } of rules) {
    if (!conditions.every((condition) => holdsForMost(condition, subject))) continue
    for (const condition of conditions) {
      if (condition.about === 'most') for (const userId of condition.exceptions(subject)) exceptions.add(userId)
    }
    const personal = conditions.filter((condition) => condition.about === 'user')
    if (personal.length === 0) return { verdict, exceptions }
    for (const condition of personal) {
      const candidates = condition.candidates(subject)
      if (candidates === 'everybody') return { verdict: silence, exceptions: 'everybody' }
      for (const userId of candidates) exceptions.add(userId)
    }
  }
  return { verdict: silence, exceptions }
}
