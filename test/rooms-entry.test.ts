import assert from 'node:assert/strict'
import { test } from 'node:test'
import { roomVersions } from '../src/matrix/room-versions.ts'
import { at } from './helpers/client.ts'
import { act, createRoom, getState, join, membershipOf, publicRoom, setState, v3 } from './helpers/rooms.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'

async function knock(user: TestUser, roomId: string, status = 200) {
  const path = at`/_matrix/client/v3/knock/${roomId}`
  return (await user.request('POST', path, { body: { reason: 'please' }, expect: status })).body
}

const joinRules = (content: object) => ({ type: 'm.room.join_rules', content })

for (const version of roomVersions) {
  const number = Number(version)
  test(`version ${version}: which ways in there are`, async () => {
    await using server = await createTestServer()
    const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
    const club = await publicRoom(alice, [bob])
    const allow = [{ type: 'm.room_membership', room_id: club }]
    const room = (rule: string) =>
      createRoom(alice, { room_version: version, initial_state: [joinRules({ join_rule: rule, allow })] })
    const table = [
      // The rule, whether a member of the club may join, and whether a stranger may knock.
      ['public', true, false],
      ['invite', false, false],
      ['private', false, false],
      ['knock', false, number >= 7],
      ['restricted', number >= 8, false],
      ['knock_restricted', number >= 10, number >= 10],
      ['org.example.rule', false, false],
    ] as const
    for (const [rule, mayJoin, mayKnock] of table) {
      const roomId = await room(rule)
      if (rule !== 'public') assert.equal((await join(carol, roomId, 403)).errcode, 'M_FORBIDDEN', rule)
      const knocked = await knock(carol, roomId, mayKnock ? 200 : 403)
      assert.equal(knocked.errcode, mayKnock ? undefined : 'M_FORBIDDEN', rule)
      if (mayKnock) assert.equal((await join(carol, roomId, 403)).errcode, 'M_FORBIDDEN', rule)
      await join(bob, roomId, mayJoin ? 200 : 403)
      if (!mayJoin || rule === 'public') continue
      const content = await getState(bob, roomId, 'm.room.member', bob.userId)
      assert.equal(content.join_authorised_via_users_server, alice.userId)
      // Whoever is in need not be let in again.
      await bob.put(at`/_matrix/client/v3/profile/${bob.userId}/displayname`, { displayname: `Bob ${rule}` })
      const renamed = await getState(bob, roomId, 'm.room.member', bob.userId)
      assert.deepEqual(renamed, { membership: 'join', displayname: `Bob ${rule}` })
      assert.equal((await knock(bob, roomId, 403)).errcode, 'M_FORBIDDEN')
    }
  })
}

test('who lets somebody in has the power to invite: a creator of version 12, else by level', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol, dave] = [
    await server.user('alice'),
    await server.user('bob'),
    await server.user('carol'),
    await server.user('dave'),
  ]
  const club = await publicRoom(alice, [bob, carol, dave])
  const rules = joinRules({ join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: club }] })
  for (const version of ['8', '11', '12']) {
    const roomId = await createRoom(alice, {
      room_version: version,
      initial_state: [rules],
      power_level_content_override: { invite: 60 },
    })
    await join(bob, roomId)
    const levels = await getState(alice, roomId, 'm.room.power_levels')
    await setState(alice, roomId, 'm.room.power_levels', {
      ...levels,
      users: { ...Object(levels.users), [bob.userId]: 60 },
    })
    await act(alice, roomId, 'leave')
    await join(carol, roomId)
    const content = await getState(bob, roomId, 'm.room.member', carol.userId)
    assert.equal(content.join_authorised_via_users_server, bob.userId)
    await act(bob, roomId, 'leave')
    assert.equal((await join(dave, roomId, 403)).errcode, 'M_FORBIDDEN')
    if (version === '12') continue
    assert.equal(await membershipOf(carol, roomId, alice.userId), 'leave')
  }
})

test('a ban and an invitation go before the conditions of a restricted room', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const club = await publicRoom(alice, [bob])
  const allow = [{ type: 'm.room_membership', room_id: club }]
  for (const version of ['8', '12']) {
    const roomId = await createRoom(alice, {
      room_version: version,
      initial_state: [joinRules({ join_rule: 'restricted', allow })],
    })
    await act(alice, roomId, 'ban', { user_id: bob.userId })
    assert.equal((await join(bob, roomId, 403)).errcode, 'M_FORBIDDEN')
    await act(alice, roomId, 'unban', { user_id: bob.userId })
    await act(alice, roomId, 'invite', { user_id: carol.userId })
    await join(carol, roomId)
    const content = await getState(carol, roomId, 'm.room.member', carol.userId)
    assert.equal(content.join_authorised_via_users_server, undefined)
    // An invitation that was turned down lets nobody in later.
    await act(carol, roomId, 'leave')
    assert.equal((await join(carol, roomId, 403)).errcode, 'M_FORBIDDEN')
    // A condition that names another room first does no harm.
    await setState(alice, roomId, 'm.room.join_rules', {
      join_rule: 'restricted',
      allow: [{ type: 'm.room_membership', room_id: '!unknown:elsewhere.example' }, { type: 'org.example' }, ...allow],
    })
    await join(bob, roomId)
  }
})

test('a knock shows in the sync of both, and ends by invitation, refusal or second thoughts', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  for (const [version, rule] of [
    ['7', 'knock'],
    ['10', 'knock_restricted'],
    ['12', 'knock_restricted'],
  ] as const) {
    const roomId = await createRoom(alice, {
      room_version: version,
      name: 'Door',
      initial_state: [joinRules({ join_rule: rule, allow: [] })],
    })
    interface Synced {
      next_batch: string
      rooms?: {
        knock?: Record<string, { knock_state: { events: { type: string; content: object; sender: string }[] } }>
        leave?: Record<string, object>
        invite?: Record<string, object>
      }
    }
    const sync = (since?: string) => bob.get<Synced>(`${v3}/sync`, { since })
    const { next_batch: start } = await sync()
    await knock(bob, roomId)
    const told = await sync(start)
    const stripped = told.rooms?.knock?.[roomId]?.knock_state.events ?? []
    assert.ok(stripped.some(({ type }) => type === 'm.room.create'))
    assert.ok(stripped.some(({ type }) => type === 'm.room.join_rules'))
    const own = stripped.find(({ type, sender }) => type === 'm.room.member' && sender === bob.userId)
    assert.deepEqual(own?.content, { membership: 'knock', displayname: 'bob', reason: 'please' })
    await act(bob, roomId, 'leave')
    const left = await sync(told.next_batch)
    assert.deepEqual(Object.keys(left.rooms?.leave ?? {}), [roomId])
    await knock(bob, roomId)
    await act(alice, roomId, 'kick', { user_id: bob.userId, reason: 'no' })
    assert.equal((await getState(alice, roomId, 'm.room.member', bob.userId)).reason, 'no')
    await knock(bob, roomId)
    await act(alice, roomId, 'invite', { user_id: bob.userId })
    assert.deepEqual(Object.keys((await sync(left.next_batch)).rooms?.invite ?? {}), [roomId])
    assert.equal((await knock(bob, roomId, 403)).errcode, 'M_FORBIDDEN')
    await join(bob, roomId)
  }
})
