import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Json, JsonObject, Pdu } from './event.ts'
import { eventIdOf } from './event-hash.ts'
import { redact } from './redact.ts'
import { getRoomVersionRules, roomVersions } from './room-versions.ts'

const rulesOf = (version: string) => getRoomVersionRules(version)!
const versionsFrom = (first: number, last = 12) => roomVersions.filter((v) => Number(v) >= first && Number(v) <= last)

const alwaysKept =
  'type room_id sender state_key content hashes signatures depth prev_events auth_events origin_server_ts event_id'
const contentKeys =
  'membership creator join_rule allow ban events events_default invite kick redact state_default users users_default notifications aliases history_visibility redacts reason join_authorised_via_users_server room_version predecessor body displayname'

/** The content with every key that some version keeps for some type. */
const fullContent: JsonObject = Object.fromEntries(contentKeys.split(' ').map((key) => [key, key]))

function event(type: string, content: JsonObject = fullContent): Pdu {
  const fields: { [key: string]: Json } = { type, content }
  for (const key of [...alwaysKept.split(' '), 'origin', 'membership', 'prev_state', 'redacts', 'unsigned', 'other'])
    fields[key] ??= key
  return fields as unknown as Pdu
}

function keptOf(type: string, version: string): string[] {
  return Object.keys(redact(event(type), rulesOf(version)).content).sort()
}

test('top-level keys', () => {
  for (const version of roomVersions) {
    const old = Number(version) < 11 ? ['origin', 'membership', 'prev_state'] : []
    const kept = Object.keys(redact(event('m.room.message'), rulesOf(version)))
    assert.deepEqual(kept.sort(), [...alwaysKept.split(' '), ...old].sort(), version)
  }
})

test('content keys by type and version', () => {
  const levels = ['ban', 'events', 'events_default', 'kick', 'redact', 'state_default', 'users', 'users_default']
  const table: [type: string, versions: string[], kept: string[]][] = [
    ['m.room.message', roomVersions.slice(), []],
    ['m.room.name', roomVersions.slice(), []],
    ['constructor', roomVersions.slice(), []],
    ['m.room.member', versionsFrom(1, 8), ['membership']],
    ['m.room.member', versionsFrom(9), ['join_authorised_via_users_server', 'membership']],
    ['m.room.create', versionsFrom(1, 10), ['creator']],
    ['m.room.create', versionsFrom(11), contentKeys.split(' ').sort()],
    ['m.room.join_rules', versionsFrom(1, 7), ['join_rule']],
    ['m.room.join_rules', versionsFrom(8), ['allow', 'join_rule']],
    ['m.room.power_levels', versionsFrom(1, 10), levels],
    ['m.room.power_levels', versionsFrom(11), [...levels, 'invite'].sort()],
    ['m.room.aliases', versionsFrom(1, 5), ['aliases']],
    ['m.room.aliases', versionsFrom(6), []],
    ['m.room.history_visibility', roomVersions.slice(), ['history_visibility']],
    ['m.room.redaction', versionsFrom(1, 10), []],
    ['m.room.redaction', versionsFrom(11), ['redacts']],
  ]
  for (const [type, versions, kept] of table) {
    for (const version of versions) assert.deepEqual(keptOf(type, version), kept, `${type} in version ${version}`)
  }
})

test('version 11 keeps the signed part of a third-party invite', () => {
  const invite = { membership: 'invite', third_party_invite: { signed: { token: 'x' }, display_name: 'A' } }
  const kept = (content: JsonObject, version: string) =>
    redact(event('m.room.member', content), rulesOf(version)).content
  assert.deepEqual(kept(invite, '10'), { membership: 'invite' })
  assert.deepEqual(kept(invite, '11'), { membership: 'invite', third_party_invite: { signed: { token: 'x' } } })
  assert.deepEqual(kept({ third_party_invite: { display_name: 'A' } }, '12'), { third_party_invite: {} })
  for (const malformed of ['x', 1, null, ['signed']])
    assert.deepEqual(kept({ third_party_invite: malformed }, '12'), {})
})

test('the event itself stays as it is', () => {
  const original = event('m.room.member')
  const copy = structuredClone(original)
  redact(original, rulesOf('12'))
  assert.deepEqual(original, copy)
})

const types =
  'm.room.message m.room.member m.room.create m.room.join_rules m.room.power_levels m.room.aliases m.room.redaction'
const anyEvent = fc
  .record({
    type: fc.constantFrom(...types.split(' ')),
    content: fc.dictionary(fc.constantFrom(...contentKeys.split(' '), 'third_party_invite'), fc.jsonValue(), {
      noNullPrototype: true,
    }),
    extra: fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }),
  })
  .map(({ type, content, extra }) => ({ ...event(type), ...extra, type, content }) as unknown as Pdu)

test('redacting again changes nothing, and the id stays', () => {
  fc.assert(
    fc.property(
      anyEvent,
      fc.constantFrom(...versionsFrom(3, 5)),
      fc.constantFrom(...versionsFrom(6)),
      (pdu, old, strict) => {
        for (const version of [old, strict]) {
          const once = redact(pdu, rulesOf(version))
          assert.deepEqual(redact(once, rulesOf(version)), once)
        }
        // Versions before 6 have an id whatever numbers an event holds.
        assert.equal(eventIdOf(redact(pdu, rulesOf(old)), rulesOf(old)), eventIdOf(pdu, rulesOf(old)))
      },
    ),
  )
})

test('what redaction strips has no say in the id', () => {
  fc.assert(
    fc.property(anyEvent, fc.jsonValue(), fc.constantFrom(...versionsFrom(3, 5)), (pdu, value, version) => {
      const changed = {
        ...pdu,
        unsigned: value,
        other: value,
        content: { ...pdu.content, displayname: value },
      } as unknown as Pdu
      assert.equal(eventIdOf(changed, rulesOf(version)), eventIdOf(pdu, rulesOf(version)))
    }),
  )
})
