import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { JsonObject, Pdu } from '../src/matrix/event.ts'
import { signedText } from '../src/matrix/event-signing.ts'
import type { RoomId, UserId } from '../src/matrix/ids.ts'
import { verifySignature } from '../src/matrix/signing.ts'
import { createTestClock, type TestClock } from '../src/util/clock.ts'
import { at } from './helpers/client.ts'
import { createPeer, type Peer } from './helpers/federation/peer.ts'
import { asJson, joinThrough } from './helpers/federation/peer-joining.ts'
import { policySignPath } from './helpers/federation/policy-server.ts'
import { type BuiltRoom, requireRules } from './helpers/federation/room-builder.ts'
import { createFederatedServer, type FederatedServer } from './helpers/federation/servers.ts'
import { createRoom, join, setState, timeline } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'
import { sync } from './helpers/sync.ts'

const rules = requireRules('12')
let clock: TestClock
let server: FederatedServer
let peer: Peer
let alice: TestUser
let carol: UserId
let publicKey: string

before(async () => {
  clock = createTestClock(Date.now())
  peer = await createPeer()
  server = await createFederatedServer({
    clock,
    config: {
      policy_server: {
        enabled: true,
        denied_users: ['@spam*:*'],
        denied_servers: ['bad.example'],
        denied_words: ['Cheap Pills'],
        max_events_per_minute: 5,
      },
    },
  })
  carol = peer.user('carol')
  alice = await server.user('alice')
  const { public_keys: keys } = await alice.get('/.well-known/matrix/policy_server')
  publicKey = String(Object(keys).ed25519)
})
after(async () => {
  await peer.stop()
  await server.stop()
})

const ask = async (body: Pdu | JsonObject) => {
  const answer = await peer.request(server.serverName, 'POST', policySignPath, { body: body as JsonObject })
  return answer.status === 200 ? answer.body : [answer.status, answer.body.errcode]
}
const isSigned = (pdu: Pdu, answer: unknown) => {
  const signature = Object(Object(answer)[server.serverName])['ed25519:policy_server']
  return verifySignature(signedText(pdu, rules), publicKey, String(signature))
}

/** A room that has chosen this server, with carol in it. */
async function chosenRoom(content: JsonObject = {}): Promise<{ roomId: RoomId; room: BuiltRoom }> {
  const roomId = (await createRoom(alice, { preset: 'public_chat' })) as RoomId
  const policy = { via: server.serverName, public_keys: { ed25519: publicKey }, ...content }
  await setState(alice, roomId, 'm.room.policy', policy)
  clock.advance(60_000)
  return { roomId, room: await joinThrough(peer, server.serverName, roomId, carol) }
}

const text = (room: BuiltRoom, body: string, sender = carol) =>
  room.build(sender, 'm.room.message', { msgtype: 'm.text', body }).pdu

describe('this server as a policy server', () => {
  test('signs what its rules let pass, with a key of its own', async () => {
    const { room } = await chosenRoom()
    const good = text(room, 'hello')
    assert.ok(isSigned(good, await ask(asJson(good))))
    assert.ok(!server.context.signingKeys.some((key) => key.publicKey === publicKey))
    for (const bad of [
      text(room, 'CHEAP pills here'),
      text(room, 'hello', peer.user('spammer')),
      room.build(carol, 'm.room.topic', { 'm.topic': { 'm.text': [{ body: 'cheap pills' }] } }, { stateKey: '' }).pdu,
      room.build(carol, 'm.room.policy', {}, { stateKey: '' }).pdu,
    ]) {
      assert.deepEqual(await ask(asJson(bad)), [400, 'M_FORBIDDEN'])
    }
    const other = room.build(carol, 'm.room.policy', {}, { stateKey: 'x' }).pdu
    assert.ok(isSigned(other, await ask(asJson(other))))
  })

  test('signs no text that it has not seen', async () => {
    const { room } = await chosenRoom()
    const pdu = text(room, 'cheap pills')
    const harmless = { ...pdu, content: { msgtype: 'm.text', body: 'hello' } }
    assert.deepEqual(await ask(asJson(harmless)), [400, 'M_BAD_JSON'])
    assert.deepEqual(await ask({ ...asJson(pdu), content: {} }), [400, 'M_BAD_JSON'])
  })

  test('refuses what is no event, and rooms that have not chosen it', async () => {
    const { roomId, room } = await chosenRoom()
    const pdu = asJson(text(room, 'hello'))
    const { sender: _, ...incomplete } = pdu
    for (const body of [{}, { room_id: 3 }, incomplete, { ...pdu, depth: 1.5 }, { room_id: roomId }]) {
      assert.deepEqual(await ask(body), [400, 'M_BAD_JSON'])
    }
    assert.deepEqual(await ask({ ...pdu, room_id: '!none:x.example' }), [404, 'M_NOT_FOUND'])
    const plain = (await createRoom(alice, { preset: 'public_chat' })) as RoomId
    const elsewhere = await joinThrough(peer, server.serverName, plain, carol)
    assert.deepEqual(await ask(asJson(text(elsewhere, 'hello'))), [404, 'M_NOT_FOUND'])
    await setState(alice, roomId, 'm.room.server_acl', { allow: ['*'], deny: ['localhost'], allow_ip_literals: true })
    assert.deepEqual(await ask(pdu), [403, 'M_FORBIDDEN'])
  })

  test('says the same of an event whenever it is asked, and lets nobody write too much', async () => {
    const { room } = await chosenRoom()
    const events = ['1', '2', '3', '4', '5', '6'].map((body) => text(room, body, peer.user('busy')))
    const answers = []
    for (const pdu of events) answers.push(Array.isArray(await ask(asJson(pdu))))
    assert.deepEqual(answers, [false, false, false, false, false, true])
    clock.advance(60_000)
    const again = []
    for (const pdu of events) again.push(Array.isArray(await ask(asJson(pdu))))
    assert.deepEqual(again, answers)
    assert.ok(!Array.isArray(await ask(asJson(text(room, '7', peer.user('busy'))))))
  })

  test('judges its own users by the same rules, and a server that joins is bound by them', async () => {
    await using second = await createFederatedServer()
    const bob = await second.user('bob')
    const { roomId } = await chosenRoom()
    await bob.request('POST', at`/_matrix/client/v3/join/${roomId}`, {
      query: { via: [server.serverName] },
      body: {},
      expect: 200,
    })
    for (const [user, name] of [
      [alice, 'a'],
      [bob, 'b'],
    ] as const) {
      const put = (body: string, txnId: string) =>
        user.request('PUT', at`/_matrix/client/v3/rooms/${roomId}/send/m.room.message/${txnId}`, {
          body: { msgtype: 'm.text', body },
        })
      const refused = await put('cheap pills', `${name}1`)
      assert.deepEqual([refused.status, refused.body.errcode], [400, 'M_FORBIDDEN'])
      assert.equal((await put(`hello of ${name}`, `${name}2`)).status, 200)
    }
    let since = (await sync(alice)).next_batch
    const shown = async () => (await timeline(alice, roomId)).map(({ content }) => (content as JsonObject).body)
    while (!(await shown()).includes('hello of b')) since = (await sync(alice, { since, timeout: 5000 })).next_batch
    assert.deepEqual((await shown()).filter(Boolean), ['hello of a', 'hello of b'])
  })
})

test('a server that is no policy server says so', async () => {
  await using plain = await createFederatedServer()
  const user = await plain.user('user')
  const answer = await peer.request(plain.serverName, 'POST', policySignPath, { body: { room_id: '!a:b' } })
  assert.deepEqual([answer.status, answer.body.errcode], [404, 'M_UNRECOGNIZED'])
  await user.request('GET', '/.well-known/matrix/policy_server', { expect: 404 })
  const roomId = await createRoom(user)
  await setState(user, roomId, 'm.room.policy', { via: plain.serverName, public_keys: { ed25519: publicKey } })
  const path = at`/_matrix/client/v3/rooms/${roomId}/send/m.room.message/1`
  const refused = await user.request('PUT', path, { body: { msgtype: 'm.text', body: 'x' }, expect: 404 })
  assert.equal(refused.body.errcode, 'M_UNRECOGNIZED')
  await setState(user, roomId, 'm.room.policy', {})
  await user.request('PUT', path, { body: { msgtype: 'm.text', body: 'x' }, expect: 200 })
})

test('servers that may join a room learn how large it is', async () => {
  const open = await createRoom(alice, { preset: 'public_chat' })
  const closed = await createRoom(alice)
  const size = (roomId: string) =>
    peer.request(server.serverName, 'GET', at`/_matrix/federation/unstable/rooms/${roomId}/complexity`, {
      unchecked: true,
    })
  const state = await alice.get<unknown[]>(at`/_matrix/client/v3/rooms/${open}/state`)
  assert.deepEqual((await size(open)).body, { v1: state.length / 500 })
  for (const roomId of [closed, '!none:x.example']) assert.equal((await size(roomId)).status, 404)
  await join(await server.user('bob'), open)
  assert.deepEqual((await size(open)).body, { v1: (state.length + 1) / 500 })
})
