import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  alice,
  bob,
  createEvent,
  createId,
  joinRules,
  member,
  message,
  type PduDraft,
  pdu,
  powerLevels,
  roomOf,
  rulesOf,
  stateOf,
} from '../../test/helpers/room-events.ts'
import { checkAuth } from './auth-rules.ts'
import type { JsonObject, Pdu } from './event.ts'
import type { EventId, RoomId, UserId } from './ids.ts'
import { roomVersions } from './room-versions.ts'

describe('m.room.create', () => {
  const nothing = stateOf()
  function create(version: number, draft: PduDraft = {}): Pdu {
    return { ...createEvent(rulesOf(version)), ...draft }
  }
  const accepts = (version: number, event: Pdu): boolean => checkAuth(rulesOf(version), event, nothing).allowed

  it('is accepted in every version', () => {
    for (const version of roomVersions) assert.ok(accepts(Number(version), create(Number(version))), version)
  })

  it('follows no other event', () => {
    for (const version of [1, 6, 11, 12]) {
      assert.equal(accepts(version, create(version, { prev_events: ['$x' as EventId] })), false)
    }
  })

  it("has a room id of the sender's server before version 12 and none later", () => {
    for (const roomId of ['!r:b.example', '!r:a.example:8448', '!r'] as RoomId[]) {
      assert.equal(accepts(11, create(11, { room_id: roomId })), false, roomId)
    }
    assert.equal(accepts(12, create(12, { room_id: '!r:a.example' as RoomId })), false)
    assert.equal(accepts(12, create(12, { room_id: '!create' as RoomId })), false)
  })

  it('has a known room version or none', () => {
    const withVersion = (value: JsonObject): Pdu => create(11, { content: value })
    assert.ok(accepts(11, withVersion({})))
    assert.ok(accepts(11, withVersion({ room_version: '11' })))
    assert.equal(accepts(11, withVersion({ room_version: 'org.example.odd' })), false)
    assert.equal(accepts(11, withVersion({ room_version: 11 })), false)
    assert.equal(accepts(11, withVersion({ room_version: null })), false)
  })

  it('names its creator in versions 1-10', () => {
    for (const version of [1, 2, 3, 6, 10]) assert.equal(accepts(version, create(version, { content: {} })), false)
    assert.ok(accepts(11, create(11, { content: {} })))
  })

  it('has valid additional creators in version 12', () => {
    const table: [JsonObject['x'], boolean][] = [
      [[], true],
      [[bob], true],
      [bob, false],
      [null, false],
      [[bob, 7], false],
      [['bob'], false],
      [[`@${'b'.repeat(250)}:b.example`], false],
    ]
    for (const [additional, expected] of table) {
      const content = { additional_creators: additional ?? null }
      assert.equal(accepts(12, create(12, { content })), expected, JSON.stringify(additional))
      assert.ok(accepts(11, create(11, { content })))
    }
  })
})

describe('every other event', () => {
  it('needs a create event in the state', () => {
    for (const version of roomVersions) {
      const state = stateOf(member(alice, 'join'))
      assert.equal(checkAuth(rulesOf(version), message(alice), state).allowed, false)
    }
  })

  it('comes from the one server where the room does not federate', () => {
    const rules = rulesOf(11)
    const present = [member(alice, 'join'), member(bob, 'join')]
    const local = stateOf(createEvent(rules, { 'm.federate': false }), ...present)
    assert.ok(checkAuth(rules, message(alice), local).allowed)
    assert.equal(checkAuth(rules, message(bob), local).allowed, false)
    for (const value of [true, 'false', null, 0]) {
      const open = stateOf(createEvent(rules, { 'm.federate': value }), ...present)
      assert.ok(checkAuth(rules, message(bob), open).allowed)
    }
  })

  it('comes from a joined user', () => {
    for (const version of [1, 6, 11, 12]) {
      for (const membership of [undefined, 'invite', 'leave', 'ban', 'knock', 'odd']) {
        const state = roomOf(rulesOf(version), 'public', ...(membership ? [member(bob, membership)] : []))
        assert.equal(checkAuth(rulesOf(version), message(bob), state).allowed, false, membership)
      }
      const state = roomOf(rulesOf(version), 'public', member(bob, 'join'))
      assert.ok(checkAuth(rulesOf(version), message(bob), state).allowed)
    }
  })

  it('takes the level of its type', () => {
    const rules = rulesOf(11)
    const levels = powerLevels({ users: { [alice]: 50, [bob]: 10 }, events: { 'm.room.name': 60, 'm.sticker': 20 } })
    const state = roomOf(rules, 'public', member(bob, 'join'), levels)
    const table: [UserId, string, string | undefined, boolean][] = [
      [bob, 'm.room.message', undefined, true],
      [bob, 'm.sticker', undefined, false],
      [alice, 'm.sticker', undefined, true],
      [bob, 'm.room.topic', '', false],
      [alice, 'm.room.topic', '', true],
      [alice, 'm.room.name', '', false],
    ]
    for (const [sender, type, stateKey, expected] of table) {
      const event = pdu(type, { sender, ...(stateKey === undefined ? {} : { state_key: stateKey }) })
      assert.equal(checkAuth(rules, event, state).allowed, expected, `${sender} ${type}`)
    }
  })

  it("does not write state under another user's name", () => {
    const rules = rulesOf(11)
    const state = roomOf(rules, 'public')
    const table: [string, boolean][] = [
      [alice, true],
      [bob, false],
      ['@', false],
      [`_${bob}`, true],
      ['', true],
    ]
    for (const [stateKey, expected] of table) {
      const event = pdu('org.example.state', { state_key: stateKey })
      assert.equal(checkAuth(rules, event, state).allowed, expected, stateKey)
    }
  })

  it('is a third-party invite only with the level to invite', () => {
    for (const version of [1, 11]) {
      const rules = rulesOf(version)
      const invite = (sender: UserId): Pdu => pdu('m.room.third_party_invite', { sender, state_key: 'token' })
      const levels = powerLevels({ users: { [alice]: 30 }, invite: 30, events: { 'm.room.third_party_invite': 100 } })
      const state = roomOf(rules, 'public', member(bob, 'join'), levels)
      assert.ok(checkAuth(rules, invite(alice), state).allowed)
      assert.equal(checkAuth(rules, invite(bob), state).allowed, false)
    }
  })
})

describe('m.room.aliases', () => {
  const aliases = (sender: UserId, stateKey?: string): Pdu =>
    pdu('m.room.aliases', { sender, ...(stateKey === undefined ? {} : { state_key: stateKey }) })

  it('is written by its server, whoever that is, in versions 1-5', () => {
    for (const version of [1, 2, 3, 4, 5]) {
      const rules = rulesOf(version)
      const state = roomOf(rules, 'public')
      assert.ok(checkAuth(rules, aliases(bob, 'b.example'), state).allowed)
      assert.equal(checkAuth(rules, aliases(bob, 'a.example'), state).allowed, false)
      assert.equal(checkAuth(rules, aliases(bob), state).allowed, false)
    }
  })

  it('is an ordinary state event from version 6 on', () => {
    for (const version of [6, 11, 12]) {
      const rules = rulesOf(version)
      const state = roomOf(rules, 'public', member(bob, 'join'))
      assert.equal(checkAuth(rules, aliases(bob, 'b.example'), state).allowed, false)
      assert.ok(checkAuth(rules, aliases(alice, 'b.example'), state).allowed)
    }
  })
})

describe('m.room.redaction', () => {
  const redaction = (id: string, redacts: string | undefined): Pdu =>
    pdu('m.room.redaction', {
      sender: bob,
      event_id: id as EventId,
      ...(redacts === undefined ? {} : { redacts: redacts as EventId }),
    })
  const stateWith = (version: number, power: number): ReturnType<typeof stateOf> =>
    roomOf(
      rulesOf(version),
      'public',
      member(bob, 'join'),
      powerLevels({ users: { [alice]: 100, [bob]: power }, redact: 50 }),
    )

  it('takes the level to redact or an event of the same server in versions 1 and 2', () => {
    for (const version of [1, 2]) {
      const accepts = (event: Pdu, power: number): boolean =>
        checkAuth(rulesOf(version), event, stateWith(version, power)).allowed
      assert.ok(accepts(redaction('$r:b.example', '$e:a.example'), 50))
      assert.ok(accepts(redaction('$r:b.example', '$e:b.example'), 0))
      assert.equal(accepts(redaction('$r:b.example', '$e:a.example'), 49), false)
      assert.equal(accepts(redaction('$r:b.example', '$e:b.example:8448'), 49), false)
      assert.equal(accepts(redaction('$r', '$e'), 0), false)
      assert.equal(accepts(redaction('$r:b.example', undefined), 0), false)
    }
  })

  it('is an ordinary event later, for whoever applies it to judge', () => {
    for (const version of [3, 10, 11, 12]) {
      assert.ok(checkAuth(rulesOf(version), redaction('$r', '$e'), stateWith(version, 0)).allowed)
    }
  })
})

describe('the first join', () => {
  const first = (version: number, draft: PduDraft = {}): Pdu =>
    member(alice, 'join', {
      prev_events: [createId],
      auth_events: version >= 12 ? [] : [createId],
      ...(version >= 12 ? { room_id: '!create' as RoomId } : {}),
      ...draft,
    })

  it("is the creator's, right after the create event, in every version", () => {
    for (const version of roomVersions.map(Number)) {
      const state = stateOf(createEvent(rulesOf(version)))
      assert.ok(checkAuth(rulesOf(version), first(version), state).allowed, String(version))
      const stranger = first(version, { sender: bob, state_key: bob })
      assert.equal(checkAuth(rulesOf(version), stranger, state).allowed, false)
    }
  })

  it('is read from references with hashes too', () => {
    const pair: [EventId, { sha256: string }] = [createId, { sha256: '' }]
    const event = first(1, { prev_events: [pair], auth_events: [pair] })
    assert.ok(checkAuth(rulesOf(1), event, stateOf(createEvent(rulesOf(1)))).allowed)
  })

  it('is no way back in for a creator who was banned', () => {
    const later = { prev_events: ['$later' as EventId] }
    const both = { prev_events: [createId, '$later' as EventId] }
    for (const version of [10, 11, 12]) {
      const state = stateOf(createEvent(rulesOf(version)), joinRules('public'), member(alice, 'ban', { sender: bob }))
      assert.equal(checkAuth(rulesOf(version), first(version, later), state).allowed, false)
      assert.equal(checkAuth(rulesOf(version), first(version, both), state).allowed, false)
    }
  })

  it('is for the sender of the create event alone in version 12', () => {
    const rules = rulesOf(12)
    const state = stateOf(createEvent(rules, { additional_creators: [bob] }))
    assert.equal(checkAuth(rules, first(12, { sender: bob, state_key: bob }), state).allowed, false)
  })
})
