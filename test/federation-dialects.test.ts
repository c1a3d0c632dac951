/** What servers of other kinds write otherwise than the specification, or as older ones of it did. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import type { UserId } from '../src/matrix/ids.ts'
import { signJson } from '../src/matrix/signing.ts'
import { at } from './helpers/client.ts'
import { createEncounter } from './helpers/federation/encounter.ts'
import { createPeer } from './helpers/federation/peer.ts'
import { asJson, joinThrough, makeMember } from './helpers/federation/peer-joining.ts'
import { requireRules } from './helpers/federation/room-builder.ts'
import { createRoom, getState } from './helpers/rooms.ts'

const encounter = await createEncounter()
const { server, peer, alice, carol } = encounter
after(() => encounter.end())

const ask = (method: string, path: string, body: JsonObject, expect = 200) =>
  peer.request(server.serverName, method, path, { body, expect })
const newRoom = () => createRoom(alice, { preset: 'public_chat' })

test('lists that are null are empty: in requests', async () => {
  const roomId = await newRoom()
  const room = await joinThrough(peer, server.serverName, roomId as never, carol)
  const message = room.message(carol, 'no EDUs with it')
  const sent = { origin: peer.serverName, origin_server_ts: Date.now() }
  const { body } = await ask('PUT', '/_matrix/federation/v1/send/null1', {
    ...sent,
    pdus: [asJson(message.pdu)],
    edus: null,
  })
  assert.deepEqual(body.pdus, { [message.eventId]: {} })
  const typing = { edu_type: 'm.typing', content: { room_id: roomId, user_id: carol, typing: true } }
  await ask('PUT', '/_matrix/federation/v1/send/null2', { ...sent, pdus: null, edus: [typing] })
  const missing = await ask('POST', at`/_matrix/federation/v1/get_missing_events/${roomId}`, {
    earliest_events: null,
    latest_events: [message.eventId],
  })
  assert.ok((missing.body.events as unknown[]).length > 0)
  const keys = await ask('POST', '/_matrix/federation/v1/user/keys/query', { device_keys: { [alice.userId]: null } })
  assert.ok(Object.hasOwn(Object(keys.body.device_keys), alice.userId))
})

test('an invitation may tell nothing of an old room', async () => {
  const room = peer.createRoom(carol, { version: '10', joinRule: 'invite' })
  const built = room.build(carol, 'm.room.member', { membership: 'invite' }, { stateKey: alice.userId })
  const path = at`/_matrix/federation/v2/invite/${room.roomId}/${built.eventId}`
  await ask('PUT', path, { room_version: '10', event: asJson(built.pdu), invite_room_state: null })
})

test('lists that are null are empty: in answers', async () => {
  const nothing: [method: string, pattern: string, body: JsonObject][] = [
    ['GET', '/_matrix/federation/v1/query/directory', { room_id: '!x:y.example', servers: null }],
    ['POST', '/_matrix/federation/v1/publicRooms', { chunk: null }],
    ['GET', '/_matrix/federation/v1/user/devices/:userId', { user_id: carol, stream_id: 1, devices: null }],
    ['POST', '/_matrix/federation/v1/user/keys/query', { device_keys: null, master_keys: null }],
  ]
  for (const [method, pattern, body] of nothing) peer.on(method, pattern, () => ({ body }))
  const { body: directory } = await alice.request(
    'GET',
    at`/_matrix/client/v3/directory/room/${`#x:${peer.serverName}`}`,
  )
  assert.equal(directory.room_id, '!x:y.example')
  const rooms = await alice.request('POST', '/_matrix/client/v3/publicRooms', {
    query: { server: peer.serverName },
    body: {},
    expect: 200,
  })
  assert.deepEqual(rooms.body.chunk, [])
  const { failures } = await alice.post<{ failures: object }>('/_matrix/client/v3/keys/query', {
    device_keys: { [carol]: [] },
  })
  assert.deepEqual(failures, {})
})

test('a knock is heard though nothing is told of the room', async () => {
  const room = peer.createRoom(carol, { version: '10', joinRule: 'knock' })
  const stop = peer.on('PUT', '/_matrix/federation/v1/send_knock/:roomId/:eventId', async (request) => {
    await peer.honestly(request)
    return { body: { knock_room_state: null } }
  })
  const path = at`/_matrix/client/v3/knock/${room.roomId}`
  await alice.request('POST', path, { query: { via: peer.serverName }, body: {}, expect: 200 })
  stop()
  assert.equal(room.membership(alice.userId as UserId), 'knock')
})

test('a server without old keys is believed', async () => {
  await using other = await createPeer()
  other.on('GET', '/_matrix/key/v2/server', () => {
    const { key } = other.signer
    const document: JsonObject = {
      server_name: other.serverName,
      valid_until_ts: Date.now() + 3_600_000,
      verify_keys: { [key.keyId]: { key: key.publicKey } },
      old_verify_keys: null,
    }
    return { body: signJson(document, other.serverName, key) }
  })
  await other.request(server.serverName, 'GET', '/_matrix/federation/v1/publicRooms', { expect: 200 })
})

for (const version of ['1', '12']) {
  test(`rooms of version ${version} are joined and left in the old way too`, async () => {
    const roomId = await createRoom(alice, { preset: 'public_chat', room_version: version })
    const send = async (membership: 'join' | 'leave') => {
      const { event } = await makeMember(peer, server.serverName, roomId as never, carol, membership)
      const { eventId, pdu } = peer.sign(requireRules(version), event)
      const path = at`/_matrix/federation/v1/${`send_${membership}`}/${roomId}/${eventId}`
      const bent = await ask('PUT', path, { ...asJson(pdu), content: { membership: 'ban' } }, 400)
      assert.equal(bent.body.errcode, 'M_INVALID_PARAM')
      return (await ask('PUT', path, asJson(pdu))).bytes.toString()
    }
    const [status, joined] = JSON.parse(await send('join'))
    assert.equal(status, 200)
    assert.ok(joined.state.length > 4 && joined.auth_chain.length > 0)
    assert.deepEqual([joined.origin, joined.event.state_key], [server.serverName, carol])
    assert.equal((await getState(alice, roomId, 'm.room.member', carol)).membership, 'join')
    assert.deepEqual(JSON.parse(await send('leave')), [200, {}])
    assert.equal((await getState(alice, roomId, 'm.room.member', carol)).membership, 'leave')
  })
}
