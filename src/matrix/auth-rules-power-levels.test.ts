import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  alice,
  bob,
  carol,
  createEvent,
  member,
  powerLevels,
  roomOf,
  rulesOf,
  stateOf,
} from '../../test/helpers/room-events.ts'
import { checkAuth } from './auth-rules.ts'
import type { Json, JsonObject } from './event.ts'
import type { UserId } from './ids.ts'
import { roomVersions } from './room-versions.ts'

/** Whether `sender` may turn the levels `before` (none: no event yet) into `after`. */
function accepts(version: number, before: JsonObject | undefined, after: JsonObject, sender: UserId = alice): boolean {
  const rules = rulesOf(version)
  const state = roomOf(
    rules,
    'public',
    member(bob, 'join'),
    member(carol, 'join'),
    ...(before === undefined ? [] : [powerLevels(before)]),
  )
  return checkAuth(rules, powerLevels(after, sender), state).allowed
}

const open = { events: { 'm.room.power_levels': 0 } }

describe('the form of power levels', () => {
  const singles = ['users_default', 'events_default', 'state_default', 'ban', 'redact', 'kick', 'invite']

  it('is free to be empty', () => {
    for (const version of roomVersions.map(Number)) assert.ok(accepts(version, undefined, {}), String(version))
  })

  it('takes text for numbers before version 10 only', () => {
    for (const version of [1, 5, 6, 9]) {
      for (const key of singles) assert.ok(accepts(version, undefined, { [key]: '50' }), `${version} ${key}`)
      assert.ok(accepts(version, undefined, { users: { [alice]: ' +0100 ' }, events: { 'm.x': '5' } }))
    }
    for (const version of [10, 11, 12]) {
      for (const key of singles) assert.equal(accepts(version, undefined, { [key]: '50' }), false, `${version} ${key}`)
      for (const map of ['events', 'notifications'] as const) {
        assert.equal(accepts(version, undefined, { [map]: { 'm.x': '5' } }), false)
      }
      assert.equal(accepts(version, undefined, { users: { [bob]: '5' } }), false)
    }
  })

  it('takes floats in versions 1-5 only', () => {
    for (const version of roomVersions.map(Number)) {
      assert.equal(accepts(version, undefined, { users: { [bob]: 50.57 } }), version < 6, String(version))
    }
  })

  it('refuses what no version can read', () => {
    for (const version of roomVersions.map(Number)) {
      for (const odd of [null, true, 'high', [], {}] as Json[]) {
        assert.equal(accepts(version, undefined, { ban: odd }), false)
        assert.equal(accepts(version, undefined, { users: { [bob]: odd } }), false)
        assert.equal(accepts(version, undefined, { events: { 'm.x': odd } }), false)
        assert.equal(accepts(version, undefined, { notifications: { room: odd } }), version < 6)
      }
      for (const odd of [null, [], 'x', 5] as Json[]) {
        assert.equal(accepts(version, undefined, { users: odd }), false)
        assert.equal(accepts(version, undefined, { events: odd }), false)
      }
      for (const key of ['bob', '@bob', '', 'bob:b.example', '__proto__']) {
        const users: JsonObject = JSON.parse(`{${JSON.stringify(key)}: 5}`)
        assert.equal(accepts(version, undefined, { users }), false, key)
      }
    }
  })

  it('does not name creators in version 12', () => {
    const rules = rulesOf(12)
    const state = stateOf(createEvent(rules, { additional_creators: [carol] }), member(alice, 'join'))
    for (const [users, expected] of [
      [{ [bob]: 100 }, true],
      [{ [alice]: 100 }, false],
      [{ [carol]: 0 }, false],
    ] as const) {
      assert.equal(checkAuth(rules, powerLevels({ users }), state).allowed, expected)
    }
    assert.ok(accepts(11, undefined, { users: { [alice]: 100 } }))
  })
})

describe('changing single levels', () => {
  const before = { users: { [alice]: 50 }, ban: 40, kick: 60, ...open }
  const table: [what: string, after: JsonObject, expected: boolean][] = [
    ['nothing', before, true],
    ['lowering one below', { ...before, ban: 10 }, true],
    ['raising one to the own level', { ...before, ban: 50 }, true],
    ['raising one above', { ...before, ban: 51 }, false],
    ['lowering one above', { ...before, kick: 10 }, false],
    ['adding one', { ...before, redact: 50 }, true],
    ['adding one above', { ...before, redact: 51 }, false],
    ['removing one', { users: before.users, kick: 60, ...open }, true],
    ['removing one above', { users: before.users, ban: 40, ...open }, false],
  ]
  for (const [what, after, expected] of table) {
    it(`${expected ? 'allows' : 'refuses'} ${what}`, () => assert.equal(accepts(11, before, after), expected))
  }

  it('sees no change between a number and its text before version 10', () => {
    assert.ok(
      accepts(9, { users: { [alice]: 50 }, kick: 60, ...open }, { users: { [alice]: '50' }, kick: '60', ...open }),
    )
  })
})

describe('changing the levels of types and notifications', () => {
  const base = { users: { [alice]: 50 }, ...open }
  it('stays at or below the own level', () => {
    const table: [JsonObject, JsonObject, boolean][] = [
      [{ x: 50 }, {}, true],
      [{ x: 51 }, {}, false],
      [{ x: 51 }, { x: 50 }, false],
      [{ x: 50 }, { x: 51 }, false],
      [{}, { x: 50 }, true],
      [{}, { x: 51 }, false],
      [{ x: 51 }, { x: 51 }, true],
    ]
    for (const [before, after, expected] of table) {
      const events = (entries: JsonObject): JsonObject => ({ ...base, events: { ...entries, ...open.events } })
      assert.equal(accepts(11, events(before), events(after)), expected, JSON.stringify([before, after]))
      for (const version of roomVersions.map(Number)) {
        if (version === 12) continue
        const was = { ...base, notifications: before }
        const now = { ...base, notifications: after }
        assert.equal(
          accepts(version, was, now),
          expected || version < 6,
          `${version} ${JSON.stringify([before, after])}`,
        )
      }
    }
  })
})

describe('changing the levels of users', () => {
  const level = (users: JsonObject): JsonObject => ({ users: { [alice]: 50, ...users }, ...open })
  const table: [what: string, before: JsonObject, after: JsonObject, expected: boolean][] = [
    ['raising somebody to the own level', { [bob]: 0 }, { [bob]: 50 }, true],
    ['raising somebody above', { [bob]: 0 }, { [bob]: 51 }, false],
    ['adding somebody above', {}, { [bob]: 51 }, false],
    ['lowering somebody below', { [bob]: 49 }, { [bob]: 0 }, true],
    ['lowering an equal', { [bob]: 50 }, { [bob]: 0 }, false],
    ['removing an equal', { [bob]: 50 }, {}, false],
    ['lowering somebody above', { [bob]: 51 }, { [bob]: 50 }, false],
    ['lowering oneself', {}, { [alice]: 0 }, true],
    ['raising oneself', {}, { [alice]: 51 }, false],
  ]
  for (const [what, before, after, expected] of table) {
    it(`${expected ? 'allows' : 'refuses'} ${what}`, () => {
      for (const version of [1, 6, 10, 11]) assert.equal(accepts(version, level(before), level(after)), expected)
    })
  }

  it('allows removing oneself', () => assert.ok(accepts(11, level({}), { users: {}, ...open })))

  it('counts in the default level of the sender', () => {
    const before = { users: {}, users_default: 30, ...open }
    assert.ok(accepts(11, before, { ...before, users: { [bob]: 30 } }, carol))
    assert.equal(accepts(11, before, { ...before, users: { [bob]: 31 } }, carol), false)
    assert.ok(accepts(11, before, { ...before, users_default: 0 }, carol))
  })

  it('lets creators of version 12 do anything', () => {
    const before = { users: { [bob]: 100 }, ban: 100 }
    assert.ok(accepts(12, before, { users: { [bob]: 0, [carol]: 9007199254740991 }, ban: 500 }))
    assert.equal(
      accepts(12, { ...before, ...open }, { users: { [bob]: 100, [carol]: 101 }, ban: 100, ...open }, bob),
      false,
    )
  })
})
