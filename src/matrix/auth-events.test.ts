import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  alice,
  bob,
  carol,
  createEvent,
  createId,
  joinRules,
  member,
  message,
  pdu,
  powerLevels,
  rulesOf,
} from '../../test/helpers/room-events.ts'
import { type AuthEvent, authEventKeys, authStateKeys, checkAuthEventsSelection } from './auth-events.ts'
import type { Json, JsonObject, Pdu } from './event.ts'
import type { EventId, RoomId } from './ids.ts'

const keysOf = (version: number, event: Pdu): string[] =>
  authEventKeys(event, rulesOf(version)).map(([type, key]) => `${type.replace('m.room.', '')}|${key}`)

const base = ['create|', 'power_levels|']

describe('authEventKeys', () => {
  it('is empty for the create event', () => {
    assert.deepEqual(keysOf(11, createEvent(rulesOf(11))), [])
    assert.deepEqual(authStateKeys(createEvent(rulesOf(12)), rulesOf(12)), [])
  })

  it('names the create event, the power levels and the sender', () => {
    assert.deepEqual(keysOf(11, message(bob)), [...base, `member|${bob}`])
    assert.deepEqual(keysOf(12, message(bob)), ['power_levels|', `member|${bob}`])
    assert.deepEqual(authStateKeys(message(bob), rulesOf(12))[0], ['m.room.create', ''])
  })

  it('adds the target and, where they matter, the join rules', () => {
    for (const membership of ['join', 'knock']) {
      assert.deepEqual(keysOf(11, member(bob, membership)), [...base, `member|${bob}`, 'join_rules|'])
    }
    assert.deepEqual(keysOf(11, member(bob, 'leave')), [...base, `member|${bob}`])
    const invite = member(bob, 'invite', { sender: alice })
    assert.deepEqual(keysOf(11, invite), [...base, `member|${alice}`, `member|${bob}`, 'join_rules|'])
    const ban = member(bob, 'ban', { sender: alice })
    assert.deepEqual(keysOf(11, ban), [...base, `member|${alice}`, `member|${bob}`])
  })

  it('adds the third-party invite of an invite', () => {
    const content: JsonObject = { third_party_invite: { signed: { token: 'tok' } } }
    const invite = member(bob, 'invite', { sender: alice, content })
    assert.ok(keysOf(11, invite).includes('third_party_invite|tok'))
    assert.ok(!keysOf(11, member(bob, 'join', { content })).includes('third_party_invite|tok'))
    for (const odd of [null, 7, {}, { signed: null }, { signed: { token: 7 } }] as Json[]) {
      const event = member(bob, 'invite', { sender: alice, content: { third_party_invite: odd } })
      assert.equal(keysOf(11, event).length, 5)
    }
  })

  it('adds the authoriser of a restricted join from version 8 on', () => {
    const content = { join_authorised_via_users_server: carol }
    assert.ok(keysOf(8, member(bob, 'join', { content })).includes(`member|${carol}`))
    assert.ok(!keysOf(7, member(bob, 'join', { content })).includes(`member|${carol}`))
    const own = member(bob, 'join', { content: { join_authorised_via_users_server: bob } })
    assert.equal(keysOf(8, own).filter((key) => key === `member|${bob}`).length, 1)
  })
})

describe('checkAuthEventsSelection', () => {
  const entry = (id: string, event: Pdu, rejected = false): AuthEvent => ({
    eventId: id as EventId,
    pdu: event,
    rejected,
  })
  const create11 = entry(createId, createEvent(rulesOf(11)))
  const joined = entry('$join', member(bob, 'join'))
  const levels = entry('$levels', powerLevels({}))
  const verdict = (event: Pdu, ...entries: AuthEvent[]): boolean =>
    checkAuthEventsSelection(rulesOf(11), event, entries).allowed

  it('accepts what the selection names, whole or in part', () => {
    assert.ok(verdict(message(bob), create11, joined, levels))
    assert.ok(verdict(message(bob), create11))
    assert.ok(verdict(createEvent(rulesOf(11))))
  })

  it('refuses duplicates', () => {
    assert.equal(verdict(message(bob), create11, joined, entry('$join2', member(bob, 'join'))), false)
    const auth = ['$join', '$join'] as EventId[]
    assert.equal(verdict(message(bob), create11, joined), true)
    assert.equal(verdict({ ...message(bob), auth_events: auth }, create11, joined), false, 'named twice, loaded once')
  })

  it('refuses entries that do not belong there', () => {
    assert.equal(verdict(message(bob), create11, entry('$join', member(carol, 'join'))), false)
    assert.equal(verdict(message(bob), create11, entry('$rules', joinRules('public'))), false)
    assert.equal(verdict(message(bob), create11, entry('$message', message(bob))), false)
    assert.equal(
      verdict(message(bob), create11, entry('$levels', pdu('m.room.power_levels', { state_key: 'x' }))),
      false,
    )
  })

  it('refuses rejected entries', () => {
    assert.equal(verdict(message(bob), create11, entry('$join', member(bob, 'join'), true)), false)
  })

  it('refuses entries of other rooms', () => {
    const elsewhere = member(bob, 'join', { room_id: '!other:a.example' as RoomId })
    assert.equal(verdict(message(bob), create11, entry('$join', elsewhere)), false)
  })

  it('refuses a list without the create event before version 12', () => {
    assert.equal(verdict(message(bob), joined), false)
  })

  describe('in version 12', () => {
    const rules = rulesOf(12)
    const create = { eventId: createId, rejected: false }
    const room = { room_id: '!create' as RoomId }
    const event = pdu('m.room.message', { sender: bob, ...room })
    const join = entry('$join', member(bob, 'join', room))

    it('refuses the create event in the list', () => {
      assert.ok(checkAuthEventsSelection(rules, event, [join], create).allowed)
      assert.equal(
        checkAuthEventsSelection(rules, event, [entry(createId, createEvent(rules)), join], create).allowed,
        false,
      )
    })

    it('refuses a room id that names no accepted create event', () => {
      assert.equal(checkAuthEventsSelection(rules, event, [join]).allowed, false)
      assert.equal(checkAuthEventsSelection(rules, event, [join], { ...create, rejected: true }).allowed, false)
      const other = { eventId: '$other' as EventId, rejected: false }
      assert.equal(checkAuthEventsSelection(rules, event, [join], other).allowed, false)
      const { room_id: _, ...homeless } = event
      assert.equal(checkAuthEventsSelection(rules, homeless, [], create).allowed, false)
    })
  })
})
