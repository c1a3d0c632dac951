import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { at } from './helpers/client.ts'
import { createFederatedServer, type FederatedServer } from './helpers/federation/servers.ts'
import { postgresMissing } from './helpers/postgres.ts'
import {
  act,
  allState,
  createRoom,
  getEvent,
  getState,
  membershipOf,
  send,
  setState,
  timeline,
} from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'
import { sync } from './helpers/sync.ts'

let here: FederatedServer
let there: FederatedServer
let alice: TestUser
let bob: TestUser

before(async () => {
  here = await createFederatedServer()
  there = await createFederatedServer({ engine: postgresMissing ? 'sqlite' : 'postgres' })
  alice = await here.user('alice')
  bob = await there.user('bob')
})
after(() => Promise.all([here.stop(), there.stop()]))

const join = (user: TestUser, roomId: string, via: readonly string[] = [], status = 200) =>
  user.request('POST', at`/_matrix/client/v3/join/${roomId}`, { query: { via }, body: {}, expect: status })

const names = async (user: TestUser, roomId: string) =>
  new Map((await allState(user, roomId)).map((event) => [`${event.type} ${event.state_key}`, event.event_id]))

for (const version of ['1', '6', '10', '11', '12']) {
  test(`both servers have the same state of a room of version ${version}`, async () => {
    const roomId = await createRoom(alice, { room_version: version, preset: 'public_chat', name: 'Shared' })
    await join(bob, roomId, [here.serverName])
    assert.deepEqual(await names(bob, roomId), await names(alice, roomId))
    assert.equal(await membershipOf(alice, roomId, bob.userId), 'join')
  })
}

describe('an invitation to the other server', () => {
  test('is taken, also to a direct chat that is just made', async () => {
    const { next_batch: since } = await sync(bob)
    const roomId = await createRoom(alice, {
      preset: 'trusted_private_chat',
      is_direct: true,
      invite: [bob.userId],
      name: 'The two of us',
    })
    assert.equal(await membershipOf(alice, roomId, bob.userId), 'invite')
    const { rooms } = await sync(bob, { since, timeout: 5000 })
    const told = rooms?.invite?.[roomId]?.invite_state.events ?? []
    assert.equal(told.find(({ type }) => type === 'm.room.name')?.content.name, 'The two of us')
    const own = told.find(({ type, state_key: key }) => type === 'm.room.member' && key === bob.userId)
    assert.deepEqual([own?.content.is_direct, own?.sender], [true, alice.userId])
    assert.ok(told.find(({ type }) => type === 'm.room.create'))
    await join(bob, roomId)
    assert.equal(await membershipOf(alice, roomId, bob.userId), 'join')
    assert.deepEqual(await names(bob, roomId), await names(alice, roomId))
  })

  test('is turned down', async () => {
    const roomId = await createRoom(alice, { invite: [bob.userId] })
    assert.ok((await sync(bob)).rooms?.invite?.[roomId])
    await act(bob, roomId, 'leave')
    assert.equal(await membershipOf(alice, roomId, bob.userId), 'leave')
    assert.equal((await sync(bob)).rooms?.invite?.[roomId], undefined)
  })

  test('as state of the room is one too', async () => {
    const roomId = await createRoom(alice)
    await setState(alice, roomId, 'm.room.member', { membership: 'invite', reason: 'state' }, bob.userId)
    assert.ok((await sync(bob)).rooms?.invite?.[roomId])
    const { content } = { content: await getState(alice, roomId, 'm.room.member', bob.userId) }
    assert.equal(content.reason, 'state')
  })

  test('is refused for who does not exist or takes none, without harm to a new room', async () => {
    const nobody = `@nobody:${there.serverName}`
    const roomId = await createRoom(alice, { invite: [nobody] })
    const path = at`/_matrix/client/v3/rooms/${roomId}/invite`
    await alice.request('POST', path, { body: { user_id: nobody }, expect: 403 })
    const shy = await there.user('shy')
    const type = at`/_matrix/client/v3/user/${shy.userId}/account_data/m.invite_permission_config`
    await shy.put(type, { default_action: 'block' })
    const { body } = await alice.request('POST', path, { body: { user_id: shy.userId }, expect: 403 })
    assert.equal(body.errcode, 'M_INVITE_BLOCKED')
  })

  test('is not for rooms that are for one server', async () => {
    const roomId = await createRoom(alice, { creation_content: { 'm.federate': false }, preset: 'public_chat' })
    const path = at`/_matrix/client/v3/rooms/${roomId}/invite`
    await alice.request('POST', path, { body: { user_id: bob.userId }, expect: 403 })
    await join(bob, roomId, [here.serverName], 403)
  })
})

test('a knock at the other server is answered', async () => {
  const roomId = await createRoom(alice, {
    initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }],
  })
  await bob.request('POST', at`/_matrix/client/v3/knock/${roomId}`, {
    query: { via: here.serverName },
    body: { reason: 'me' },
    expect: 200,
  })
  assert.equal(await membershipOf(alice, roomId, bob.userId), 'knock')
  await act(alice, roomId, 'invite', { user_id: bob.userId })
  assert.ok((await sync(bob)).rooms?.invite?.[roomId])
  await join(bob, roomId)
  assert.equal(await membershipOf(alice, roomId, bob.userId), 'join')
})

for (const version of ['8', '10', '12']) {
  test(`a restricted room of version ${version} is for the members of another one`, async () => {
    const club = await createRoom(alice, { preset: 'public_chat' })
    const roomId = await createRoom(alice, {
      room_version: version,
      initial_state: [
        {
          type: 'm.room.join_rules',
          content: { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: club }] },
        },
      ],
    })
    await join(bob, roomId, [here.serverName], 403)
    await join(bob, club, [here.serverName])
    await join(bob, roomId, [here.serverName])
    const { join_authorised_via_users_server: authoriser } = await getState(bob, roomId, 'm.room.member', bob.userId)
    assert.equal(authoriser, alice.userId)
  })
}

test('a room that keeps a server out does', async () => {
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  await setState(alice, roomId, 'm.room.server_acl', { allow: ['*.example'] })
  await join(bob, roomId, [here.serverName], 403)
})

test('who is banned stays out', async () => {
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  await act(alice, roomId, 'ban', { user_id: bob.userId })
  const { body } = await join(bob, roomId, [here.serverName], 403)
  assert.equal(body.errcode, 'M_FORBIDDEN')
})

/** Whatever one server owes the other is there. */
async function settle(): Promise<void> {
  for (let i = 0; i < 2; i++) {
    for (const { context } of [here, there]) {
      await context.sender.drain()
      await context.rooms.ingest?.drain()
    }
  }
}

test('who turned an invitation down while its server was away can be invited again', async () => {
  const roomId = await createRoom(alice, { invite: [bob.userId] })
  await there.context.db.write('turn down', async (tx) => {
    const room = await there.context.rooms.reads.roomById(tx, roomId)
    await tx.qb
      .updateTable('memberships')
      .set({ membership: 'leave', event_nid: 0 })
      .where('room_nid', '=', room?.nid ?? 0)
      .execute()
  })
  assert.equal((await sync(bob)).rooms?.invite?.[roomId], undefined)
  await act(alice, roomId, 'invite', { user_id: bob.userId })
  assert.ok((await sync(bob)).rooms?.invite?.[roomId])
  assert.equal(await membershipOf(alice, roomId, bob.userId), 'invite')
})

describe('between two servers', () => {
  test('messages and departures go both ways', async () => {
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    await join(bob, roomId, [here.serverName])
    const one = await send(alice, roomId, 'one')
    const two = await send(bob, roomId, 'two')
    await settle()
    assert.equal((await getEvent(bob, roomId, one)).content.body, 'one')
    assert.equal((await getEvent(alice, roomId, two)).content.body, 'two')
    await act(bob, roomId, 'leave')
    await settle()
    assert.equal(await membershipOf(alice, roomId, bob.userId), 'leave')
    const three = await send(alice, roomId, 'three')
    await join(bob, roomId)
    await settle()
    assert.equal(await membershipOf(alice, roomId, bob.userId), 'join')
    assert.deepEqual(await names(bob, roomId), await names(alice, roomId))
    await send(bob, roomId, 'four')
    await settle()
    const bodies = (await timeline(alice, roomId)).map(({ content }) => content.body)
    assert.deepEqual(bodies.filter(Boolean), ['one', 'two', 'three', 'four'])
    assert.ok(three)
  })

  test('who is put out before having been in learns of it', async () => {
    const roomId = await createRoom(alice, { invite: [bob.userId] })
    const { next_batch: since, rooms } = await sync(bob)
    assert.ok(rooms?.invite?.[roomId])
    await act(alice, roomId, 'kick', { user_id: bob.userId, reason: 'a mistake' })
    await settle()
    const [leave] = (await sync(bob, { since })).rooms?.leave?.[roomId]?.timeline.events ?? []
    assert.deepEqual([leave?.sender, leave?.content.reason], [alice.userId, 'a mistake'])
  })

  test('a third server comes in through the one that came second, once the first has left', async () => {
    await using third = await createFederatedServer()
    const dora = await third.user('dora')
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    await join(bob, roomId, [here.serverName])
    await act(alice, roomId, 'leave')
    await settle()
    await join(dora, roomId, [here.serverName], 404)
    await join(dora, roomId, [here.serverName, there.serverName])
    assert.equal(await membershipOf(bob, roomId, dora.userId), 'join')
    await join(alice, roomId)
    assert.equal(await membershipOf(bob, roomId, alice.userId), 'join')
  })

  test('a room is replaced, and who is on the other server is invited to the new one', async () => {
    const roomId = await createRoom(alice, { preset: 'public_chat', room_version: '11' })
    await join(bob, roomId, [here.serverName])
    const path = at`/_matrix/client/v3/rooms/${roomId}/upgrade`
    const { replacement_room: replacement } = await alice.post<{ replacement_room: string }>(path, {
      new_version: '12',
      additional_creators: [bob.userId],
    })
    await settle()
    assert.equal((await getState(bob, roomId, 'm.room.tombstone')).replacement_room, replacement)
    assert.ok((await sync(bob)).rooms?.invite?.[replacement])
    await join(bob, replacement)
    await setState(bob, replacement, 'm.room.name', { name: 'by a creator' })
    await settle()
    assert.equal((await getState(alice, replacement, 'm.room.name')).name, 'by a creator')
  })
})
