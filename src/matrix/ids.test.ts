import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  domainOf,
  isDeviceId,
  isEventId,
  isRoomAlias,
  isRoomId,
  isServerName,
  isStrictLocalpart,
  isUserId,
  localpartOf,
  makeUserId,
  parseUserId,
  type RoomId,
  type ServerName,
} from './ids.ts'

const hash = 'A'.repeat(43)

test('server names are host names or addresses with an optional port', () => {
  for (const name of [
    'localhost',
    'example.org',
    'example.org:8448',
    '1.2.3.4:80',
    '[2001:db8::1]',
    '[::1]:8448',
    'A-b',
  ])
    assert.ok(isServerName(name), name)
  for (const name of [
    '',
    'a_b',
    'a b',
    'a:',
    'a:123456',
    'a:b',
    '[::1',
    '2001:db8::1',
    'a/b',
    'é.org',
    `${'a'.repeat(256)}`,
  ])
    assert.ok(!isServerName(name), name)
})

test('user ids split at the first colon and keep the port', () => {
  assert.deepEqual(parseUserId('@alice:example.org:8448'), {
    userId: '@alice:example.org:8448',
    localpart: 'alice',
    server: 'example.org:8448',
  })
  assert.equal(parseUserId('@a:[::1]:8448')?.server, '[::1]:8448')
})

test('historical user ids are accepted, malformed ones are not', () => {
  for (const id of ['@:example.org', '@UPPER:example.org', '@a b!é😀:example.org', '@a/b+c:example.org'])
    assert.ok(isUserId(id), id)
  for (const id of ['', '@', 'alice:example.org', '@alice', '@alice:', '@a\0:x', '@\ud800:x', '@a:b:c:d', '#a:b'])
    assert.ok(!isUserId(id), id)
})

test('the limit of 255 counts bytes', () => {
  assert.ok(isUserId(`@${'a'.repeat(252)}:x`))
  assert.ok(!isUserId(`@${'a'.repeat(253)}:x`))
  assert.ok(isUserId(`@${'é'.repeat(126)}:x`))
  assert.ok(!isUserId(`@${'é'.repeat(127)}:x`))
})

test('room ids come with and without a domain', () => {
  for (const id of ['!abc:example.org', '!abc:example.org:8448', `!${hash}`]) assert.ok(isRoomId(id), id)
  for (const id of ['', '!', '!:x', 'abc:example.org', '!a b', '!abc:', '#abc:x', '$abc']) assert.ok(!isRoomId(id), id)
  assert.equal(domainOf(`!${hash}` as RoomId), undefined)
  assert.equal(domainOf('!a:x:80' as RoomId), 'x:80')
})

test('event ids come in the three formats', () => {
  for (const id of ['$abc:example.org', `$${hash}`, `$${'+/'.repeat(21)}A`, `$${'-_'.repeat(21)}A`])
    assert.ok(isEventId(id), id)
  for (const id of ['', '$', '$ a', '$a:', `!${hash}`]) assert.ok(!isEventId(id), id)
})

test('aliases and device ids', () => {
  assert.ok(isRoomAlias('#room:example.org'))
  assert.ok(isRoomAlias('#Räume & mehr:example.org:1'))
  for (const alias of ['#room', '#:x', 'room:x', '#a\0:x']) assert.ok(!isRoomAlias(alias), alias)
  assert.ok(isDeviceId('ABCDEF'))
  assert.ok(!isDeviceId(''))
  assert.ok(!isDeviceId('x'.repeat(256)))
})

test('user ids are made from valid parts only', () => {
  const server = 'example.org' as ServerName
  const id = makeUserId('bob', server)
  assert.equal(id, '@bob:example.org')
  assert.equal(localpartOf(id), 'bob')
  assert.throws(() => makeUserId('a:b', server), RangeError)
  assert.throws(() => makeUserId('a'.repeat(300), server), RangeError)
})

test('strict localparts', () => {
  for (const localpart of ['alice', 'a.b_c=d-e/f+9']) assert.ok(isStrictLocalpart(localpart), localpart)
  for (const localpart of ['', 'Alice', 'a b', 'a:b', 'é', 'a\n']) assert.ok(!isStrictLocalpart(localpart), localpart)
})
