import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Json, JsonObject, Pdu } from './event.ts'
import { checkPduFormat } from './event-format.ts'
import { checkEventSize, maxEventBytes } from './event-size.ts'
import { getRoomVersionRules } from './room-versions.ts'

const rulesOf = (version: string) => getRoomVersionRules(version)!
const hash = 'A'.repeat(43)

const base: JsonObject = {
  type: 'm.room.message',
  sender: '@a:x',
  room_id: '!r:x',
  content: { body: 'hello' },
  origin_server_ts: 1,
  depth: 3,
  prev_events: [`$${hash}`],
  auth_events: [],
  hashes: { sha256: hash },
  signatures: { x: { 'ed25519:1': 'sig' } },
}
const old: JsonObject = { ...base, event_id: '$e:x', prev_events: [['$p:x', { sha256: hash }]] }

const reasonOf = (event: Json | undefined, version: string) => {
  const verdict = checkPduFormat(event, rulesOf(version))
  return verdict.valid ? undefined : verdict.reason
}
function without(event: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(event).filter(([name]) => name !== key))
}

test('events of each format are valid, and stay the same object', () => {
  for (const version of ['3', '6', '11', '12']) assert.equal(reasonOf(base, version), undefined)
  for (const version of ['1', '2']) assert.equal(reasonOf(old, version), undefined)
  const verdict = checkPduFormat(base, rulesOf('12'))
  assert.ok(verdict.valid && (verdict.pdu as unknown) === base)
  assert.equal(reasonOf({ ...base, state_key: '', unsigned: {}, origin: 'x', 'org.unknown': [null] }, '10'), undefined)
})

test('the formats of references do not mix', () => {
  assert.equal(reasonOf(base, '2'), 'prev_events is malformed')
  assert.equal(reasonOf(old, '3'), 'prev_events is malformed')
  assert.equal(reasonOf({ ...base, prev_events: [] }, '1'), 'event_id is missing')
  assert.equal(reasonOf({ ...old, auth_events: [['$a:x', {}]] }, '1'), undefined, 'as Synapse writes it')
  assert.equal(reasonOf({ ...old, auth_events: [['$a:x']] }, '1'), 'auth_events is malformed')
})

test('required fields', () => {
  for (const field of Object.keys(base)) assert.equal(reasonOf(without(base, field), '11'), `${field} is missing`)
})

test('malformed fields', () => {
  const malformed: [field: string, value: Json][] = [
    ['type', 1],
    ['sender', 'a'],
    ['sender', '@a'],
    ['room_id', 'r'],
    ['room_id', null],
    ['content', []],
    ['content', 'x'],
    ['origin_server_ts', '1'],
    ['origin_server_ts', 1.5],
    ['depth', -1],
    ['depth', null],
    ['state_key', null],
    ['state_key', 1],
    ['unsigned', []],
    ['prev_events', {}],
    ['prev_events', ['x']],
    ['prev_events', Array.from({ length: 21 }, (_, n) => `$${n}`)],
    ['auth_events', Array.from({ length: 11 }, (_, n) => `$${n}`)],
    ['auth_events', [null]],
    ['hashes', {}],
    ['hashes', { sha256: 1 }],
    ['signatures', []],
    ['signatures', { x: 'y' }],
    ['signatures', { x: { 'ed25519:1': 1 } }],
  ]
  for (const [field, value] of malformed)
    assert.equal(reasonOf({ ...base, [field]: value }, '10'), `${field} is malformed`)
  for (const value of [undefined, null, [], 'x', 1]) assert.equal(reasonOf(value, '10'), 'the event is not an object')
})

test('only create events of version 12 name no room', () => {
  const create = { ...without(base, 'room_id'), type: 'm.room.create', state_key: '', prev_events: [] }
  assert.equal(reasonOf(create, '12'), undefined)
  assert.equal(reasonOf(create, '11'), 'room_id is missing')
  assert.equal(reasonOf(without(base, 'room_id'), '12'), 'room_id is missing')
})

test('redactions before version 11 name their target at the top level', () => {
  const redaction = { ...base, type: 'm.room.redaction', redacts: 5 }
  assert.equal(reasonOf(redaction, '10'), 'redacts is malformed')
  assert.equal(reasonOf({ ...redaction, redacts: '$x' }, '10'), undefined)
  assert.equal(reasonOf(redaction, '11'), undefined)
  assert.equal(reasonOf({ ...base, redacts: 5 }, '10'), undefined)
})

test('numbers and strings must be canonical from version 6 on', () => {
  for (const value of [1.5, 2 ** 53, '\ud800']) {
    assert.equal(reasonOf({ ...base, content: { value } }, '5'), undefined)
    assert.notEqual(reasonOf({ ...base, content: { value } }, '6'), undefined)
  }
})

test('names count code points before version 11, then bytes', () => {
  const room = `!${'é'.repeat(200)}:x`
  for (const field of ['type', 'state_key']) {
    for (const [version, longest] of [
      ['10', 'é'.repeat(255)],
      ['11', 'a'.repeat(255)],
    ] as const) {
      assert.equal(reasonOf({ ...base, [field]: longest }, version), undefined)
      assert.equal(reasonOf({ ...base, [field]: `${longest}a` }, version), `${field} is longer than 255`)
    }
    assert.notEqual(reasonOf({ ...base, [field]: 'é'.repeat(128) }, '11'), undefined)
    assert.equal(reasonOf({ ...base, [field]: '😀'.repeat(255) }, '10'), undefined)
  }
  assert.equal(reasonOf({ ...base, room_id: room }, '10'), undefined)
  assert.equal(reasonOf({ ...base, room_id: room }, '11'), 'room_id is longer than 255')
  assert.equal(reasonOf({ ...base, sender: `@${'é'.repeat(200)}:x` }, '10'), undefined)
  assert.equal(reasonOf({ ...base, sender: `@${'é'.repeat(200)}:x` }, '11'), 'sender is longer than 255')
})

test('an event has at most 65,536 bytes of canonical JSON', () => {
  const empty = JSON.stringify({ ...base, content: { body: '' } }).length
  const sized = (body: string) => ({ ...base, content: { body } }) as unknown as Pdu
  const room = maxEventBytes - empty
  assert.deepEqual(checkEventSize(sized('a'.repeat(room)), rulesOf('12')), { fits: true })
  assert.equal(checkEventSize(sized('a'.repeat(room + 1)), rulesOf('12')).fits, false)
  assert.equal(checkEventSize(sized('é'.repeat(room / 2 + 1)), rulesOf('12')).fits, false)
  assert.match(reasonOf({ ...base, content: { body: 'a'.repeat(room + 1) } }, '12') ?? '', /65537 bytes/)
})

test('no JSON makes the check throw', () => {
  const fields = fc.dictionary(
    fc.constantFrom(...Object.keys(base), 'event_id', 'state_key', 'redacts'),
    fc.jsonValue(),
  )
  fc.assert(
    fc.property(fields, fc.constantFrom('1', '3', '10', '12'), (changes, version) => {
      checkPduFormat({ ...base, ...changes } as JsonObject, rulesOf(version))
      checkPduFormat(changes as JsonObject, rulesOf(version))
    }),
  )
})
