import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import type { RoomId } from '../src/matrix/ids.ts'
import { at } from './helpers/client.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { createPeer } from './helpers/federation/peer.ts'
import { joinThrough } from './helpers/federation/peer-joining.ts'
import { createFederatedServer } from './helpers/federation/servers.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'
import { createRoom, send, setState } from './helpers/rooms.ts'
import { sync } from './helpers/sync.ts'

for (const engine of engines) {
  test(`what another server says besides events (${engine})`, {
    skip: withoutOpenssl || skipEngine(engine),
  }, async (t) => {
    await using server = await createFederatedServer({ engine, config: { federation: { send_presence: true } } })
    await using peer = await createPeer()
    const { context } = server
    const alice = await server.user('alice', { deviceId: 'PHONE' })
    const bob = peer.user('bob')
    const roomId = (await createRoom(alice, { preset: 'public_chat' })) as RoomId
    await joinThrough(peer, server.serverName, roomId, bob)
    const stranger = peer.user('stranger')
    const elsewhere = '@eve:elsewhere.test'
    const say = (...edus: { edu_type: string; content: JsonObject }[]) => peer.send(server.serverName, [], { edus })
    const typing = (user: string, isTyping = true, room: string = roomId) => ({
      edu_type: 'm.typing',
      content: { room_id: room, user_id: user, typing: isTyping },
    })
    const receipt = (user: string, eventId: string, threadId?: string, room: string = roomId) => ({
      edu_type: 'm.receipt',
      content: {
        [room]: {
          'm.read': { [user]: { event_ids: [eventId], data: { ts: 5, ...(threadId && { thread_id: threadId }) } } },
        },
      } as JsonObject,
    })
    const ephemeral = async (type: string) => {
      const { rooms } = await sync(alice)
      const events = Object(rooms?.join?.[roomId]).ephemeral?.events ?? []
      return events.find((event: { type: string }) => event.type === type)?.content
    }

    await t.test('who types, as far as it speaks for them', async () => {
      await say(typing(bob), typing(stranger), typing(elsewhere), typing(alice.userId))
      assert.deepEqual(await ephemeral('m.typing'), { user_ids: [bob] })
      await say(typing(bob, false))
      assert.equal(await ephemeral('m.typing'), undefined)
    })

    await t.test('how far its users have read', async () => {
      const first = await send(alice, roomId, 'one')
      const second = await send(alice, roomId, 'two')
      await say(receipt(bob, second), receipt(stranger, second), receipt(elsewhere, second))
      assert.deepEqual(await ephemeral('m.receipt'), { [second]: { 'm.read': { [bob]: { ts: 5 } } } })
      await say(receipt(bob, first), receipt(bob, second, 'main'), receipt(alice.userId, second))
      assert.deepEqual(await ephemeral('m.receipt'), { [second]: { 'm.read': { [bob]: { ts: 5 } } } })
      await say(receipt(bob, first, 'main'))
      assert.deepEqual(Object.keys((await ephemeral('m.receipt')) ?? {}), [second])
    })

    await t.test('how far, where other receipts in the same EDU make no sense', async () => {
      const third = await send(alice, roomId, 'three')
      const at = (data: JsonObject) => ({ event_ids: [third], data })
      const users = {
        'no user': at({}),
        [elsewhere]: at({}),
        [stranger]: { event_ids: [], data: {} },
        [peer.user('nobody')]: 7,
        [bob]: at({ ts: 6, thread_id: null }),
      }
      const content = { '!nowhere': 7, [roomId]: { 'm.read': users } } as JsonObject
      await say({ edu_type: 'm.receipt', content })
      assert.deepEqual(Object(await ephemeral('m.receipt'))[third], { 'm.read': { [bob]: { ts: 6 } } })
    })

    await t.test('how far, before the event is here', async () => {
      await context.sender.drain()
      const room = peer.rooms.get(roomId)
      assert.ok(room)
      const late = room.message(bob, 'late')
      const later = room.message(bob, 'later')
      await say(receipt(bob, late.eventId), receipt(bob, later.eventId))
      await peer.send(server.serverName, [late.pdu as never])
      await context.rooms.ingest?.drain()
      await context.db.write('test barrier', async () => {})
      assert.equal(Object(await ephemeral('m.receipt'))[late.eventId], undefined, 'the later one counts')
      await peer.send(server.serverName, [later.pdu as never])
      await context.rooms.ingest?.drain()
      await context.db.write('test barrier', async () => {})
      assert.deepEqual(Object(await ephemeral('m.receipt'))[later.eventId], { 'm.read': { [bob]: { ts: 5 } } })
    })

    await t.test('who is there', async () => {
      const push = (user: string) => ({ user_id: user, presence: 'online', last_active_ago: 10, status_msg: 'hi' })
      await say({ edu_type: 'm.presence', content: { push: [push(bob), push(stranger)] } })
      const presence = await alice.get(at`/_matrix/client/v3/presence/${bob}/status`)
      assert.deepEqual([presence.presence, presence.status_msg], ['online', 'hi'])
      await alice.request('GET', at`/_matrix/client/v3/presence/${stranger}/status`, { expect: 403 })
      // Servers say it every half an hour of those who are there all the time.
      for (const active of [true, false]) {
        const lasting = { ...push(bob), last_active_ago: 600_000, currently_active: active }
        await say({ edu_type: 'm.presence', content: { push: [lasting] } })
        const { presence: state, currently_active: isActive } = await alice.get(
          at`/_matrix/client/v3/presence/${bob}/status`,
        )
        assert.deepEqual([state, isActive], ['online', active])
      }
    })

    await t.test('messages for devices, once, to one and to all', async () => {
      const laptop = await server.login('alice', 'LAPTOP')
      const message = (sender: string, id: string, messages: JsonObject) => ({
        edu_type: 'm.direct_to_device',
        content: { sender, type: 'm.test', message_id: id, messages },
      })
      const toPhone = message(bob, 'm1', { [alice.userId]: { PHONE: { n: 1 } }, '@x:elsewhere.test': { '*': {} } })
      await say(toPhone, message(bob, 'm2', { [alice.userId]: { '*': { n: 2 } } }), message(elsewhere, 'm3', {}))
      await say(toPhone)
      const inbox = async (user: typeof alice) => {
        const { to_device: toDevice } = (await sync(user)) as { to_device?: { events: JsonObject[] } }
        return toDevice?.events.map(({ content, sender }) => [sender, Object(content).n])
      }
      assert.deepEqual(await inbox(alice), [
        [bob, 1],
        [bob, 2],
      ])
      assert.deepEqual(await inbox(laptop), [[bob, 2]])
    })

    await t.test('what makes no sense is passed over, and the rest taken', async () => {
      const nonsense = [
        'm.typing',
        'm.receipt',
        'm.presence',
        'm.device_list_update',
        'm.direct_to_device',
        'x.unknown',
      ]
      const empty = nonsense.flatMap((type) => [
        { edu_type: type, content: {} },
        { edu_type: type, content: { [roomId]: 7, push: 7, messages: [], user_id: 7, room_id: '!no' } as JsonObject },
      ])
      await say(...empty, typing(bob))
      assert.deepEqual(await ephemeral('m.typing'), { user_ids: [bob] })
      await say(typing(bob, false))
    })

    await t.test('nothing from servers that the room keeps out', async () => {
      const eventId = await send(alice, roomId, 'three')
      await setState(alice, roomId, 'm.room.server_acl', { allow: ['*'], deny: ['localhost'] })
      await say(typing(bob), receipt(bob, eventId))
      assert.equal(await ephemeral('m.typing'), undefined)
      assert.equal(Object.keys((await ephemeral('m.receipt')) ?? {}).includes(eventId), false)
    })
    assert.deepEqual(peer.faults, [])
  })
}

test('events go to a server over the wire, and no sooner than it is there', { skip: withoutOpenssl }, async () => {
  await using server = await createFederatedServer()
  await using peer = await createPeer()
  const alice = await server.user('alice')
  const bob = peer.user('bob')
  const roomId = (await createRoom(alice, { preset: 'public_chat' })) as RoomId
  await joinThrough(peer, server.serverName, roomId, bob)
  await send(alice, roomId, 'hello')
  await peer.waitForPdu(({ content }) => content.body === 'hello')
  const port = Number(peer.serverName.split(':')[1])
  await peer.stop()
  await send(alice, roomId, 'are you there?')
  await server.context.sender.drain()
  await peer.start(port)
  await peer.waitForPdu(({ content }) => content.body === 'are you there?')
  assert.deepEqual(peer.faults, [])
  const admin = await server.user('admin', { admin: true })
  const path = '/_synapse/admin/v1/federation/destinations'
  await server.context.sender.drain()
  const list = await admin.get(path)
  assert.equal(list.total, 1)
  const one = await admin.get(at`/_synapse/admin/v1/federation/destinations/${peer.serverName}`)
  assert.deepEqual([one.destination, one.retry_last_ts, one.failure_ts], [peer.serverName, 0, null])
  const rooms = await admin.get(at`/_synapse/admin/v1/federation/destinations/${peer.serverName}/rooms`)
  assert.deepEqual(rooms.rooms, [{ room_id: roomId, stream_ordering: Object(rooms.rooms)[0].stream_ordering }])
  await admin.request('POST', at`/_synapse/admin/v1/federation/destinations/${peer.serverName}/reset_connection`, {
    body: {},
    expect: 400,
  })
  await admin.request('GET', `${path}/nowhere.test`, { expect: 404 })
  await alice.request('GET', path, { expect: 403 })
})
