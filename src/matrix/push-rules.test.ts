import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { alice, bob, carol, message, pdu } from '../../test/helpers/room-events.ts'
import type { Json, JsonObject, Pdu } from './event.ts'
import type { UserId } from './ids.ts'
import type { PushRule, PushRuleset } from './push-rule-types.ts'
import {
  compilePushRules,
  defaultCompiledRules,
  evaluatePushRules,
  evaluateSharedPushRules,
  type PushSubject,
  type PushVerdict,
  verdictOf,
} from './push-rules.ts'
import { defaultPushRules, joinPushRules } from './push-rules-default.ts'

const none: PushRuleset = { override: [], content: [], postcontent: [], room: [], sender: [], underride: [] }

function subjectOf(event: Pdu, about: Partial<PushSubject> = {}): PushSubject {
  return { event, memberCount: 3, hasNotificationPower: () => false, ...about }
}

function rule(id: string, more: Partial<PushRule> = {}): PushRule {
  return { rule_id: id, default: false, enabled: true, actions: ['notify'], ...more }
}

function verdictFor(userId: UserId, subject: PushSubject): PushVerdict {
  const shared = evaluatePushRules(defaultCompiledRules, subject, { userId })
  assert.deepEqual(evaluatePushRules(compilePushRules(defaultPushRules(userId)), subject, { userId }), shared)
  return shared
}

describe('the default rules', () => {
  it('are those of the specification, in its order', () => {
    const rules = defaultPushRules(alice)
    assert.deepEqual(
      rules.override.map((one) => one.rule_id.replace('.m.rule.', '')),
      [
        'master',
        'suppress_notices',
        'invite_for_me',
        'member_event',
        'is_user_mention',
        'is_room_mention',
        'tombstone',
        'reaction',
        'room.server_acl',
        'suppress_edits',
        '.org.matrix.msc3930.rule.poll_response',
      ],
    )
    assert.deepEqual(
      rules.underride.map((one) => one.rule_id.replace('.m.rule.', '')),
      [
        'call',
        'encrypted_room_one_to_one',
        'room_one_to_one',
        'message',
        'encrypted',
        ...['poll_start_one_to_one', 'poll_start', 'poll_end_one_to_one', 'poll_end'].map(
          (name) => `.org.matrix.msc3930.rule.${name}`,
        ),
      ],
    )
    assert.deepEqual([rules.content, rules.room, rules.sender], [[], [], []])
    for (const one of [...rules.override, ...rules.underride]) {
      assert.equal(one.default, true)
      assert.equal(one.enabled, one.rule_id !== '.m.rule.master')
      assert.deepEqual(one.conditions, JSON.parse(JSON.stringify(one.conditions)))
    }
  })

  it('name the user', () => {
    const { override } = defaultPushRules(alice)
    assert.deepEqual(override[2]?.conditions?.[2], { kind: 'event_match', key: 'state_key', pattern: alice })
    assert.deepEqual(override[4]?.conditions, [
      { kind: 'event_property_contains', key: 'content.m\\.mentions.user_ids', value: alice },
    ])
  })

  const text = (content: JsonObject): Pdu => message(bob, { msgtype: 'm.text', body: 'hello', ...content })
  const two = { memberCount: 2 }
  const powerful = { hasNotificationPower: () => true }
  const invite = (target: string): Pdu =>
    pdu('m.room.member', { sender: bob, state_key: target, content: { membership: 'invite' } })
  const of = (type: string, more: Partial<Pdu> = {}): Pdu => pdu(type, { sender: bob, ...more })
  const mention = (mentions: Json): Pdu => text({ 'm.mentions': mentions })
  const edit: JsonObject = { 'm.relates_to': { rel_type: 'm.replace', event_id: '$x' } }

  const polls = '.org.matrix.msc3930.rule.'
  // The rule that decides, and what it does: q(uiet), n(otify), s(ound), h(ighlight), sh, r(ing).
  const table: [what: string, event: Pdu, about: Partial<PushSubject>, rule: string | undefined, does: string][] = [
    ['a message', text({}), {}, 'message', 'n'],
    ['a message in a chat of two', text({}), two, 'room_one_to_one', 's'],
    ['an encrypted event', of('m.room.encrypted'), {}, 'encrypted', 'n'],
    ['an encrypted event in a chat of two', of('m.room.encrypted'), two, 'encrypted_room_one_to_one', 's'],
    ['a notice', text({ msgtype: 'm.notice' }), two, 'suppress_notices', 'q'],
    [
      'a notice that mentions',
      text({ msgtype: 'm.notice', 'm.mentions': { user_ids: [alice] } }),
      two,
      'suppress_notices',
      'q',
    ],
    ['an invite', invite(alice), {}, 'invite_for_me', 's'],
    ["somebody else's invite", invite(carol), {}, 'member_event', 'q'],
    ['a join', of('m.room.member', { state_key: bob, content: { membership: 'join' } }), two, 'member_event', 'q'],
    ['a mention', mention({ user_ids: [carol, alice] }), {}, 'is_user_mention', 'sh'],
    ['a mention of others', mention({ user_ids: [carol] }), {}, 'message', 'n'],
    ['a malformed mention', mention({ user_ids: alice }), {}, 'message', 'n'],
    ['a mention of everybody with the power', mention({ room: true }), powerful, 'is_room_mention', 'h'],
    ['a mention of everybody without the power', mention({ room: true }), {}, 'message', 'n'],
    ['a mention of "everybody"', mention({ room: 'true' }), powerful, 'message', 'n'],
    ['the text @room', text({ body: 'hey @room' }), powerful, 'message', 'n'],
    ['the name in the text', text({ body: 'hey alice' }), powerful, 'message', 'n'],
    [
      'an encrypted mention',
      of('m.room.encrypted', { content: { 'm.mentions': { user_ids: [alice] } } }),
      {},
      'is_user_mention',
      'sh',
    ],
    ['an edit', text(edit), two, 'suppress_edits', 'q'],
    ['an edit that mentions', text({ ...edit, 'm.mentions': { user_ids: [alice] } }), {}, 'is_user_mention', 'sh'],
    ['a tombstone', of('m.room.tombstone', { state_key: '' }), {}, 'tombstone', 'h'],
    ['a tombstone that is no state', of('m.room.tombstone'), {}, undefined, 'q'],
    ['a reaction', of('m.reaction'), two, 'reaction', 'q'],
    ['server ACLs', of('m.room.server_acl', { state_key: '' }), {}, 'room.server_acl', 'q'],
    ['a call', of('m.call.invite'), two, 'call', 'r'],
    ['the hangup of a call', of('m.call.hangup'), two, undefined, 'q'],
    ['a topic', of('m.room.topic', { state_key: '' }), two, undefined, 'q'],
    ['a poll', of('org.matrix.msc3381.poll.start'), {}, `${polls}poll_start`, 'n'],
    ['a poll in a chat of two', of('org.matrix.msc3381.poll.start'), two, `${polls}poll_start_one_to_one`, 's'],
    ['the end of a poll', of('org.matrix.msc3381.poll.end'), {}, `${polls}poll_end`, 'n'],
    ['that in a chat of two', of('org.matrix.msc3381.poll.end'), two, `${polls}poll_end_one_to_one`, 's'],
    ['a vote', of('org.matrix.msc3381.poll.response'), two, `${polls}poll_response`, 'q'],
  ]
  const effects: Record<string, Partial<PushVerdict>> = {
    q: { notify: false, highlight: false, tweaks: {} },
    n: { notify: true, highlight: false, tweaks: {} },
    s: { notify: true, highlight: false, tweaks: { sound: 'default' } },
    h: { notify: true, highlight: true, tweaks: { highlight: true } },
    sh: { notify: true, highlight: true, tweaks: { sound: 'default', highlight: true } },
    r: { notify: true, highlight: false, tweaks: { sound: 'ring' } },
  }
  for (const [what, event, about, decisive, does] of table) {
    it(`decide about ${what}: ${decisive ?? 'no rule'}`, () => {
      const ruleId = decisive?.startsWith('.') ? decisive : decisive && `.m.rule.${decisive}`
      assert.deepEqual(verdictFor(alice, subjectOf(event, about)), { ...effects[does], ruleId })
    })
  }

  it('say nothing to the sender', () => {
    assert.equal(verdictFor(bob, subjectOf(text({ 'm.mentions': { user_ids: [bob] } }))).notify, false)
  })

  it('are silent while the master rule is on', () => {
    const rules = defaultPushRules(alice, new Map([['.m.rule.master', { enabled: true }]]))
    const own = { ...none, override: [rule('mine')] }
    const verdict = evaluatePushRules(compilePushRules(joinPushRules(own, rules)), subjectOf(text({})), {
      userId: alice,
    })
    assert.deepEqual(verdict, { notify: false, highlight: false, tweaks: {}, ruleId: '.m.rule.master' })
  })

  it('can be switched off and changed one by one', () => {
    const changes = new Map([
      ['.m.rule.message', { enabled: false }],
      ['.m.rule.encrypted', { actions: ['notify', { set_tweak: 'sound', value: 'bell' }] }],
    ])
    const rules = compilePushRules(defaultPushRules(alice, changes))
    assert.equal(evaluatePushRules(rules, subjectOf(text({})), { userId: alice }).notify, false)
    const encrypted = evaluatePushRules(rules, subjectOf(of('m.room.encrypted')), { userId: alice })
    assert.deepEqual(encrypted.tweaks, { sound: 'bell' })
  })
})

describe('the order of rules', () => {
  const decide = (own: Partial<PushRuleset>, event = message(bob)): string | undefined => {
    const rules = joinPushRules({ ...none, ...own }, defaultPushRules(alice))
    return evaluatePushRules(compilePushRules(rules), subjectOf(event), { userId: alice }).ruleId
  }
  const roomId = message(bob).room_id ?? ''

  it('is override, content, room, sender, underride', () => {
    const all = {
      override: [rule('o')],
      content: [rule('c', { pattern: 'hello' })],
      room: [rule(roomId)],
      sender: [rule(bob)],
      underride: [rule('u')],
    }
    assert.equal(decide(all), 'o')
    assert.equal(decide({ ...all, override: [] }), 'c')
    assert.equal(decide({ ...all, override: [], content: [] }), roomId)
    assert.equal(decide({ underride: all.underride, sender: all.sender }), bob)
    assert.equal(decide({ underride: all.underride }), 'u')
    assert.equal(decide({}), '.m.rule.message')
  })

  it('puts own rules before the defaults of their kind, behind the master rule', () => {
    const joined = joinPushRules({ ...none, override: [rule('mine')] }, defaultPushRules(alice))
    assert.deepEqual(
      joined.override.slice(0, 3).map((one) => one.rule_id),
      ['.m.rule.master', 'mine', '.m.rule.suppress_notices'],
    )
  })

  it('takes the first rule that matches and is enabled', () => {
    const never = rule('never', { conditions: [{ kind: 'org.example.unknown' }] })
    const off = rule('off', { enabled: false })
    assert.equal(decide({ override: [off, never, rule('a'), rule('b')] }), 'a')
    assert.equal(decide({ room: [rule('!other:a.example')], sender: [rule(carol)] }), '.m.rule.message')
    assert.equal(decide({ content: [rule('c', { pattern: 'ell' }), rule('d')] }), '.m.rule.message')
  })
})

describe('actions', () => {
  it('come to a verdict, with the historical ones ignored', () => {
    const highlightOff: JsonObject = { set_tweak: 'highlight', value: false }
    assert.equal(verdictOf('r', ['dont_notify']).notify, false)
    assert.equal(verdictOf('r', ['coalesce']).notify, false)
    assert.equal(verdictOf('r', []).notify, false)
    assert.equal(verdictOf('r', ['dont_notify', 'notify']).notify, true)
    assert.equal(verdictOf('r', [{ set_tweak: 'highlight' }]).highlight, false)
    assert.equal(verdictOf('r', ['notify', highlightOff]).highlight, false)
    assert.deepEqual(verdictOf('r', ['notify', highlightOff, { set_tweak: 'org.example', value: 7 }]).tweaks, {
      highlight: false,
      'org.example': 7,
    })
    assert.deepEqual(verdictOf('r', ['notify', { set_tweak: 7 }, { other: 1 }, { set_tweak: 'sound' }]).tweaks, {})
  })
})

describe('evaluateSharedPushRules', () => {
  const users = [alice, bob, carol, '@dave:d.example' as UserId]
  const ids = fc.constantFrom<Json[]>(...users, 'odd', 7, null)
  const content = fc.record(
    {
      msgtype: fc.constantFrom('m.text', 'm.notice'),
      body: fc.constantFrom<Json[]>('hello', 'hello alice', 7),
      membership: fc.constantFrom('invite', 'join'),
      'm.mentions': fc.record({ user_ids: fc.oneof(fc.array(ids, { maxLength: 3 }), ids), room: fc.boolean() }),
      'm.relates_to': fc.constant({ rel_type: 'm.replace' }),
    },
    { requiredKeys: [] },
  ) as fc.Arbitrary<JsonObject>
  const event = fc
    .record({
      type: fc.constantFrom('m.room.message', 'm.room.member', 'm.room.encrypted', 'm.room.tombstone', 'm.reaction'),
      sender: fc.constantFrom(...users),
      content,
      state_key: fc.option(fc.constantFrom('', ...users), { nil: undefined }),
    })
    .map(({ type, state_key, ...rest }) => pdu(type, { ...rest, ...(state_key === undefined ? {} : { state_key }) }))

  it('is what each user gets who is no exception', () => {
    fc.assert(
      fc.property(event, fc.integer({ min: 1, max: 3 }), fc.boolean(), (one, memberCount, power) => {
        const subject = subjectOf(one, { memberCount, hasNotificationPower: () => power })
        const shared = evaluateSharedPushRules(defaultCompiledRules, subject)
        for (const userId of users) {
          if (userId === one.sender || shared.exceptions === 'everybody' || shared.exceptions.has(userId)) continue
          assert.deepEqual(evaluatePushRules(defaultCompiledRules, subject, { userId }), shared.verdict)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('has exceptions only where somebody is named', () => {
    const exceptionsOf = (one: Pdu): ReadonlySet<string> | 'everybody' =>
      evaluateSharedPushRules(defaultCompiledRules, subjectOf(one)).exceptions
    assert.deepEqual(exceptionsOf(message(bob)), new Set())
    assert.deepEqual(exceptionsOf(pdu('m.room.encrypted', { sender: bob })), new Set())
    assert.deepEqual(exceptionsOf(message(bob, { 'm.mentions': { user_ids: [alice, 7] } })), new Set([alice]))
  })

  it('asks everybody where a rule looks for names', () => {
    const rules = compilePushRules({
      ...none,
      override: [rule('n', { conditions: [{ kind: 'contains_display_name' }] })],
    })
    assert.equal(evaluateSharedPushRules(rules, subjectOf(message(bob))).exceptions, 'everybody')
    assert.deepEqual(evaluateSharedPushRules(rules, subjectOf(pdu('m.reaction'))).exceptions, new Set())
  })
})
