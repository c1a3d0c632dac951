import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { alice, bob, carol, pdu } from '../../test/helpers/room-events.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { PushSubject } from '../matrix/push-conditions.ts'
import type { PushCondition, PushRuleKind } from '../matrix/push-rule-types.ts'
import { compilePushRules, evaluatePushRules, evaluateSharedPushRules } from '../matrix/push-rules.ts'
import { changeRule, copyRoomRules, type NewRule, putRule } from './edit-rules.ts'
import { classText, compileClass, defaultClassText } from './rule-classes.ts'
import { tallyOf } from './tally.ts'
import { noUserRules, rulesetOf, type UserRules } from './user-rules.ts'

const here = '!create:a.example'
const inRoom = (pattern: string): PushCondition => ({ kind: 'event_match', key: 'room_id', pattern })
const mute = (room: string): UserRules =>
  putRule(noUserRules, 'override', 'mute', { actions: [], conditions: [inRoom(room)] }, {})
const own = (kind: PushRuleKind, id: string, rule: NewRule, rules = noUserRules) => putRule(rules, kind, id, rule, {})

describe('classes of push rules', () => {
  it('leave out what makes no difference to counts', () => {
    const loud = changeRule(noUserRules, 'underride', '.m.rule.message', {
      actions: ['notify', { set_tweak: 'sound', value: 'ping' }],
    })
    const elsewhere = own('room', '!other:a.example', { actions: [] })
    const disabled = changeRule(own('content', 'x', { actions: ['notify'], pattern: 'x' }), 'content', 'x', {
      enabled: false,
    })
    for (const rules of [loud, elsewhere, disabled, mute('!other:a.example')]) {
      assert.equal(classText(rules, here, []), defaultClassText)
    }
  })

  it('are the same for rules that do the same', () => {
    const silent = classText(changeRule(noUserRules, 'override', '.m.rule.master', { enabled: true }), here, [])
    assert.equal(classText(mute(here), here, []), silent)
    assert.equal(classText(mute('!create:*'), here, []), silent)
    assert.notEqual(classText(own('room', here, { actions: [] }), here, []), silent)
    assert.notEqual(silent, defaultClassText)
  })

  it('differ by whom their users ignore, in any order', () => {
    assert.equal(classText(noUserRules, here, [bob, carol]), classText(noUserRules, here, [carol, bob]))
    assert.notEqual(classText(noUserRules, here, [bob]), defaultClassText)
  })
})

const condition: fc.Arbitrary<PushCondition> = fc.oneof(
  fc.record({
    kind: fc.constant('event_match'),
    key: fc.constantFrom('type', 'content.body', 'sender'),
    pattern: fc.constantFrom('m.*', 'cake', bob),
  }),
  fc.constantFrom(inRoom(here), inRoom('!create*'), inRoom('!other'), inRoom(here.toUpperCase())),
  fc.constantFrom<PushCondition>(
    { kind: 'event_property_is', key: 'room_id', value: here },
    { kind: 'event_property_contains', key: 'room_id', value: here },
    { kind: 'contains_display_name' },
    { kind: 'room_member_count', is: '2' },
    { kind: 'sender_notification_permission', key: 'room' },
    { kind: 'org.example.unknown' },
    { kind: 'io.element.msc4306.thread_subscription', subscribed: true },
    { kind: 'io.element.msc4306.thread_subscription', subscribed: false },
    { kind: 'io.element.msc4306.thread_subscription' },
  ),
)
const actions = fc.constantFrom<NewRule['actions']>(
  [],
  ['notify'],
  ['notify', { set_tweak: 'highlight' }],
  ['dont_notify'],
)
const edit = fc.oneof(
  fc.record({
    kind: fc.constantFrom<PushRuleKind>('override', 'underride'),
    id: fc.constantFrom('a', 'b', 'c'),
    rule: fc.record({ actions, conditions: fc.array(condition, { maxLength: 2 }) }),
  }),
  fc.record({
    kind: fc.constant<PushRuleKind>('content'),
    id: fc.constantFrom('a', 'b'),
    rule: fc.record({ actions, pattern: fc.constantFrom('cake', 'h?l*') }),
  }),
  fc.record({
    kind: fc.constant<PushRuleKind>('room'),
    id: fc.constantFrom(here, '!other'),
    rule: fc.record({ actions }),
  }),
  fc.record({
    kind: fc.constant<PushRuleKind>('sender'),
    id: fc.constantFrom<string>(bob, carol),
    rule: fc.record({ actions }),
  }),
)
const defaults = fc.constantFrom<[PushRuleKind, string]>(
  ['override', '.m.rule.master'],
  ['override', '.m.rule.suppress_notices'],
  ['override', '.m.rule.is_user_mention'],
  ['override', '.m.rule.is_room_mention'],
  ['postcontent', '.io.element.msc4306.rule.unsubscribed_thread'],
  ['postcontent', '.io.element.msc4306.rule.subscribed_thread'],
  ['underride', '.m.rule.room_one_to_one'],
  ['underride', '.m.rule.message'],
)
const change = fc.oneof(fc.record({ enabled: fc.boolean() }), fc.record({ actions }))
const content: fc.Arbitrary<JsonObject> = fc.record({
  msgtype: fc.constantFrom('m.text', 'm.notice'),
  body: fc.constantFrom('hello', 'cake', 'hello Alice'),
  'm.mentions': fc.constantFrom<JsonObject>({}, { user_ids: [alice] }, { room: true }),
})

describe('a class', () => {
  it('judges every event as the whole rules of its users do', () => {
    const property = fc.property(
      fc.array(edit, { maxLength: 5 }),
      fc.array(fc.tuple(defaults, change), { maxLength: 3 }),
      fc.record({
        type: fc.constantFrom('m.room.message', 'm.reaction', 'm.room.encrypted'),
        content,
        sender: fc.constantFrom(bob, carol),
      }),
      fc.constantFrom(1, 2, 3),
      fc.boolean(),
      fc.constantFrom(undefined, [], [alice], [bob], [alice, bob]),
      (edits, changes, event, memberCount, hasPower, followers) => {
        let rules: UserRules = noUserRules
        for (const { kind, id, rule } of edits) rules = own(kind, id, rule, rules)
        for (const [[kind, id], what] of changes) rules = changeRule(rules, kind, id, what)
        const subject: PushSubject = {
          event: pdu(event.type, event),
          memberCount,
          hasNotificationPower: () => hasPower,
          threadFollowers: followers && new Set(followers),
        }
        const user = { userId: alice, displayName: 'Alice' }
        const expected = tallyOf(evaluatePushRules(compilePushRules(rulesetOf(alice, rules)), subject, user))
        const compiled = compileClass(classText(rules, here, [])).rules
        assert.deepEqual(tallyOf(evaluatePushRules(compiled, subject, user)), expected)
        const { verdict, exceptions } = evaluateSharedPushRules(compiled, subject)
        const isAlone = exceptions === 'everybody' || exceptions.has(alice)
        if (!isAlone) assert.deepEqual(tallyOf(verdict), expected)
      },
    )
    fc.assert(property, { numRuns: 2000 })
  })
})

describe('copying rules to the room that replaces another', () => {
  it('copies rules of every kind that name the room, once', () => {
    const rules = own('room', here, { actions: [] }, mute(here))
    const copied = copyRoomRules(rules, here, '!new')
    assert.ok(copied)
    assert.deepEqual(
      [copied.own.room, copied.own.override].map((list) => list.map((rule) => rule.rule_id)),
      [
        ['!new', here],
        ['mute_!new', 'mute'],
      ],
    )
    assert.deepEqual(copied.own.override[0]?.conditions, [inRoom('!new')])
    assert.equal(copyRoomRules(copied, here, '!new'), undefined)
    assert.equal(copyRoomRules(rules, '!unnamed', '!new'), undefined)
  })
})
