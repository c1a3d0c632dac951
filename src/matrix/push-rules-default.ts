/** The rules that everybody has: https://spec.matrix.org/v1.19/client-server-api/#predefined-rules */
import type { JsonObject } from './event.ts'
import {
  type PushAction,
  type PushCondition,
  type PushRule,
  type PushRuleset,
  pushRuleKinds,
} from './push-rule-types.ts'

/** What a user changed about a default rule. */
export interface DefaultRuleChange {
  readonly enabled?: boolean
  readonly actions?: readonly PushAction[]
}

/** A condition about the user whose rules these are: the user's id stands for its pattern or value. */
export type SelfCondition =
  | { readonly kind: 'event_match'; readonly key: string; readonly self: 'pattern' }
  | { readonly kind: 'event_property_contains'; readonly key: string; readonly self: 'value' }

export interface RuleTemplate extends Omit<PushRule, 'conditions'> {
  readonly conditions: readonly (PushCondition | SelfCondition)[]
}

const master = '.m.rule.master'
const sound = (value: string): JsonObject => ({ set_tweak: 'sound', value })
const highlight: JsonObject = { set_tweak: 'highlight' }
const loud: PushAction[] = ['notify', sound('default')]

function rule(
  name: string,
  conditions: RuleTemplate['conditions'],
  actions: PushAction[],
  enabled = true,
): RuleTemplate {
  return { rule_id: `.m.rule.${name}`, default: true, enabled, conditions, actions }
}

function matches(key: string, pattern: string): PushCondition {
  return { kind: 'event_match', key, pattern }
}

/** https://github.com/matrix-org/matrix-spec-proposals/pull/3930, by the names that clients send polls under. */
function poll(name: string, conditions: RuleTemplate['conditions'], actions: PushAction[]): RuleTemplate {
  return { ...rule(name, conditions, actions), rule_id: `.org.matrix.msc3930.rule.${name}` }
}

const isPoll = (part: string): PushCondition => matches('type', `org.matrix.msc3381.poll.${part}`)

/** A rule about events of threads that the user follows, or does not. */
function followed(name: string, subscribed: boolean, actions: PushAction[]): RuleTemplate {
  const conditions = [{ kind: 'io.element.msc4306.thread_subscription', subscribed }]
  return { rule_id: `.io.element.msc4306.rule.${name}`, default: true, enabled: false, conditions, actions }
}

const twoMembers: PushCondition = { kind: 'room_member_count', is: '2' }
const isState = matches('state_key', '')

export const defaultRuleTemplates: {
  readonly override: readonly RuleTemplate[]
  readonly postcontent: readonly RuleTemplate[]
  readonly underride: readonly RuleTemplate[]
} = {
  override: [
    rule('master', [], [], false),
    rule('suppress_notices', [matches('content.msgtype', 'm.notice')], []),
    rule(
      'invite_for_me',
      [
        matches('type', 'm.room.member'),
        matches('content.membership', 'invite'),
        { kind: 'event_match', key: 'state_key', self: 'pattern' },
      ],
      loud,
    ),
    rule('member_event', [matches('type', 'm.room.member')], []),
    rule(
      'is_user_mention',
      [{ kind: 'event_property_contains', key: 'content.m\\.mentions.user_ids', self: 'value' }],
      [...loud, highlight],
    ),
    rule(
      'is_room_mention',
      [
        { kind: 'event_property_is', key: 'content.m\\.mentions.room', value: true },
        { kind: 'sender_notification_permission', key: 'room' },
      ],
      ['notify', highlight],
    ),
    rule('tombstone', [matches('type', 'm.room.tombstone'), isState], ['notify', highlight]),
    rule('reaction', [matches('type', 'm.reaction')], []),
    rule('room.server_acl', [matches('type', 'm.room.server_acl'), isState], []),
    rule(
      'suppress_edits',
      [{ kind: 'event_property_is', key: 'content.m\\.relates_to.rel_type', value: 'm.replace' }],
      [],
    ),
    poll('poll_response', [isPoll('response')], []),
  ],
  // Off until somebody turns them on: whose clients follow no threads would hear of none.
  postcontent: [followed('unsubscribed_thread', false, []), followed('subscribed_thread', true, loud)],
  underride: [
    rule('call', [matches('type', 'm.call.invite')], ['notify', sound('ring')]),
    rule('encrypted_room_one_to_one', [twoMembers, matches('type', 'm.room.encrypted')], loud),
    rule('room_one_to_one', [twoMembers, matches('type', 'm.room.message')], loud),
    rule('message', [matches('type', 'm.room.message')], ['notify']),
    rule('encrypted', [matches('type', 'm.room.encrypted')], ['notify']),
    poll('poll_start_one_to_one', [twoMembers, isPoll('start')], loud),
    poll('poll_start', [isPoll('start')], ['notify']),
    poll('poll_end_one_to_one', [twoMembers, isPoll('end')], loud),
    poll('poll_end', [isPoll('end')], ['notify']),
  ],
}

/** The default rules as this user reads them, with what the user changed about them. */
export function defaultPushRules(
  userId: string,
  changes: ReadonlyMap<string, DefaultRuleChange> = new Map(),
): PushRuleset {
  const fill = (template: RuleTemplate): PushRule => ({
    ...template,
    ...changes.get(template.rule_id),
    conditions: template.conditions.map((condition) => fillIn(condition, userId)),
  })
  const { override, postcontent, underride } = defaultRuleTemplates
  return {
    override: override.map(fill),
    content: [],
    postcontent: postcontent.map(fill),
    room: [],
    sender: [],
    underride: underride.map(fill),
  }
}

function fillIn(condition: PushCondition | SelfCondition, userId: string): PushCondition {
  if (!('self' in condition)) return condition
  const { self, ...rest } = condition
  return { ...rest, [self]: userId }
}

/** A whole ruleset: a user's own rules stand before the defaults of their kind, and the master rule before all. */
export function joinPushRules(own: PushRuleset, defaults: PushRuleset): PushRuleset {
  const isMaster = (one: PushRule): boolean => one.rule_id === master
  const joined = pushRuleKinds.map((kind) => {
    const first = defaults[kind].filter(isMaster)
    return [kind, [...first, ...own[kind], ...defaults[kind].filter((one) => !isMaster(one))]] as const
  })
  // One entry per kind, by the line above.
  return Object.fromEntries(joined) as PushRuleset
}
