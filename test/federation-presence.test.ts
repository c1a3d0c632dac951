/** Who of our users is there, as other servers learn it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import type { RoomId } from '../src/matrix/ids.ts'
import { at } from './helpers/client.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { createPeer, type Peer } from './helpers/federation/peer.ts'
import { joinThrough } from './helpers/federation/peer-joining.ts'
import { createFederatedServer } from './helpers/federation/servers.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'
import { createRoom } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'

const config = { federation: { send_presence: true } }

const be = (user: TestUser, presence: string, status: string) =>
  user.put(at`/_matrix/client/v3/presence/${user.userId}/status`, { presence, status_msg: status })

const toldOf = (peer: Peer, userId: string) =>
  peer.edus
    .filter((edu) => edu.edu_type === 'm.presence')
    .flatMap(({ content }) => content.push as JsonObject[])
    .filter((update) => update.user_id === userId)
    .map(({ presence, status_msg: status }) => `${presence} ${status}`)

for (const engine of engines) {
  const options = { skip: withoutOpenssl || skipEngine(engine) }

  test(`servers that meet somebody learn who is there, and what changes (${engine})`, options, async () => {
    await using server = await createFederatedServer({ engine, config })
    await using peer = await createPeer()
    const [alice, away] = [await server.user('alice'), await server.user('away')]
    await be(alice, 'online', 'before')
    const roomId = (await createRoom(alice, { preset: 'public_chat' })) as RoomId
    await away.post(at`/_matrix/client/v3/rooms/${roomId}/join`, {})
    await be(away, 'offline', 'gone')
    await server.context.sender.drain()
    await joinThrough(peer, server.serverName, roomId, peer.user('bob'))
    await server.context.sender.drain()
    assert.deepEqual(toldOf(peer, alice.userId), ['online before'])
    assert.deepEqual(toldOf(peer, away.userId), [])
    await be(alice, 'unavailable', 'lunch')
    await server.context.sender.drain()
    assert.deepEqual(toldOf(peer, alice.userId), ['online before', 'unavailable lunch'])

    await using host = await createPeer()
    const room = host.createRoom(host.user('host'))
    await alice.request('POST', at`/_matrix/client/v3/join/${room.roomId}`, {
      query: { via: host.serverName },
      body: {},
      expect: 200,
    })
    await server.context.sender.drain()
    // Whoever joins is active.
    assert.deepEqual(toldOf(host, alice.userId).slice(-1), ['online lunch'])
  })

  test(`servers that are met in large rooms only are not told (${engine})`, options, async () => {
    await using server = await createFederatedServer({ engine, config })
    await using peer = await createPeer()
    const alice = await server.user('alice')
    await be(alice, 'online', 'before')
    const roomId = (await createRoom(alice, { preset: 'public_chat' })) as RoomId
    const { db, rooms, sender } = server.context
    await db.write('a large room', async (tx) => {
      const room = await rooms.reads.roomById(tx, roomId)
      assert.ok(room)
      const rows = Array.from({ length: 30 }, (_, i) => ({ room_nid: room.nid, server: `s${i}.invalid`, denied: 1 }))
      await tx.qb.insertInto('federation_room_servers').values(rows).execute()
    })
    await joinThrough(peer, server.serverName, roomId, peer.user('bob'))
    await sender.drain()
    await be(alice, 'unavailable', 'after')
    await sender.drain()
    assert.deepEqual(toldOf(peer, alice.userId), [])
    const small = (await createRoom(alice, { preset: 'public_chat' })) as RoomId
    await joinThrough(peer, server.serverName, small, peer.user('bob'))
    await sender.drain()
    assert.deepEqual(toldOf(peer, alice.userId).slice(-1), ['online after'])
  })
}

test('nobody is told unless the configuration says so', { skip: withoutOpenssl }, async () => {
  await using server = await createFederatedServer()
  await using peer = await createPeer()
  const alice = await server.user('alice')
  const roomId = (await createRoom(alice, { preset: 'public_chat' })) as RoomId
  await joinThrough(peer, server.serverName, roomId, peer.user('bob'))
  await be(alice, 'online', 'silent')
  await server.context.sender.drain()
  assert.deepEqual(toldOf(peer, alice.userId), [])
})
