import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { alice, bob, message, pdu } from '../../test/helpers/room-events.ts'
import type { Json, JsonObject } from './event.ts'
import { compileCondition, type PushSubject, type PushUser } from './push-conditions.ts'
import type { PushCondition } from './push-rule-types.ts'

function subjectOf(content: JsonObject, about: Partial<PushSubject> = {}): PushSubject {
  return { event: message(bob, content), memberCount: 3, hasNotificationPower: () => false, ...about }
}

const user: PushUser = { userId: alice, displayName: 'Alice (work)' }
const matches = (condition: PushCondition, subject: PushSubject, who = user): boolean =>
  compileCondition(condition).matches(subject, who)

describe('event_match', () => {
  const table: [key: string, pattern: Json, content: JsonObject, expected: boolean][] = [
    ['content.topic', 'lunc?*', { topic: 'Lunch plans' }, true],
    ['content.topic', 'lunc?*', { topic: 'LUNCH' }, true],
    ['content.topic', 'lunc?*', { topic: ' lunch' }, false],
    ['content.topic', 'lunc?*', { topic: 'lunc' }, false],
    ['content.topic', 'lunc?*', { topic: null }, false],
    ['content.topic', 'LUNCH', { topic: 'lunch' }, true],
    ['content.topic', 'lunch', { topic: 'lunch plans' }, false],
    ['content.topic', '*', {}, false],
    ['content.topic', '*', { topic: 7 }, false],
    ['content.topic', '*', { topic: '' }, true],
    ['content.topic', '', { topic: '' }, true],
    ['content.topic', 7, { topic: '7' }, false],
    ['content.body', 'ex*ple', { body: 'An EXAMPLE event.' }, true],
    ['content.body', 'event', { body: 'An example event.' }, true],
    ['content.body', 'vent', { body: 'An example event.' }, false],
    ['content.body', 'x', { body: ['x'] }, false],
    ['content.m\\.x', 'y', { 'm.x': 'y' }, true],
    ['content.m.x', 'y', { 'm.x': 'y' }, false],
    ['content.m.x', 'y', { m: { x: 'y' } }, true],
    ['sender', bob, {}, true],
    ['type', 'm.room.*', {}, true],
    ['state_key', '', {}, false],
  ]
  for (const [key, pattern, content, expected] of table) {
    it(`${expected ? 'takes' : 'leaves'} ${key} ${JSON.stringify(pattern)} in ${JSON.stringify(content)}`, () => {
      assert.equal(matches({ kind: 'event_match', key, pattern }, subjectOf(content)), expected)
    })
  }

  it('sees the state key', () => {
    const event = pdu('m.room.tombstone', { state_key: '' })
    assert.ok(matches({ kind: 'event_match', key: 'state_key', pattern: '' }, subjectOf({}, { event })))
  })
})

describe('event_property_is and event_property_contains', () => {
  const values: Json[] = ['x', '', 0, 7, -1, true, false, null]
  it('compare without casts', () => {
    for (const one of values) {
      for (const other of values) {
        const is: PushCondition = { kind: 'event_property_is', key: 'content.v', value: one }
        const contains: PushCondition = { kind: 'event_property_contains', key: 'content.v', value: one }
        assert.equal(matches(is, subjectOf({ v: other })), one === other)
        assert.equal(matches(contains, subjectOf({ v: [other, [one]] })), one === other)
        assert.equal(matches(contains, subjectOf({ v: other })), false)
        assert.equal(matches(is, subjectOf({ v: [one] })), false)
      }
    }
  })

  it('match nothing where the property or the value is missing or compound', () => {
    for (const kind of ['event_property_is', 'event_property_contains']) {
      assert.equal(matches({ kind, key: 'content.v', value: null }, subjectOf({})), false)
      assert.equal(matches({ kind, key: 'content.v' }, subjectOf({ v: 1 })), false)
      assert.equal(matches({ kind, key: 'content.v', value: [1] }, subjectOf({ v: [[1]] })), false)
      assert.equal(matches({ kind, key: 'content.v', value: 1.5 }, subjectOf({ v: [1.5] })), false)
      assert.equal(matches({ kind, value: 1 }, subjectOf({ v: 1 })), false)
    }
  })
})

describe('contains_display_name', () => {
  const condition = { kind: 'contains_display_name' }
  it('finds the name as words of the body, whatever their case', () => {
    assert.ok(matches(condition, subjectOf({ body: 'hello ALICE (work)!' })))
    assert.equal(matches(condition, subjectOf({ body: 'hello alice' })), false)
    assert.equal(matches(condition, subjectOf({ body: 7 })), false)
    assert.equal(matches(condition, subjectOf({})), false)
  })

  it('matches nobody without a name', () => {
    assert.equal(matches(condition, subjectOf({ body: '' }), { userId: alice }), false)
    assert.equal(matches(condition, subjectOf({ body: '' }), { userId: alice, displayName: '' }), false)
  })

  it('takes names for what they are, not for globs', () => {
    assert.equal(matches(condition, subjectOf({ body: 'hello' }), { userId: alice, displayName: '*' }), false)
    assert.ok(matches(condition, subjectOf({ body: 'hello *' }), { userId: alice, displayName: '*' }))
  })
})

describe('room_member_count', () => {
  const table: [is: Json, count: number, expected: boolean][] = [
    ['2', 2, true],
    ['2', 3, false],
    ['==2', 2, true],
    ['<2', 1, true],
    ['<2', 2, false],
    ['>2', 3, true],
    ['>2', 2, false],
    ['<=2', 2, true],
    ['<=2', 3, false],
    ['>=2', 2, true],
    ['>=2', 1, false],
    ['', 0, false],
    ['=2', 2, false],
    ['2x', 2, false],
    ['-2', -2, false],
    ['!=2', 3, false],
    [' 2', 2, false],
    [2, 2, false],
  ]
  for (const [is, memberCount, expected] of table) {
    it(`${JSON.stringify(is)} is ${expected} for ${memberCount}`, () => {
      assert.equal(matches({ kind: 'room_member_count', is }, subjectOf({}, { memberCount })), expected)
    })
  }
})

describe('sender_notification_permission', () => {
  it('asks for the level of its key', () => {
    const about = { hasNotificationPower: (key: string) => key === 'room' }
    const condition = { kind: 'sender_notification_permission' }
    assert.ok(matches({ ...condition, key: 'room' }, subjectOf({}, about)))
    assert.equal(matches({ ...condition, key: 'other' }, subjectOf({}, about)), false)
    assert.equal(matches(condition, subjectOf({}, about)), false)
  })
})

describe('conditions that nobody knows', () => {
  it('match nothing', () => {
    assert.equal(matches({ kind: 'org.example.always' }, subjectOf({})), false)
    assert.equal(matches({ kind: 'event_match' }, subjectOf({})), false)
    assert.equal(matches({ kind: 'device', key: 'x' }, subjectOf({})), false)
  })
})
