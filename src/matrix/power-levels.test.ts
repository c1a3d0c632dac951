import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { alice, bob, carol, createEvent, powerLevels, rulesOf, stateOf } from '../../test/helpers/room-events.ts'
import type { Json } from './event.ts'
import { actionPower, notificationPower, powerOf, readLevel, requiredPower } from './power-levels.ts'

describe('readLevel', () => {
  const table: [value: Json, old: number | undefined, canonical: number | undefined, integers: number | undefined][] = [
    [50, 50, 50, 50],
    [-1, -1, -1, -1],
    ['100', 100, 100, undefined],
    ['  +00100 ', 100, 100, undefined],
    ['-5', -5, -5, undefined],
    ['5.5', undefined, undefined, undefined],
    ['1e3', undefined, undefined, undefined],
    ['0x10', undefined, undefined, undefined],
    ['', undefined, undefined, undefined],
    ['99999999999999999999', undefined, undefined, undefined],
    [50.57, 50, undefined, undefined],
    [Number.POSITIVE_INFINITY, undefined, undefined, undefined],
    [null, undefined, undefined, undefined],
    [true, undefined, undefined, undefined],
    [[5], undefined, undefined, undefined],
  ]
  for (const [value, old, canonical, integers] of table) {
    it(`reads ${JSON.stringify(value)} as versions 5, 6 and 10 do`, () => {
      assert.equal(readLevel(rulesOf(5), value), old)
      assert.equal(readLevel(rulesOf(6), value), canonical)
      assert.equal(readLevel(rulesOf(9), value), canonical)
      assert.equal(readLevel(rulesOf(10), value), integers)
    })
  }
})

describe('levels without a power levels event', () => {
  it('gives the creator 100 before version 12 and everything after', () => {
    for (const version of [1, 5, 10, 11]) {
      const state = stateOf(createEvent(rulesOf(version)))
      assert.equal(powerOf(state, rulesOf(version), alice), 100)
      assert.equal(powerOf(state, rulesOf(version), bob), 0)
    }
    const state = stateOf(createEvent(rulesOf(12), { additional_creators: [carol] }))
    assert.equal(powerOf(state, rulesOf(12), alice), Number.POSITIVE_INFINITY)
    assert.equal(powerOf(state, rulesOf(12), carol), Number.POSITIVE_INFINITY)
    assert.equal(powerOf(state, rulesOf(12), bob), 0)
  })

  it('takes the creator from the content up to version 10 and from the sender later', () => {
    assert.equal(powerOf(stateOf(createEvent(rulesOf(10), { creator: bob })), rulesOf(10), bob), 100)
    assert.equal(powerOf(stateOf(createEvent(rulesOf(11), { creator: bob })), rulesOf(11), bob), 0)
  })

  it('knows the defaults', () => {
    const state = stateOf(createEvent(rulesOf(11)))
    const action = (name: 'ban' | 'kick' | 'redact' | 'invite'): number => actionPower(state, rulesOf(11), name)
    assert.deepEqual([action('ban'), action('kick'), action('redact'), action('invite')], [50, 50, 50, 0])
    assert.equal(requiredPower(state, rulesOf(11), 'm.room.name', true), 50)
    assert.equal(requiredPower(state, rulesOf(11), 'm.room.message', false), 0)
    assert.equal(notificationPower(state, rulesOf(11), 'room'), 50)
  })
})

describe('levels from a power levels event', () => {
  const content = {
    users: { [bob]: 60 },
    users_default: 5,
    events: { 'm.room.name': 70, 'm.sticker': 20 },
    state_default: 40,
    events_default: 10,
    ban: 1,
    kick: 2,
    redact: 3,
    invite: 4,
    notifications: { room: 7 },
  }
  const rules = rulesOf(11)
  const state = stateOf(createEvent(rules), powerLevels(content))

  it('reads users, types, actions and notifications', () => {
    assert.equal(powerOf(state, rules, bob), 60)
    assert.equal(powerOf(state, rules, alice), 5)
    assert.equal(requiredPower(state, rules, 'm.room.name', true), 70)
    assert.equal(requiredPower(state, rules, 'm.room.topic', true), 40)
    assert.equal(requiredPower(state, rules, 'm.sticker', false), 20)
    assert.equal(requiredPower(state, rules, 'm.room.message', false), 10)
    assert.equal(actionPower(state, rules, 'ban'), 1)
    assert.equal(actionPower(state, rules, 'kick'), 2)
    assert.equal(actionPower(state, rules, 'redact'), 3)
    assert.equal(actionPower(state, rules, 'invite'), 4)
    assert.equal(notificationPower(state, rules, 'room'), 7)
    assert.equal(notificationPower(state, rules, 'other'), 50)
  })

  it('keeps creators of version 12 above it', () => {
    const state12 = stateOf(createEvent(rulesOf(12)), powerLevels({ users: { [alice]: 0 } }))
    assert.equal(powerOf(state12, rulesOf(12), alice), Number.POSITIVE_INFINITY)
  })

  it('does not take inherited names for entries', () => {
    assert.equal(requiredPower(state, rules, 'constructor', true), 40)
    assert.equal(requiredPower(state, rules, '__proto__', false), 10)
    assert.equal(powerOf(state, rules, 'toString'), 5)
  })

  it('falls back to defaults where the content is odd', () => {
    for (const odd of [null, [], 'x', 7] as Json[]) {
      const oddState = stateOf(
        createEvent(rules),
        powerLevels({ users: odd, events: odd, ban: [], users_default: null }),
      )
      assert.equal(powerOf(oddState, rules, bob), 0)
      assert.equal(requiredPower(oddState, rules, 'm.room.name', true), 50)
      assert.equal(actionPower(oddState, rules, 'ban'), 50)
    }
  })
})
