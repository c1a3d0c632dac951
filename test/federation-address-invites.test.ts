import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { at } from './helpers/client.ts'
import { createPeer, type Peer } from './helpers/federation/peer.ts'
import { joinThrough } from './helpers/federation/peer-joining.ts'
import { createFederatedServer, type FederatedServer } from './helpers/federation/servers.ts'
import { createIdentityServer, type TestIdentityServer } from './helpers/identity-server.ts'
import { allState, createRoom, membershipOf, setState } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'
import { sync } from './helpers/sync.ts'

let identity: TestIdentityServer
let here: FederatedServer
let there: FederatedServer
let peer: Peer
let alice: TestUser
let bob: TestUser

before(async () => {
  identity = await createIdentityServer()
  here = await createFederatedServer({ config: { identity: { trusted_servers: [identity.url] } } })
  there = await createFederatedServer()
  peer = await createPeer()
  alice = await here.user('alice')
  bob = await there.user('bob')
})
after(async () => {
  await Promise.all([here.stop(), there.stop(), peer.stop()])
  await identity[Symbol.asyncDispose]()
})

/** Invites an address to a room of alice's and returns the token of the invitation. */
async function inviteAddress(roomId: string): Promise<string> {
  await alice.post(at`/_matrix/client/v3/rooms/${roomId}/invite`, {
    id_server: identity.name,
    id_access_token: 'id-access-token',
    medium: 'email',
    address: 'bob@example.org',
  })
  const found = (await allState(alice, roomId)).findLast(({ type }) => type === 'm.room.third_party_invite')
  return String(found?.state_key)
}

const joinWith = (roomId: string, signed: JsonObject, status = 200) =>
  bob.request('POST', at`/_matrix/client/v3/rooms/${roomId}/join`, {
    body: { third_party_signed: signed },
    expect: status,
  })

for (const version of ['1', '10', '12']) {
  test(`an address is invited to a room of version ${version}, and its owner comes from another server`, async () => {
    const roomId = await createRoom(alice, { room_version: version })
    const token = await inviteAddress(roomId)
    await joinWith(roomId, identity.sign(token, bob.userId, alice.userId))
    assert.equal(await membershipOf(alice, roomId, bob.userId), 'join')
    assert.equal(await membershipOf(bob, roomId, bob.userId), 'join')
  })
}

test('an identity server tells of the invitation', async () => {
  const roomId = await createRoom(alice)
  const token = await inviteAddress(roomId)
  const signed = identity.sign(token, bob.userId, alice.userId)
  const invite = {
    medium: 'email',
    address: 'bob@example.org',
    mxid: bob.userId,
    room_id: roomId,
    sender: alice.userId,
    signed,
  }
  await there.client.put('/_matrix/federation/v1/3pid/onbind', {
    medium: 'email',
    address: 'bob@example.org',
    mxid: bob.userId,
    invites: [invite],
  })
  assert.ok((await sync(bob)).rooms?.invite?.[roomId])
  assert.equal(await membershipOf(alice, roomId, bob.userId), 'invite')
})

test('a proof that is wrong opens nothing', async () => {
  const roomId = await createRoom(alice)
  const token = await inviteAddress(roomId)
  const signed = identity.sign(token, bob.userId, alice.userId)
  await joinWith(roomId, identity.sign('other', bob.userId, alice.userId), 403)
  await joinWith(roomId, { ...signed, signatures: { [identity.name]: { 'ed25519:0': 'AAAA' } } }, 403)
  await joinWith(roomId, { ...signed, sender: bob.userId }, 403)
})

test('what another server asks to exchange is checked', async () => {
  const roomId = await createRoom(alice, { preset: 'private_chat' })
  const token = await inviteAddress(roomId)
  const carol = peer.user('carol')
  const exchange = async (change: JsonObject = {}, room = roomId) => {
    const event = {
      type: 'm.room.member',
      room_id: room,
      sender: alice.userId,
      state_key: carol,
      content: {
        membership: 'invite',
        third_party_invite: { display_name: 'x', signed: identity.sign(token, carol, alice.userId) },
      },
      ...change,
    }
    const path = at`/_matrix/federation/v1/exchange_third_party_invite/${room}`
    const { status } = await peer.request(here.serverName, 'PUT', path, { body: event })
    return status
  }
  assert.equal(await exchange({ state_key: peer.user('dave') }), 403)
  assert.equal(await exchange({ type: 'm.room.topic' }), 400)
  assert.equal(await exchange({}, '!none:x.example'), 404)
  await setState(alice, roomId, 'm.room.server_acl', { allow: ['*'], deny: ['localhost'] })
  assert.equal(await exchange(), 403)
  await setState(alice, roomId, 'm.room.server_acl', { allow: ['*'] })
  assert.equal(await exchange(), 200)
  const { content } = peer.invites.at(-1)?.event.pdu ?? {}
  assert.equal(Object(content?.third_party_invite).display_name, 'b...@e...')
  await joinThrough(peer, here.serverName, roomId as never, carol)
  assert.equal(await membershipOf(alice, roomId, carol), 'join')
})
