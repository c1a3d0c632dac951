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
