import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { decodeBase64 } from './base64.ts'
import type { Pdu } from './event.ts'
import {
  contentHash,
  contentHashMatches,
  eventIdOf,
  hashAndSign,
  referenceHash,
  roomIdOf,
  roomIdOfCreate,
} from './event-hash.ts'
import { signEvent, verifyEvent } from './event-signing.ts'
import type { EventId, ServerName } from './ids.ts'
import { redact } from './redact.ts'
import { getRoomVersionRules, roomVersions } from './room-versions.ts'
import { signingKeyFromSeed } from './signing.ts'

const domain = 'domain' as ServerName
const key = signingKeyFromSeed('1', decodeBase64('YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1')!)
const rulesOf = (version: string) => getRoomVersionRules(version)!
const pdu = (fields: object) => fields as Pdu

const minimal = pdu({
  room_id: '!x:domain',
  sender: '@a:domain',
  origin: 'domain',
  origin_server_ts: 1000000,
  signatures: {},
  hashes: {},
  type: 'X',
  content: {},
  prev_events: [],
  auth_events: [],
  depth: 3,
  unsigned: { age_ts: 1000000 },
})
const message = pdu({
  content: { body: 'Here is the message content' },
  event_id: '$0:domain',
  origin: 'domain',
  origin_server_ts: 1000000,
  type: 'm.room.message',
  room_id: '!r:domain',
  sender: '@u:domain',
  signatures: {},
  unsigned: { age_ts: 1000000 },
})

test('the signed events of the specification', () => {
  assert.deepEqual(hashAndSign(minimal, rulesOf('3'), domain, key).pdu, {
    ...minimal,
    hashes: { sha256: '5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos' },
    signatures: {
      domain: {
        'ed25519:1': 'KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg',
      },
    },
  })
  assert.deepEqual(hashAndSign(message, rulesOf('1'), domain, key), {
    eventId: '$0:domain',
    pdu: {
      ...message,
      hashes: { sha256: 'onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g' },
      signatures: {
        domain: {
          'ed25519:1': 'Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA',
        },
      },
    },
  })
})

test('the reference hash is the one over the redacted event', () => {
  const kept =
    '{"auth_events":[],"content":{},"depth":3,"hashes":{"sha256":"x"},"origin":"domain","origin_server_ts":1,"prev_events":[],"room_id":"!x:domain","sender":"@a:domain","type":"X"}'
  const event = pdu({ ...minimal, origin_server_ts: 1, hashes: { sha256: 'x' }, content: { a: 1 }, extra: 1 })
  const hash = (text: string) => createHash('sha256').update(text).digest()
  assert.equal(referenceHash(event, rulesOf('10')), hash(kept).toString('base64').replace('=', ''))
  assert.equal(eventIdOf(event, rulesOf('3')), `$${hash(kept).toString('base64').replace('=', '')}`)
  assert.equal(eventIdOf(event, rulesOf('10')), `$${hash(kept).toString('base64url')}`)
  assert.equal(
    eventIdOf(event, rulesOf('11')),
    `$${hash(kept.replace('"origin":"domain",', '')).toString('base64url')}`,
  )
})

test('every version gives an id, a hash that matches and a signature that survives redaction', () => {
  for (const version of roomVersions) {
    const rules = rulesOf(version)
    const draft = pdu({
      ...message,
      event_id: rules.eventIdFormat === 'v1' ? '$0:domain' : undefined,
      unsigned: undefined,
    })
    if (draft.event_id === undefined) delete draft.event_id
    delete draft.unsigned
    const { eventId, pdu: signed } = hashAndSign(
      { ...draft, type: 'm.room.member', content: { membership: 'join', a: 1 } },
      rules,
      domain,
      key,
    )
    assert.equal(eventIdOf(signed, rules), eventId)
    assert.equal(eventIdOf(redact(signed, rules), rules), eventId)
    assert.ok(contentHashMatches(signed))
    assert.ok(!contentHashMatches(redact(signed, rules)))
    assert.ok(verifyEvent(signed, rules, domain, 'ed25519:1', key.publicKey))
    assert.ok(verifyEvent(redact(signed, rules), rules, domain, 'ed25519:1', key.publicKey))
    assert.ok(!verifyEvent({ ...signed, depth: 99 }, rules, domain, 'ed25519:1', key.publicKey))
    assert.ok(!verifyEvent(signed, rules, 'other' as ServerName, 'ed25519:1', key.publicKey))
  }
})

test('a second signature changes neither the id nor the first', () => {
  const rules = rulesOf('12')
  const second = signingKeyFromSeed('2', Buffer.alloc(32, 7))
  const { eventId, pdu: signed } = hashAndSign(minimal, rules, domain, key)
  const both = signEvent(signed, rules, 'other' as ServerName, second)
  assert.equal(eventIdOf(both, rules), eventId)
  assert.ok(verifyEvent(both, rules, domain, 'ed25519:1', key.publicKey))
  assert.ok(verifyEvent(both, rules, 'other' as ServerName, 'ed25519:2', second.publicKey))
  assert.equal(contentHash(both), contentHash(minimal))
})

test('the room of a version 12 create event has its hash', () => {
  const create = pdu({ ...minimal, type: 'm.room.create', state_key: '', content: { room_version: '12' } })
  delete create.room_id
  const event = hashAndSign(create, rulesOf('12'), domain, key)
  assert.match(event.eventId, /^\$[A-Za-z0-9_-]{43}$/)
  assert.equal(roomIdOf(event), `!${event.eventId.slice(1)}`)
  assert.equal(roomIdOf({ eventId: event.eventId, pdu: minimal }), '!x:domain')
  assert.equal(roomIdOfCreate('$abc' as EventId), '!abc')
})

test('floats are refused from version 6 on and hashed before', () => {
  const float = pdu({ ...message, type: 'm.room.power_levels', content: { ban: 50.5 } })
  assert.throws(() => hashAndSign(float, rulesOf('6'), domain, key), { errcode: 'M_BAD_JSON' })
  assert.ok(contentHashMatches(hashAndSign(float, rulesOf('5'), domain, key).pdu))
  assert.ok(
    !verifyEvent(
      { ...float, signatures: { domain: { 'ed25519:1': 'AAAA' } } },
      rulesOf('6'),
      domain,
      'ed25519:1',
      key.publicKey,
    ),
  )
})

test('events of versions 1 and 2 carry their id', () => {
  assert.throws(() => eventIdOf(minimal, rulesOf('2')), /must carry its id/)
  assert.throws(() => hashAndSign(minimal, rulesOf('1'), domain, key), /must carry its id/)
})
