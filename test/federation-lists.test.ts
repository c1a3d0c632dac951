import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import type { UserId } from '../src/matrix/ids.ts'
import { at } from './helpers/client.ts'
import { createPeer, type Peer } from './helpers/federation/peer.ts'
import { asJson, joinThrough } from './helpers/federation/peer-joining.ts'
import { strippedState } from './helpers/federation/peer-membership.ts'
import { asSeenBy, trust } from './helpers/federation/remote-room.ts'
import type { BuiltRoom } from './helpers/federation/room-builder.ts'
import { createFederatedServer, type FederatedServer } from './helpers/federation/servers.ts'
import { createRoom, send, setState } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'
import { sync } from './helpers/sync.ts'

let peer: Peer
let friend: Peer
let carol: UserId
before(async () => {
  peer = await createPeer()
  friend = await createPeer()
  carol = peer.user('carol')
})
after(() => Promise.all([peer.stop(), friend.stop()]))

const asUser = ({ userId }: TestUser) => userId as UserId

function sendInvite(server: FederatedServer, room: BuiltRoom, target: UserId, from = carol) {
  const { eventId, pdu } = room.build(from, 'm.room.member', { membership: 'invite' }, { stateKey: target })
  const body = { room_version: '12', event: asJson(pdu), invite_room_state: strippedState(room) }
  const origin = from === carol ? peer : friend
  return origin.request(server.serverName, 'PUT', at`/_matrix/federation/v2/invite/${room.roomId}/${eventId}`, { body })
}

for (const name of ['denied_servers', 'allowed_servers'] as const) {
  describe(`a server that ${name} keeps out`, () => {
    let server: FederatedServer
    let alice: TestUser
    before(async () => {
      const globs = name === 'denied_servers' ? [peer.serverName] : [friend.serverName, '*.example.org']
      server = await createFederatedServer({ config: { federation: { [name]: globs } } })
      alice = await server.user('alice')
      peer.requests.length = 0
    })
    after(() => server.stop())

    test('is answered to nothing but the questions of everybody', async () => {
      const room = peer.createRoom(carol)
      const roomId = await createRoom(alice, { preset: 'public_chat' })
      const transaction = { origin: peer.serverName, origin_server_ts: 1, pdus: [], edus: [] }
      const requests: [string, string, JsonObject?][] = [
        ['PUT', '/_matrix/federation/v1/send/1', transaction],
        ['GET', at`/_matrix/federation/v1/make_join/${roomId}/${carol}?ver=12`],
        ['GET', at`/_matrix/federation/v1/query/profile?user_id=${alice.userId}`],
        ['GET', '/_matrix/federation/v1/publicRooms'],
        ['GET', '/_matrix/federation/v1/media/download/abc'],
        ['GET', at`/_matrix/federation/v1/state_ids/${roomId}?event_id=x`],
        ['POST', '/_matrix/policy/v1/sign', { room_id: roomId }],
        ['GET', at`/_matrix/federation/unstable/rooms/${roomId}/complexity`],
      ]
      for (const [method, path, body] of requests) {
        const options = { unchecked: true, ...(body && { body }) }
        const answer = await peer.request(server.serverName, method, path, options)
        assert.deepEqual([answer.status, answer.body.errcode], [403, 'M_FORBIDDEN'], path)
      }
      assert.equal((await sendInvite(server, room, asUser(alice))).status, 403)
      // Not even its keys are asked for.
      assert.deepEqual(peer.requests, [])
      const version = await peer.request(server.serverName, 'GET', '/_matrix/federation/v1/version', { expect: 200 })
      assert.ok(version.body.server)
    })

    test('is asked nothing, whatever users of ours want of it', async () => {
      const room = peer.createRoom(carol)
      const alias = `#room:${peer.serverName}`
      const roomId = await createRoom(alice)
      const ask = (method: string, path: string, body?: JsonObject, query?: Record<string, string>) =>
        alice.request(method, path, { unchecked: true, ...(body && { body }), ...(query && { query }) })
      const answers = [
        await ask('POST', at`/_matrix/client/v3/join/${room.roomId}`, {}, { via: peer.serverName }),
        await ask('POST', at`/_matrix/client/v3/knock/${room.roomId}`, {}, { via: peer.serverName }),
        await ask('POST', at`/_matrix/client/v3/join/${alias}`, {}),
        await ask('GET', at`/_matrix/client/v3/directory/room/${alias}`),
        await ask('GET', at`/_matrix/client/v3/profile/${carol}`),
        await ask('GET', at`/_matrix/client/v1/media/download/${peer.serverName}/abc`),
        await ask('GET', at`/_matrix/client/v1/media/thumbnail/${peer.serverName}/abc`, undefined, {
          width: '9',
          height: '9',
        }),
        await ask('GET', '/_matrix/client/v3/publicRooms', undefined, { server: peer.serverName }),
        await ask('POST', at`/_matrix/client/v3/rooms/${roomId}/invite`, { user_id: carol }),
        await ask('GET', at`/_matrix/client/v1/room_summary/${room.roomId}`, undefined, { via: peer.serverName }),
        await ask('GET', at`/_matrix/client/v1/rooms/${room.roomId}/hierarchy`),
        await ask('POST', '/_matrix/key/v2/query', { server_keys: { [peer.serverName]: {} } }),
        await ask('POST', '/_matrix/client/v3/keys/query', { device_keys: { [carol]: [] } }),
      ]
      for (const [i, { status }] of answers.entries()) assert.ok(i >= 11 || status >= 400, `request ${i} was answered`)
      assert.deepEqual(Object(answers[11]?.body).server_keys, [])
      assert.deepEqual(peer.requests, [])
    })

    test('gets nothing of a room that others have let it into', async () => {
      const fred = friend.user('fred')
      // Its keys are known from before.
      await trust(server, peer.signer)
      const room = friend.createRoom(fred)
      asSeenBy(room, peer.signer).member(carol, 'join')
      const query = { via: friend.serverName }
      await alice.request('POST', at`/_matrix/client/v3/join/${room.roomId}`, { query, body: {}, expect: 200 })
      const members = await alice.get(at`/_matrix/client/v3/rooms/${room.roomId}/joined_members`)
      assert.ok(Object.hasOwn(Object(members.joined), carol))
      await alice.request('PUT', at`/_matrix/client/v3/rooms/${room.roomId}/typing/${alice.userId}`, {
        body: { typing: true, timeout: 5000 },
      })
      const hello = await send(alice, room.roomId, 'hello')
      await alice.request('POST', at`/_matrix/client/v3/rooms/${room.roomId}/receipt/m.read/${hello}`, { body: {} })
      await friend.waitForPdu(({ content }) => content.body === 'hello')
      await friend.waitForEdu('m.receipt')
      assert.deepEqual(peer.requests, [])
    })
  })
}

describe('invitations by servers that may not invite', () => {
  let server: FederatedServer
  let alice: TestUser
  before(async () => {
    const invites = { denied_servers: [peer.serverName] }
    server = await createFederatedServer({ config: { federation: { invites } } })
    alice = await server.user('alice')
  })
  after(() => server.stop())

  test('are refused, and others are not', async () => {
    const answer = await sendInvite(server, peer.createRoom(carol), asUser(alice))
    assert.deepEqual([answer.status, answer.body.errcode], [403, 'M_INVITE_BLOCKED'])
    const fred = friend.user('fred')
    const room = friend.createRoom(fred)
    assert.equal((await sendInvite(server, room, asUser(alice), fred)).status, 200)
    assert.deepEqual(Object.keys((await sync(alice)).rooms?.invite ?? {}), [room.roomId])
  })

  test('are not shown where they come with the events of a room that is shared', async () => {
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    const room = await joinThrough(peer, server.serverName, roomId as never, carol)
    await setState(alice, roomId, 'm.room.power_levels', { users: {}, invite: 0 })
    await peer.waitForPdu(({ type }) => type === 'm.room.power_levels')
    const bob = await server.user('bob')
    const { next_batch: since } = await sync(bob)
    const invite = room.member(carol, 'invite', asUser(bob))
    await peer.send(server.serverName, [invite.pdu])
    await server.context.rooms.ingest?.drain()
    const { rooms } = await sync(bob, { since })
    assert.deepEqual(Object.keys(rooms?.invite ?? {}), [])
    // The room itself knows of it.
    const member = await alice.get<JsonObject>(at`/_matrix/client/v3/rooms/${roomId}/state/m.room.member/${bob.userId}`)
    assert.equal(member.membership, 'invite')
  })
})
