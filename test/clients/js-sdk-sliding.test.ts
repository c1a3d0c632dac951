import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SlidingSync } from 'matrix-js-sdk/lib/sliding-sync.js'
import { createSdkClient, until } from '../helpers/js-sdk.ts'
import { createRoom, join, publicRoom, send } from '../helpers/rooms.ts'
import { createTestServer } from '../helpers/server.ts'

test('matrix-js-sdk: its sliding sync shows rooms, messages, a room that is opened, and new rooms', {
  timeout: 120_000,
}, async (t) => {
  const server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob], { name: 'Beans' })
  const client = await createSdkClient(alice)
  const requiredState = [
    ['m.room.create', ''],
    ['m.room.name', ''],
    ['m.room.member', '$ME'],
  ]
  const all = { ranges: [[0, 9]], timeline_limit: 5, required_state: requiredState }
  const opened = { timeline_limit: 20, required_state: [['*', '*']] }
  const sliding = new SlidingSync(server.url, new Map([['all', all]]), opened, client, 2_000)
  t.after(async () => {
    sliding.stop()
    client.stopClient()
    await server.stop()
  })
  await client.startClient({ slidingSync: sliding })
  const bodies = () =>
    client
      .getRoom(roomId)
      ?.getLiveTimeline()
      .getEvents()
      .map((event) => event.getContent().body)
  await until(client, 'the room', () => client.getRoom(roomId)?.name === 'Beans' || undefined)
  await send(bob, roomId, 'one')
  await until(client, 'a message', () => bodies()?.includes('one') || undefined)
  sliding.modifyRoomSubscriptions(new Set([roomId]))
  await send(bob, roomId, 'two')
  await until(client, 'a message of the room that was opened', () => bodies()?.includes('two') || undefined)
  const other = await createRoom(bob, { name: 'Peas', preset: 'public_chat' })
  await join(alice, other)
  await until(client, 'the new room', () => client.getRoom(other)?.name === 'Peas' || undefined)
  assert.equal(sliding.getListData('all')?.joinedCount, 2)
  assert.equal(bodies()?.filter((body) => body === 'two').length, 1)
})
