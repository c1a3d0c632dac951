import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at } from './helpers/client.ts'
import { createRoom } from './helpers/rooms.ts'
import { createTestServer } from './helpers/server.ts'
import type { SyncBody } from './helpers/sync.ts'

test('a filter cannot reach the prototype of all objects', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const roomId = await createRoom(alice)
  const content = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":2}}}'
  await alice.put(at`/_matrix/client/v3/rooms/${roomId}/send/net.example.test/t`, content)
  const fields = ['type', 'content.__proto__.polluted', 'content.constructor.prototype.polluted', '__proto__.polluted']
  const query = { filter: JSON.stringify({ event_fields: fields }) }
  // What is left of an event is not what the specification calls one.
  const { body } = await alice.request<SyncBody>('GET', '/_matrix/client/v3/sync', { query, unchecked: true })
  assert.equal(Reflect.get({}, 'polluted'), undefined)
  const event = body.rooms?.join?.[roomId]?.timeline.events.at(-1)
  assert.equal(JSON.stringify(event?.content), content)
})

test('requests that name or bring too much are refused before they cost anything', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const bob = await server.user('bob')
  const v3 = '/_matrix/client/v3'
  const each = (count: number, value: unknown) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`@u${i}:localhost`, value]))
  const names = (count: number, value: unknown) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`signed_curve25519:K${i}`, value]))
  const events = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ type: 'net.example.test', state_key: `${i}`, content: {} }))
  const large = { text: 'x'.repeat(65_536) }
  const toDevice = (txnId: string) => `${v3}/sendToDevice/m.test/${txnId}`
  const cases: [method: string, path: string, fits: object, tooMuch: object][] = [
    ['POST', `${v3}/keys/query`, { device_keys: each(9000, []) }, { device_keys: each(40_000, []) }],
    [
      'POST',
      `${v3}/keys/claim`,
      { one_time_keys: each(9000, { D: 'signed_curve25519' }) },
      { one_time_keys: { [bob.userId]: names(40_000, 'signed_curve25519') } },
    ],
    ['PUT', toDevice('many'), { messages: each(9000, { '*': {} }) }, { messages: each(40_000, { '*': {} }) }],
    [
      'PUT',
      toDevice('big'),
      { messages: { [bob.userId]: { '*': {} } } },
      { messages: { [bob.userId]: { '*': large } } },
    ],
    ['POST', `${v3}/keys/signatures/upload`, each(900, { X: {} }), each(40_000, { X: {} })],
    ['POST', `${v3}/keys/upload`, { one_time_keys: names(900, { key: 'k' }) }, { one_time_keys: names(5000, 'k') }],
    ['POST', `${v3}/createRoom`, { initial_state: events(900) }, { initial_state: events(5000) }],
  ]
  for (const [method, path, fits, tooMuch] of cases) {
    const refused = await alice.request<{ errcode: string }>(method, path, { body: tooMuch, unchecked: true })
    assert.deepEqual([path, refused.status, refused.body.errcode], [path, 413, 'M_TOO_LARGE'])
    assert.deepEqual([path, (await alice.request(method, path, { body: fits, unchecked: true })).status], [path, 200])
  }
})
