import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at } from './helpers/client.ts'
import {
  act,
  allState,
  createRoom,
  errorOf,
  getState,
  join,
  membershipOf,
  publicRoom,
  setState,
  v3,
} from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

const upgradePath = (roomId: string) => at`/_matrix/client/v3/rooms/${roomId}/upgrade`

async function upgrade(user: TestUser, roomId: string, version: string, creators?: readonly string[]): Promise<string> {
  const body = { new_version: version, ...(creators && { additional_creators: creators }) }
  return (await user.post<{ replacement_room: string }>(upgradePath(roomId), body)).replacement_room
}

const people = async (server: TestServer) =>
  Promise.all(['alice', 'bob', 'carol', 'dave'].map((name) => server.user(name))) as Promise<
    [TestUser, TestUser, TestUser, TestUser]
  >

test('levels that old versions read in their own way are carried as numbers, and what is none is left', async () => {
  await using server = await createTestServer()
  const [alice, bob] = await people(server)
  const old = await publicRoom(alice, [bob], { room_version: '5' })
  await setState(alice, old, 'm.room.power_levels', {
    users: { [alice.userId]: '100', [bob.userId]: ' 50' },
    events: { 'm.room.name': '10' },
    notifications: { room: 'everybody', other: '20' },
    kick: '30',
    'org.example.kept': 'as it is',
  })
  for (const [version, users] of [
    ['9', { [alice.userId]: 100, [bob.userId]: 50 }],
    ['12', { [bob.userId]: 50 }],
  ] as const) {
    const levels = await getState(alice, await upgrade(alice, old, version), 'm.room.power_levels')
    assert.deepEqual(levels.users, users)
    assert.deepEqual(levels.notifications, { other: 20 })
    assert.equal((levels.events as Record<string, number>)['m.room.name'], 10)
    assert.equal(levels.kick, 30)
    assert.equal(levels['org.example.kept'], 'as it is')
  }
})

test('a room without levels gives the upgrader what they had', async () => {
  await using server = await createTestServer()
  const [alice] = await people(server)
  const old = await createRoom(alice, { room_version: '10' })
  await setState(alice, old, 'm.room.power_levels', {})
  // Nobody has any power now, so that nobody can replace the room.
  assert.equal(await errorOf(alice, 'POST', upgradePath(old), { new_version: '12' }, 403), 'M_FORBIDDEN')
})

for (const to of ['11', '12']) {
  test(`bans go along to version ${to}, whatever the banned had been`, async () => {
    await using server = await createTestServer()
    const [alice, bob, carol, dave] = await people(server)
    const old = await publicRoom(alice, [bob, carol, dave], { room_version: '11' })
    await act(alice, old, 'ban', { user_id: bob.userId, reason: 'was to be admin' })
    await act(alice, old, 'ban', { user_id: carol.userId })
    await act(alice, old, 'ban', { user_id: '@far:elsewhere.example' })
    const levels = await getState(alice, old, 'm.room.power_levels')
    const users = { [alice.userId]: 100, [bob.userId]: 100, [dave.userId]: 100 }
    await setState(alice, old, 'm.room.power_levels', { ...levels, users })
    const creators = to === '12' ? [carol.userId] : []
    const created = await upgrade(dave, old, to, creators)
    assert.equal(await membershipOf(dave, created, bob.userId), 'ban')
    assert.equal((await getState(dave, created, 'm.room.member', bob.userId)).reason, 'was to be admin')
    assert.equal(await membershipOf(dave, created, '@far:elsewhere.example'), 'ban')
    const bansCarol = (await allState(dave, created)).some(({ state_key: key }) => key === carol.userId)
    assert.equal(bansCarol, to !== '12', 'a creator cannot be banned')
    assert.equal((await join(bob, created, 403)).errcode, 'M_FORBIDDEN')
  })
}

test('version 12: only who is above administrators replaces the room, and who was creator is so no more', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = await people(server)
  const old = await publicRoom(alice, [bob, carol], { creation_content: { additional_creators: [bob.userId] } })
  const levels = await getState(alice, old, 'm.room.power_levels')
  await setState(alice, old, 'm.room.power_levels', { ...levels, users: { [carol.userId]: 100 } })
  assert.equal(await errorOf(carol, 'POST', upgradePath(old), { new_version: '12' }, 403), 'M_FORBIDDEN')
  await setState(alice, old, 'm.room.power_levels', { ...levels, users: { [carol.userId]: 150 } })
  const created = await upgrade(carol, old, '12')
  const create = await getState(carol, created, 'm.room.create')
  assert.deepEqual(create.predecessor, { room_id: old })
  assert.equal(create.additional_creators, undefined)
  assert.deepEqual((await getState(carol, created, 'm.room.power_levels')).users, {})
  await join(alice, created)
  assert.equal(
    await errorOf(alice, 'PUT', at`/_matrix/client/v3/rooms/${created}/state/m.room.name/`, { name: 'x' }, 403),
    'M_FORBIDDEN',
  )
  await setState(carol, created, 'm.room.name', { name: 'Hers now' })
})

for (const [from, to, rule, expected] of [
  ['8', '9', 'restricted', 'restricted'],
  ['9', '12', 'restricted', 'restricted'],
  ['10', '12', 'knock_restricted', 'knock_restricted'],
  ['12', '11', 'knock_restricted', 'knock_restricted'],
  ['10', '9', 'knock_restricted', 'invite'],
  ['8', '7', 'restricted', 'invite'],
  ['7', '8', 'knock', 'knock'],
  ['7', '6', 'knock', 'invite'],
  ['12', '1', 'public', 'public'],
] as const) {
  test(`from version ${from} to ${to} the join rule ${rule} becomes ${expected}`, async () => {
    await using server = await createTestServer()
    const [alice, bob] = await people(server)
    const club = await publicRoom(alice, [bob])
    const allow = [{ type: 'm.room_membership', room_id: club }]
    const content = { join_rule: rule, ...(rule.includes('restricted') && { allow }) }
    const old = await createRoom(alice, {
      room_version: from,
      initial_state: [{ type: 'm.room.join_rules', content }],
    })
    const created = await upgrade(alice, old, to)
    const carried = await getState(alice, created, 'm.room.join_rules')
    assert.deepEqual(carried, expected === rule ? content : { join_rule: expected })
    const mayJoin = expected.includes('restricted') || expected === 'public'
    await join(bob, created, mayJoin ? 200 : 403)
  })
}

test('a space takes its children and parents along, but not those that were removed', async () => {
  await using server = await createTestServer()
  const [alice] = await people(server)
  const [child, gone, parent] = [await createRoom(alice), await createRoom(alice), await createRoom(alice)]
  const via = ['localhost']
  const old = await createRoom(alice, {
    room_version: '11',
    creation_content: { type: 'm.space', 'm.federate': false, 'org.example': 1 },
    initial_state: [
      { type: 'm.space.child', state_key: child, content: { via, order: 'a', suggested: true } },
      { type: 'm.space.child', state_key: gone, content: { via } },
      { type: 'm.space.parent', state_key: parent, content: { via, canonical: true } },
      { type: 'm.room.avatar', content: { url: 'mxc://localhost/a' } },
    ],
  })
  await setState(alice, old, 'm.space.child', {}, gone)
  const created = await upgrade(alice, old, '12')
  const state = await allState(alice, created)
  const spaces = state.filter(({ type }) => type.startsWith('m.space.'))
  assert.deepEqual(
    spaces.map(({ type, state_key: key, content }) => ({ type, key, content })),
    [
      { type: 'm.space.child', key: child, content: { via, order: 'a', suggested: true } },
      { type: 'm.space.parent', key: parent, content: { via, canonical: true } },
    ],
  )
  const create = state.find(({ type }) => type === 'm.room.create')?.content
  assert.equal(create?.type, 'm.space')
  assert.equal(create?.['m.federate'], false)
  assert.deepEqual(await getState(alice, created, 'm.room.avatar'), { url: 'mxc://localhost/a' })
  const hierarchy = await alice.get<{ rooms: { room_id: string }[] }>(at`/_matrix/client/v1/rooms/${created}/hierarchy`)
  assert.deepEqual(
    hierarchy.rooms.map(({ room_id: id }) => id),
    [created, child],
  )
})

test('of two upgrades at once one wins, and has the alias', async () => {
  await using server = await createTestServer()
  const [alice, bob] = await people(server)
  const old = await publicRoom(alice, [bob], { room_alias_name: 'hall', room_version: '11' })
  const levels = await getState(alice, old, 'm.room.power_levels')
  await setState(alice, old, 'm.room.power_levels', {
    ...levels,
    users: { [alice.userId]: 100, [bob.userId]: 100 },
  })
  const answers = await Promise.all(
    [alice, bob].map((user) => user.request('POST', upgradePath(old), { body: { new_version: '12' } })),
  )
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400])
  assert.equal(answers.find(({ status }) => status === 400)?.body.errcode, 'M_BAD_STATE')
  const replacement = answers.find(({ status }) => status === 200)?.body.replacement_room
  assert.equal((await getState(alice, old, 'm.room.tombstone')).replacement_room, replacement)
  const resolved = await alice.get(at`/_matrix/client/v3/directory/room/${'#hall:localhost'}`)
  assert.equal(resolved.room_id, replacement)
  // A room that has been replaced can be replaced again.
  const again = await upgrade(alice, old, '12')
  assert.equal((await getState(alice, old, 'm.room.tombstone')).replacement_room, again)
})

test('tags follow into a room that was made by hand, once the old one says that it is replaced', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = await people(server)
  const old = await publicRoom(alice, [bob, carol])
  const tags = (user: TestUser, roomId: string) =>
    at`/_matrix/client/v3/user/${user.userId}/rooms/${roomId}/account_data/m.tag`
  for (const user of [alice, bob, carol]) await user.put(tags(user, old), { tags: { 'm.favourite': {} } })
  const claim = { predecessor: { room_id: old } }
  const false_ = await publicRoom(carol, [bob], { creation_content: claim })
  assert.equal(await errorOf(bob, 'GET', tags(bob, false_), undefined, 404), 'M_NOT_FOUND')
  const created = await publicRoom(alice, [bob], { creation_content: claim })
  assert.equal(await errorOf(alice, 'GET', tags(alice, created), undefined, 404), 'M_NOT_FOUND')
  await setState(alice, old, 'm.room.tombstone', { body: 'moved', replacement_room: created })
  for (const user of [alice, bob])
    assert.deepEqual(await user.get(tags(user, created)), { tags: { 'm.favourite': {} } })
  await join(carol, created)
  assert.deepEqual(await carol.get(tags(carol, created)), { tags: { 'm.favourite': {} } })
  assert.equal(await errorOf(bob, 'GET', tags(bob, false_), undefined, 404), 'M_NOT_FOUND')
})

test('aliases of others and the place in the directory pass on; a private room stays private', async () => {
  await using server = await createTestServer()
  const [alice, bob] = await people(server)
  const old = await publicRoom(alice, [bob], { room_version: '11' })
  await bob.put(at`/_matrix/client/v3/directory/room/${'#bobs:localhost'}`, { room_id: old })
  const created = await upgrade(alice, old, '12')
  const resolved = await bob.get(at`/_matrix/client/v3/directory/room/${'#bobs:localhost'}`)
  assert.equal(resolved.room_id, created)
  const listed = await alice.get(at`/_matrix/client/v3/directory/list/room/${created}`)
  assert.equal(listed.visibility, 'private')
  await bob.delete(at`/_matrix/client/v3/directory/room/${'#bobs:localhost'}`)
})

test('an upgrade that cannot be carried out leaves the old room as it was', async () => {
  await using server = await createTestServer()
  const [alice] = await people(server)
  const old = await createRoom(alice, { room_alias_name: 'hall', visibility: 'public' })
  const body = { new_version: '12', additional_creators: ['@ok:localhost', 'nobody'] }
  assert.equal(await errorOf(alice, 'POST', upgradePath(old), body, 400), 'M_INVALID_PARAM')
  assert.ok(!(await allState(alice, old)).some(({ type }) => type === 'm.room.tombstone'))
  assert.equal((await alice.get(at`/_matrix/client/v3/directory/room/${'#hall:localhost'}`)).room_id, old)
  assert.deepEqual(await alice.get(`${v3}/joined_rooms`), { joined_rooms: [old] })
})
