import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at } from './helpers/client.ts'
import { act, createRoom, errorOf, join, membershipOf, statePath, v3 } from './helpers/rooms.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'

const stable = 'm.invite_permission_config'
const msc4155 = 'org.matrix.msc4155.invite_permission_config'

const set = (user: TestUser, type: string, content: object) =>
  user.put(at`/_matrix/client/v3/user/${user.userId}/account_data/${type}`, content)

interface Synced {
  next_batch: string
  rooms?: { invite?: Record<string, object>; join?: Record<string, object>; leave?: Record<string, object> }
}

async function invites(user: TestUser, since?: string): Promise<string[]> {
  const { rooms } = await user.get<Synced>(`${v3}/sync`, { since })
  return Object.keys(rooms?.invite ?? {})
}

for (const [type, content] of [
  [stable, { default_action: 'block' }],
  [msc4155, { blocked_users: ['@al*:localhost'] }],
  [msc4155, { blocked_servers: ['local?ost'] }],
] as const) {
  test(`no invitation gets through ${type} with ${JSON.stringify(content)}`, async () => {
    await using server = await createTestServer()
    const [alice, bob] = [await server.user('alice'), await server.user('bob')]
    const roomId = await createRoom(alice)
    const before = await createRoom(alice, { invite: [bob.userId] })
    assert.deepEqual(await invites(bob), [before])
    const { next_batch: since } = await bob.get<Synced>(`${v3}/sync`)
    await set(bob, type, content)
    const invite = at`/_matrix/client/v3/rooms/${roomId}/invite`
    const member = statePath(roomId, 'm.room.member', bob.userId)
    for (const [method, path, body] of [
      ['POST', invite, { user_id: bob.userId }],
      ['PUT', member, { membership: 'invite' }],
      ['POST', `${v3}/createRoom`, { invite: [bob.userId] }],
      ['POST', `${v3}/createRoom`, { invite: [bob.userId], is_direct: true, preset: 'trusted_private_chat' }],
    ] as const) {
      assert.equal(await errorOf(alice, method, path, body, 403), 'M_INVITE_BLOCKED', path)
    }
    assert.equal(await errorOf(alice, 'GET', member, undefined, 404), 'M_NOT_FOUND')
    // One that was there before is not told any more, but it stands.
    assert.deepEqual(await invites(bob), [])
    assert.deepEqual(await invites(bob, since), [])
    assert.equal(await membershipOf(alice, before, bob.userId), 'invite')
    await set(bob, type, {})
    assert.deepEqual(await invites(bob), [before])
    await alice.post(invite, { user_id: bob.userId })
    await join(bob, roomId)
  })
}

for (const [name, type, content] of [
  ['an ignored user', 'm.ignored_user_list', { ignored_users: { '@alice:localhost': {} } }],
  ['a user whose invitations are ignored', msc4155, { ignored_users: ['@alice:localhost'] }],
  ['a server whose invitations are ignored', msc4155, { ignored_servers: ['*'] }],
] as const) {
  test(`an invitation by ${name} is accepted and told to nobody`, async () => {
    await using server = await createTestServer()
    const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
    await set(bob, type, content)
    const { next_batch: since } = await bob.get<Synced>(`${v3}/sync`)
    const roomId = await createRoom(alice, { invite: [bob.userId] })
    await act(alice, roomId, 'invite', { user_id: carol.userId })
    assert.equal(await membershipOf(alice, roomId, bob.userId), 'invite')
    assert.deepEqual(await invites(bob), [])
    assert.deepEqual(await invites(bob, since), [])
    assert.deepEqual(await invites(carol), [roomId])
    // Nor is it told that the invitation was taken back.
    const withdrawn = await createRoom(alice, { invite: [bob.userId, carol.userId] })
    for (const user of [bob, carol]) await act(alice, withdrawn, 'kick', { user_id: user.userId })
    const left = async (user: TestUser) =>
      Object.keys((await user.get<Synced>(`${v3}/sync`, { since })).rooms?.leave ?? {})
    assert.deepEqual(await left(bob), [])
    assert.deepEqual(await left(carol), [withdrawn])
    // Whoever knows of the room may still come in.
    await join(bob, roomId)
    assert.deepEqual(Object.keys((await bob.get<Synced>(`${v3}/sync`)).rooms?.join ?? {}), [roomId])
  })
}

test('what a filter allows gets in, and the server says that it filters', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  await set(bob, msc4155, { allowed_users: [alice.userId], blocked_servers: ['*'] })
  const roomId = await createRoom(alice, { invite: [bob.userId] })
  assert.deepEqual(await invites(bob), [roomId])
  const other = await createRoom(carol)
  const invite = at`/_matrix/client/v3/rooms/${other}/invite`
  assert.equal(await errorOf(carol, 'POST', invite, { user_id: bob.userId }, 403), 'M_INVITE_BLOCKED')
  await set(bob, msc4155, { enabled: false, blocked_servers: ['*'] })
  await carol.post(invite, { user_id: bob.userId })
  const { unstable_features: features } = await server.client.get<{ unstable_features: Record<string, boolean> }>(
    '/_matrix/client/versions',
  )
  assert.equal(features['org.matrix.msc4155'], true)
  assert.equal(features['org.matrix.msc4380.stable'], true)
})

test('only who might invite learns that invitations are blocked', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  await set(bob, stable, { default_action: 'block' })
  const roomId = await createRoom(alice)
  const invite = at`/_matrix/client/v3/rooms/${roomId}/invite`
  assert.equal(await errorOf(carol, 'POST', invite, { user_id: bob.userId }, 403), 'M_FORBIDDEN')
})

test('settings that are none let invitations through', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  for (const [type, content] of [
    [stable, { default_action: 5 }],
    [msc4155, { blocked_servers: '*' }],
    [msc4155, { blocked_users: [1, null] }],
    ['m.ignored_user_list', { ignored_users: [alice.userId] }],
  ] as const) {
    await set(bob, type, content)
    const roomId = await createRoom(alice, { invite: [bob.userId] })
    assert.ok((await invites(bob)).includes(roomId))
  }
})
