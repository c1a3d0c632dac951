import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Json, JsonObject } from '../../matrix/event.ts'
import { contentHashMatches, eventIdOf } from '../../matrix/event-hash.ts'
import { verifyEvent } from '../../matrix/event-signing.ts'
import type { EventId, RoomId, ServerName, UserId } from '../../matrix/ids.ts'
import { getRoomVersionRules, type RoomVersionRules, roomVersions } from '../../matrix/room-versions.ts'
import { signingKeyFromSeed } from '../../matrix/signing.ts'
import { completeTemplate, withSignaturesOf } from './template.ts'

const server = 'us.example' as ServerName
const key = signingKeyFromSeed('1', Buffer.alloc(32, 1))
const rulesOf = (version: string) => getRoomVersionRules(version) as RoomVersionRules
const wanted = {
  roomId: '!room:them.example' as RoomId,
  userId: '@alice:us.example' as UserId,
  membership: 'join' as const,
  content: { displayname: 'Alice' },
  originServerTs: 1234,
  newEventId: '$new:us.example' as EventId,
}

function templateFor(rules: RoomVersionRules, change: JsonObject = {}): JsonObject {
  const reference = rules.eventIdFormat === 'v1' ? ['$prev:them.example', { sha256: 'AAAA' }] : '$prev'
  return {
    type: 'm.room.member',
    room_id: wanted.roomId,
    sender: wanted.userId,
    state_key: wanted.userId,
    content: { membership: 'join', join_authorised_via_users_server: '@carol:them.example', displayname: 'Mallory' },
    depth: 7,
    origin_server_ts: 99,
    prev_events: [reference],
    auth_events: [reference],
    redacts: '$evil',
    unsigned: { age: 1 },
    signatures: { 'them.example': { 'ed25519:1': 'AAAA' } },
    ...change,
  }
}

test('of a template only the place in the room is taken, in every version', () => {
  for (const version of roomVersions) {
    const rules = rulesOf(version)
    const verdict = completeTemplate(templateFor(rules), wanted, rules, server, key)
    assert.ok(verdict.valid)
    const { pdu, eventId } = verdict.event
    assert.equal(eventId, eventIdOf(pdu, rules))
    assert.ok(contentHashMatches(pdu))
    assert.ok(verifyEvent(pdu, rules, server, key.keyId, key.publicKey))
    assert.deepEqual(Object.keys(pdu.signatures ?? {}), [server])
    assert.deepEqual([pdu.content.displayname, pdu.origin_server_ts, pdu.depth], ['Alice', 1234, 7])
    assert.equal(pdu.content.join_authorised_via_users_server, rules.restrictedJoin ? '@carol:them.example' : undefined)
    assert.ok(!('redacts' in pdu) && !('unsigned' in pdu))
    assert.equal(pdu.event_id, rules.eventIdFormat === 'v1' ? wanted.newEventId : undefined)
  }
})

test('a template about anything else is refused, whatever it is', () => {
  const json = fc.jsonValue() as fc.Arbitrary<never>
  const rules = rulesOf('12')
  fc.assert(
    fc.property(fc.constantFrom('type', 'room_id', 'sender', 'state_key', 'content'), json, (field, value) => {
      const template = templateFor(rules, { [field]: value })
      const same = JSON.stringify(value) === JSON.stringify(templateFor(rules)[field])
      assert.equal(completeTemplate(template, wanted, rules, server, key).valid, same)
    }),
  )
})

test('no template, however odd, makes an event that is malformed or that somebody else would have to sign', () => {
  const json = fc.jsonValue() as fc.Arbitrary<never>
  const rules = rulesOf('12')
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('depth', 'prev_events', 'auth_events', 'hashes', 'x'), json),
      (change) => {
        const verdict = completeTemplate(templateFor(rules, change), wanted, rules, server, key)
        if (!verdict.valid) return
        const { pdu } = verdict.event
        assert.ok(Array.isArray(pdu.prev_events) && Number.isSafeInteger(pdu.depth))
        assert.ok(contentHashMatches(pdu) && !('x' in pdu))
      },
    ),
  )
})

test('of the answer to our event only signatures are taken', () => {
  const rules = rulesOf('10')
  const verdict = completeTemplate(templateFor(rules), wanted, rules, server, key)
  assert.ok(verdict.valid)
  const { event } = verdict
  const answer = {
    content: { membership: 'ban' },
    signatures: { 'them.example': { 'ed25519:x': 'c2ln', bad: 1 }, other: {} },
  }
  const signed = withSignaturesOf(event, answer, 'them.example' as ServerName)
  assert.deepEqual(signed?.pdu.signatures?.['them.example'], { 'ed25519:x': 'c2ln' })
  assert.deepEqual(signed?.pdu.content, event.pdu.content)
  assert.deepEqual(Object.keys(signed?.pdu.signatures ?? {}).sort(), ['them.example', server].sort())
  const useless: (Json | undefined)[] = [undefined, null, [], {}, { signatures: 1 }, { signatures: {} }]
  for (const nothing of useless) {
    assert.equal(withSignaturesOf(event, nothing, 'them.example' as ServerName), undefined)
  }
})
