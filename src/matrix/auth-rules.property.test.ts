import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { alice, bob, carol, createEvent, member, pdu, rulesOf, stateOf } from '../../test/helpers/room-events.ts'
import { authEventKeys, checkAuth, checkAuthEventsSelection } from './auth-rules.ts'
import type { Json, JsonObject, Pdu } from './event.ts'
import type { EventId, UserId } from './ids.ts'
import { requiredSigners } from './required-signers.ts'
import { roomVersions } from './room-versions.ts'

const types = ['create', 'member', 'power_levels', 'join_rules', 'third_party_invite', 'aliases', 'redaction', 'name']
const users = [alice, bob, carol, '@odd', 'x', ''] as UserId[]

const json: fc.Arbitrary<Json> = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as Json)
const levels = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: -5, max: 110 }) }, { weight: 1, arbitrary: json })
const interesting: Record<string, fc.Arbitrary<Json>> = {
  membership: fc.constantFrom('join', 'invite', 'leave', 'ban', 'knock', 'odd', null),
  join_rule: fc.constantFrom('public', 'invite', 'knock', 'restricted', 'knock_restricted', 7),
  users: fc.oneof(fc.dictionary(fc.constantFrom(...users, '__proto__'), levels), json),
  events: fc.oneof(fc.dictionary(fc.constantFrom('m.room.name', '__proto__', 'constructor'), levels), json),
  notifications: fc.oneof(fc.dictionary(fc.constantFrom('room'), levels), json),
  ban: levels,
  kick: levels,
  invite: levels,
  users_default: levels,
  state_default: levels,
  creator: fc.constantFrom<Json[]>(alice, bob, 7),
  additional_creators: fc.oneof(fc.array(fc.constantFrom<Json[]>(...users, 7)), json),
  third_party_invite: fc.oneof(
    json,
    fc.record({ signed: fc.oneof(json, fc.record({ mxid: json, token: json, signatures: json })) }),
  ),
  join_authorised_via_users_server: fc.oneof(fc.constantFrom<Json[]>(...users), json),
  'm.federate': fc.constantFrom<Json[]>(false, true, 'false'),
  room_version: fc.constantFrom<Json[]>('1', '11', 'x', 7),
}
const content = fc.record(interesting, { requiredKeys: [] }) as fc.Arbitrary<JsonObject>
const ids = fc.array(fc.constantFrom('$create' as EventId, '$x:b.example' as EventId), { maxLength: 2 })
const event: fc.Arbitrary<Pdu> = fc
  .record({
    type: fc.constantFrom(...types).map((type) => `m.room.${type}`),
    sender: fc.constantFrom(...users),
    state_key: fc.option(fc.constantFrom('', ...users), { nil: undefined }),
    content,
    prev_events: ids,
    auth_events: ids,
    redacts: fc.option(fc.constantFrom('$x:b.example' as EventId), { nil: undefined }),
    event_id: fc.option(fc.constantFrom('$y:b.example' as EventId), { nil: undefined }),
  })
  .map(({ type, state_key, redacts, event_id, ...rest }) =>
    pdu(type, {
      ...rest,
      ...(state_key === undefined ? {} : { state_key }),
      ...(redacts === undefined ? {} : { redacts }),
      ...(event_id === undefined ? {} : { event_id }),
    }),
  )

const version = fc.constantFrom(...roomVersions)

describe('the authorisation rules', () => {
  it('answer for every content, every state and every version', () => {
    fc.assert(
      fc.property(version, event, fc.array(event, { maxLength: 8 }), fc.boolean(), (n, subject, state, withCreate) => {
        const rules = rulesOf(n)
        const look = stateOf(...(withCreate ? [createEvent(rules), member(alice, 'join')] : []), ...state)
        const verdict = checkAuth(rules, subject, look)
        assert.equal(typeof verdict.allowed, 'boolean')
        assert.ok(Array.isArray(authEventKeys(subject, rules)))
        assert.ok(Array.isArray(requiredSigners(rules, subject)))
        const cited = state.map((one, i) => ({ eventId: `$${i}` as EventId, pdu: one, rejected: false }))
        assert.equal(typeof checkAuthEventsSelection(rules, subject, cited).allowed, 'boolean')
      }),
      { numRuns: 2000 },
    )
  })

  it('look at no state beyond the keys that they declare', () => {
    fc.assert(
      fc.property(version, event, fc.array(event, { maxLength: 8 }), (n, subject, state) => {
        const rules = rulesOf(n)
        const declared = new Set(authEventKeys(subject, rules).map((key) => key.join('|')))
        const look = stateOf(createEvent(rules), member(alice, 'join'), ...state)
        checkAuth(rules, subject, (type, key) => {
          assert.ok(type === 'm.room.create' || declared.has(`${type}|${key}`), `${type}|${key}`)
          return look(type, key)
        })
      }),
      { numRuns: 2000 },
    )
  })

  it('never let somebody outside the room speak', () => {
    fc.assert(
      fc.property(version, event, fc.array(event, { maxLength: 8 }), (n, subject, state) => {
        const rules = rulesOf(n)
        const free = ['m.room.create', 'm.room.member', ...(rules.aliasesAuth ? ['m.room.aliases'] : [])]
        fc.pre(!free.includes(subject.type))
        const absent = state.filter((one) => one.type !== 'm.room.member' || one.state_key !== subject.sender)
        assert.equal(checkAuth(rules, subject, stateOf(createEvent(rules), ...absent)).allowed, false)
      }),
    )
  })
})
