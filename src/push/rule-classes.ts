/**
 * What a user's rules come to in one room when only counts matter: rules about other rooms, sounds and rules that
 * cannot make a difference are left out. Users whose rules come to the same share a class, and each event is judged
 * once per class instead of once per user.
 */
import { matchesGlob } from '../matrix/glob.ts'
import { compileCondition } from '../matrix/push-conditions.ts'
import type { PushCondition, PushRule } from '../matrix/push-rule-types.ts'
import { type CompiledPushRules, verdictOf } from '../matrix/push-rules.ts'
import { defaultRuleTemplates, type RuleTemplate, type SelfCondition } from '../matrix/push-rules-default.ts'
import { LruMap } from '../util/lru.ts'
import { noUserRules, type UserRules } from './user-rules.ts'

type Condition = PushCondition | SelfCondition

interface ReducedRule {
  readonly conditions: readonly Condition[]
  readonly notify: boolean
  readonly highlight: boolean
}

interface ClassRules {
  readonly ignored: readonly string[]
  readonly rules: readonly ReducedRule[]
}

/** A class made ready to judge events. */
export interface CompiledClass {
  readonly ignored: ReadonlySet<string>
  readonly rules: CompiledPushRules
  /** The largest number that a condition compares the member count with. */
  readonly largestCount: number
}

/** The text of the class that these rules come to in a room. Equal texts judge every event of the room alike. */
export function classText(rules: UserRules, roomId: string, ignored: readonly string[]): string {
  const reduced = inOrder(rules).flatMap((rule) => reduceRule(rule, roomId))
  const content: ClassRules = { ignored: [...new Set(ignored)].sort(), rules: simplify(reduced) }
  return JSON.stringify(content)
}

interface OrderedRule {
  readonly rule: PushRule | RuleTemplate
  readonly conditions: readonly Condition[]
}

/** Enabled rules in the order in which they are tried, all with conditions whatever their kind. */
function inOrder({ own, changes }: UserRules): OrderedRule[] {
  const changed = (template: RuleTemplate): OrderedRule => ({
    rule: { ...template, ...changes[template.rule_id] },
    conditions: template.conditions,
  })
  const plain = (rule: PushRule): OrderedRule => ({ rule, conditions: rule.conditions ?? [] })
  const [master, ...overrides] = defaultRuleTemplates.override.map(changed)
  return [
    ...(master === undefined ? [] : [master]),
    ...own.override.map(plain),
    ...overrides,
    ...own.content.map((rule) => on(rule, { kind: 'event_match', key: 'content.body', pattern: rule.pattern ?? null })),
    ...defaultRuleTemplates.postcontent.map(changed),
    ...own.room.map((rule) => on(rule, { kind: 'event_property_is', key: 'room_id', value: rule.rule_id })),
    ...own.sender.map((rule) => on(rule, { kind: 'event_property_is', key: 'sender', value: rule.rule_id })),
    ...own.underride.map(plain),
    ...defaultRuleTemplates.underride.map(changed),
  ].filter(({ rule }) => rule.enabled)
}

function on(rule: PushRule, condition: PushCondition): OrderedRule {
  return { rule, conditions: [condition] }
}

function reduceRule({ rule, conditions }: OrderedRule, roomId: string): ReducedRule[] {
  const rest: Condition[] = []
  for (const condition of conditions) {
    if (condition.key !== 'room_id') rest.push(normalise(condition))
    else if ('self' in condition || !holdsInRoom(condition, roomId)) return []
  }
  const { notify, highlight } = verdictOf(rule.rule_id, rule.actions)
  return [{ conditions: rest, notify, highlight }]
}

function holdsInRoom({ kind, pattern, value }: PushCondition, roomId: string): boolean {
  if (kind === 'event_property_is') return value === roomId
  return (
    kind === 'event_match' && typeof pattern === 'string' && matchesGlob(pattern.toLowerCase(), roomId.toLowerCase())
  )
}

/** The fields that a condition is judged by, in one order. */
function normalise(condition: Condition): Condition {
  if ('self' in condition) return condition
  const { kind, key, pattern, value, is, subscribed } = condition
  return {
    kind,
    ...(key !== undefined && { key }),
    ...(pattern !== undefined && { pattern }),
    ...(value !== undefined && { value }),
    ...(is !== undefined && { is }),
    ...(subscribed !== undefined && { subscribed }),
  }
}

function simplify(rules: readonly ReducedRule[]): ReducedRule[] {
  const end = rules.findIndex(({ conditions }) => conditions.length === 0)
  const reachable = end < 0 ? rules : rules.slice(0, end + 1)
  const last = reachable.findLastIndex(({ notify }) => notify)
  const deciding = reachable.slice(0, last + 1)
  return deciding.filter((rule, i) => !isRepeated(rule, deciding.slice(i + 1)))
}

/** Whether wherever `rule` holds, a later one would say the same. */
function isRepeated(rule: ReducedRule, later: readonly ReducedRule[]): boolean {
  const texts = new Set(rule.conditions.map((condition) => JSON.stringify(condition)))
  for (const other of later) {
    if (other.notify !== rule.notify || other.highlight !== rule.highlight) return false
    if (other.conditions.every((condition) => texts.has(JSON.stringify(condition)))) return true
  }
  return false
}

/** The class of everybody who has changed nothing. */
export const defaultClassText = classText(noUserRules, '', [])

const compiled = new LruMap<string, CompiledClass>(20_000)

/** Makes a class ready from its text; kept, as a text always means the same. */
export function compileClass(text: string): CompiledClass {
  const known = compiled.get(text)
  if (known !== undefined) return known
  const { ignored, rules } = JSON.parse(text) as ClassRules
  const made: CompiledClass = {
    ignored: new Set(ignored),
    rules: rules.map(({ conditions, notify, highlight }) => ({
      conditions: conditions.map(compileCondition),
      verdict: { notify, highlight, tweaks: {}, ruleId: undefined },
    })),
    largestCount: Math.max(0, ...rules.flatMap(({ conditions }) => conditions.map(comparedCount))),
  }
  compiled.set(text, made)
  return made
}

/** The number that a condition compares the member count with; 0 for all other conditions. */
export function comparedCount(condition: Condition): number {
  if (condition.kind !== 'room_member_count' || typeof condition.is !== 'string') return 0
  return Math.min(Number(/\d+$/.exec(condition.is)?.[0] ?? 0), Number.MAX_SAFE_INTEGER)
}
