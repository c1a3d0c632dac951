import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { at } from './helpers/client.ts'
import { type Engine, engines, skipEngine } from './helpers/engines.ts'
import { createIdentityServer, type TestIdentityServer } from './helpers/identity-server.ts'
import { allState, createRoom, getState, membershipOf, setState, v3 } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

interface Scene {
  server: TestServer
  identity: TestIdentityServer
  alice: TestUser
  bob: TestUser
}

async function scene(
  fn: (it: Scene) => Promise<void>,
  { engine = 'sqlite', config = {} }: { engine?: Engine; config?: Record<string, unknown> } = {},
): Promise<void> {
  await using identity = await createIdentityServer()
  await using server = await createTestServer({
    engine,
    config: { identity: { trusted_servers: [identity.url] }, ...config },
  })
  await fn({ server, identity, alice: await server.user('alice'), bob: await server.user('bob') })
}

const toAddress = (identity: TestIdentityServer, more: object = {}) => ({
  id_server: identity.name,
  id_access_token: 'id-access-token',
  medium: 'email',
  address: 'bob@example.org',
  ...more,
})

const invitePath = (roomId: string) => at`/_matrix/client/v3/rooms/${roomId}/invite`
const joinPath = (roomId: string) => at`/_matrix/client/v3/rooms/${roomId}/join`

/** Invites Bob's address and returns the token of the invitation. */
async function inviteBob({ identity, alice }: Scene, roomId: string): Promise<string> {
  await alice.post(invitePath(roomId), toAddress(identity))
  const found = (await allState(alice, roomId)).find(({ type }) => type === 'm.room.third_party_invite')
  return String(found?.state_key)
}

for (const engine of engines) {
  test(
    `somebody is invited by an address and joins with the proof that it is theirs (${engine})`,
    { skip: skipEngine(engine) },
    () =>
      scene(
        async (it) => {
          const { identity, alice, bob } = it
          const roomId = await createRoom(alice, { name: 'Garden', preset: 'private_chat' })
          const token = await inviteBob(it, roomId)
          const content = await getState(alice, roomId, 'm.room.third_party_invite', token)
          assert.equal(content.display_name, 'b...@e...')
          assert.equal(Object(content.public_keys).length, 2)
          assert.ok(!JSON.stringify(await allState(alice, roomId)).includes('bob@example.org'))
          const stored = identity.asked.find(({ path }) => path === '/store-invite')?.body
          assert.deepEqual(
            { ...stored, sender_display_name: undefined },
            {
              medium: 'email',
              address: 'bob@example.org',
              room_id: roomId,
              room_name: 'Garden',
              room_join_rules: 'invite',
              sender: alice.userId,
              sender_display_name: undefined,
            },
          )

          await bob.request('POST', joinPath(roomId), { body: {}, expect: 403 })
          const third_party_signed = identity.sign(token, bob.userId, alice.userId)
          await bob.post(joinPath(roomId), { third_party_signed })
          assert.equal(await membershipOf(alice, roomId, bob.userId), 'join')
          const member = await bob.request(
            'GET',
            at`/_matrix/client/v3/rooms/${roomId}/state/m.room.member/${bob.userId}`,
            {
              query: { format: 'event' },
            },
          )
          assert.equal(member.status, 200)
          await bob.post(joinPath(roomId), { third_party_signed })
        },
        { engine },
      ),
  )
}

test('an address that is known leads to its user, and is looked up without being told', () =>
  scene(async ({ identity, alice, bob }) => {
    identity.bound.set('bob@example.org', bob.userId)
    const roomId = await createRoom(alice)
    await alice.post(invitePath(roomId), toAddress(identity, { address: 'BOB@example.org' }))
    assert.equal(await membershipOf(alice, roomId, bob.userId), 'invite')
    assert.ok(!JSON.stringify(identity.asked).includes('bob@example.org'))

    identity.algorithms = ['none']
    const other = await createRoom(alice)
    await alice.post(invitePath(other), toAddress(identity))
    assert.equal(await membershipOf(alice, other, bob.userId), 'invite')
  }))

test('proofs that are wrong in any way open nothing', () =>
  scene(async (it) => {
    const { server, identity, alice, bob } = it
    const roomId = await createRoom(alice)
    const token = await inviteBob(it, roomId)
    const eve = await server.user('eve')
    const proof = identity.sign(token, bob.userId, alice.userId)
    const refused = async (user: TestUser, third_party_signed: JsonObject) => {
      const { body } = await user.request('POST', joinPath(roomId), { body: { third_party_signed }, expect: 403 })
      assert.equal(body.errcode, 'M_FORBIDDEN')
    }
    await refused(eve, proof)
    await refused(eve, { ...proof, mxid: eve.userId })
    await refused(bob, { ...proof, sender: eve.userId })
    await refused(bob, { ...proof, token: 'other' })
    await refused(bob, { ...proof, signatures: {} })
    await refused(bob, {})
    identity.keysAreValid = false
    await refused(bob, proof)
    identity.answer = { status: 200, body: 'x'.repeat(100_000) }
    await refused(bob, proof)
    identity.answer = { status: 302, body: {} }
    await refused(bob, proof)
    identity.answer = undefined
    identity.keysAreValid = true
    await setState(alice, roomId, 'm.room.third_party_invite', {}, token)
    await refused(bob, proof)
  }))

test('banned users stay out, with whatever proof', () =>
  scene(async (it) => {
    const { identity, alice, bob } = it
    const roomId = await createRoom(alice)
    const token = await inviteBob(it, roomId)
    await alice.post(at`/_matrix/client/v3/rooms/${roomId}/ban`, { user_id: bob.userId })
    const third_party_signed = identity.sign(token, bob.userId, alice.userId)
    await bob.request('POST', joinPath(roomId), { body: { third_party_signed }, expect: 403 })
  }))

test('only members who may invite do so, and nobody else has addresses looked up', () =>
  scene(async ({ server, identity, alice, bob }) => {
    const roomId = await createRoom(alice, { preset: 'public_chat', power_level_content_override: { invite: 50 } })
    await bob.request('POST', invitePath(roomId), { body: toAddress(identity), expect: 403 })
    assert.equal(identity.asked.length, 0)
    await bob.post(joinPath(roomId))
    await bob.request('POST', invitePath(roomId), { body: toAddress(identity), expect: 403 })
    const { accounts, db } = server.context
    await db.write('suspend', (tx) => accounts.users.setFlags(tx, alice.userId, { isSuspended: true }))
    const before = identity.asked.length
    const { body } = await alice.request('POST', invitePath(roomId), { body: toAddress(identity), expect: 403 })
    assert.equal(body.errcode, 'M_USER_SUSPENDED')
    assert.equal(identity.asked.length, before)
  }))

test('requests that make no sense, and identity servers that are not trusted, are refused', () =>
  scene(async ({ identity, alice }) => {
    const roomId = await createRoom(alice)
    const cases: [object, number, string][] = [
      [{ id_server: 'evil.example' }, 400, 'M_SERVER_NOT_TRUSTED'],
      [{ id_server: undefined }, 400, 'M_MISSING_PARAM'],
      [{ id_access_token: undefined }, 400, 'M_MISSING_PARAM'],
      [{ medium: undefined }, 400, 'M_MISSING_PARAM'],
      [{ medium: 'msisdn', address: '447700900001' }, 400, 'M_THREEPID_MEDIUM_NOT_SUPPORTED'],
      [{ address: 'not an address' }, 400, 'M_INVALID_PARAM'],
    ]
    for (const [fault, status, errcode] of cases) {
      const body = toAddress(identity, fault)
      const answer = await alice.request('POST', invitePath(roomId), { body, expect: status })
      assert.equal(answer.body.errcode, errcode, JSON.stringify(fault))
    }
    assert.equal(identity.asked.length, 0)
    for (const body of [
      { token: 'with space', public_keys: [], display_name: 'x' },
      { token: 'x', public_keys: 'y', display_name: 'x' },
    ]) {
      identity.answer = { status: 200, body: { ...body, lookup_pepper: 'x', algorithms: ['sha256'], mappings: {} } }
      await alice.request('POST', invitePath(roomId), { body: toAddress(identity), expect: 502 })
    }
    await using bare = await createTestServer()
    const carol = await bare.user('carol')
    const answer = await carol.request('POST', invitePath(await createRoom(carol)), {
      body: toAddress(identity),
      expect: 400,
    })
    assert.equal(answer.body.errcode, 'M_SERVER_NOT_TRUSTED')
  }))

test('a name that gives the address away is not shown to the room', () =>
  scene(async (it) => {
    const { identity, alice } = it
    const roomId = await createRoom(alice)
    const key = { public_key: 'x'.repeat(43), key_validity_url: 'https://x.example' }
    const mapping = { lookup_pepper: 'x', algorithms: ['sha256'], mappings: {} }
    identity.answer = {
      status: 200,
      body: { ...mapping, token: 't', public_keys: [key], display_name: 'Bob@Example.org' },
    }
    await inviteBob(it, roomId)
    assert.equal((await getState(alice, roomId, 'm.room.third_party_invite', 't')).display_name, 'b...@...')
  }))

test('a new room is made with invitations by address, or not at all', () =>
  scene(async ({ identity, alice, bob }) => {
    identity.bound.set('bob@example.org', bob.userId)
    const invite_3pid = [toAddress(identity), toAddress(identity, { address: 'carol@example.org' })]
    const roomId = await createRoom(alice, { invite_3pid, is_direct: true })
    const state = await allState(alice, roomId)
    const member = state.find(({ state_key }) => state_key === bob.userId)?.content
    assert.deepEqual([member?.membership, member?.is_direct], ['invite', true])
    assert.equal(state.filter(({ type }) => type === 'm.room.third_party_invite').length, 1)

    const refused = async (invites: object[]) => {
      const { body } = await alice.request('POST', `${v3}/createRoom`, { body: { invite_3pid: invites } })
      return body.errcode
    }
    assert.equal(await refused([toAddress(identity, { id_server: 'evil.example' })]), 'M_SERVER_NOT_TRUSTED')
    assert.equal(await refused([{ medium: 'email' }]), 'M_MISSING_PARAM')
    assert.equal(await refused(Array(21).fill(toAddress(identity))), 'M_TOO_LARGE')
    identity.answer = { status: 500, body: {} }
    assert.equal(await refused([toAddress(identity)]), 'M_BAD_STATUS')
    const { joined_rooms } = await alice.get<{ joined_rooms: string[] }>(`${v3}/joined_rooms`)
    assert.deepEqual(joined_rooms, [roomId])
  }))

test('an identity server tells that an address was bound, and its invitations arrive', () =>
  scene(async (it) => {
    const { server, identity, alice, bob } = it
    const rooms = [await createRoom(alice), await createRoom(alice)]
    const invites: object[] = []
    for (const room_id of rooms) {
      const signed = identity.sign(await inviteBob(it, room_id), bob.userId, alice.userId)
      invites.push({
        medium: 'email',
        address: 'bob@example.org',
        mxid: bob.userId,
        sender: alice.userId,
        room_id,
        signed,
      })
    }
    const lies = [
      { room_id: '!unknown', signed: identity.sign('x', bob.userId, alice.userId) },
      { room_id: rooms[0], signed: { mxid: bob.userId, token: 'x', signatures: {} } },
      { room_id: rooms[0], signed: identity.sign('x', alice.userId, alice.userId) },
    ]
    const path = '/_matrix/federation/v1/3pid/onbind'
    const body = { medium: 'email', address: 'bob@example.org', mxid: bob.userId, invites: [...lies, ...invites] }
    await server.client.put(path, body)
    for (const roomId of rooms) assert.equal(await membershipOf(alice, roomId, bob.userId), 'invite')
    await bob.post(joinPath(rooms[0] ?? ''))
    await server.client.put(path, body)
    assert.equal(await membershipOf(alice, rooms[0] ?? '', bob.userId), 'join')
    await server.client.request('PUT', path, { body: { ...body, mxid: '@nobody:localhost' }, expect: 404 })
    await server.client.request('PUT', path, { body: { ...body, mxid: '@bob:other.example' }, expect: 404 })
  }))

test('addresses that were not published find accounts only where the configuration says so', async () => {
  const add = ({ server, bob }: Scene) =>
    server.context.db.write('add', (tx) =>
      server.context.accounts.threepids.add(tx, bob.userId, { address: 'bob@example.org', validatedTs: 0 }),
    )
  await scene(async (it) => {
    await add(it)
    const roomId = await createRoom(it.alice)
    await inviteBob(it, roomId)
    await assert.rejects(membershipOf(it.alice, roomId, it.bob.userId), /404/)
  })
  await scene(
    async (it) => {
      await add(it)
      const roomId = await createRoom(it.alice)
      await it.alice.post(invitePath(roomId), { medium: 'email', address: 'bob@example.org' })
      assert.equal(await membershipOf(it.alice, roomId, it.bob.userId), 'invite')
      const body = { medium: 'email', address: 'carol@example.org' }
      await it.alice.request('POST', invitePath(roomId), { body, expect: 400 })
    },
    { config: { identity: { find_local_addresses: true } } },
  )
})
