import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'

const profile = (userId: string, key?: string) =>
  `/_matrix/client/v3/profile/${encodeURIComponent(userId)}${key === undefined ? '' : `/${encodeURIComponent(key)}`}`

const putError = async (user: TestUser, key: string, body: JsonObject, status = 400) =>
  (await user.request('PUT', profile(user.userId, key), { body, expect: status })).body.errcode

test('profile fields are set, read by anybody, and removed', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const changes: unknown[] = []
  server.context.accounts.onProfileChange(async ({ fields }) => void changes.push(fields))
  await alice.put(profile(alice.userId, 'displayname'), { displayname: 'Alice 🦊' })
  await alice.put(profile(alice.userId, 'displayname'), { displayname: 'Alice 🦊' })
  await alice.put(profile(alice.userId, 'avatar_url'), { avatar_url: 'mxc://localhost/abc' })
  await alice.put(profile(alice.userId, 'm.tz'), { 'm.tz': 'Europe/Vienna' })
  await alice.put(profile(alice.userId, 'org.example.job-title'), { 'org.example.job-title': { deep: [1.5, null] } })
  assert.deepEqual(await server.client.get(profile(alice.userId)), {
    displayname: 'Alice 🦊',
    avatar_url: 'mxc://localhost/abc',
    'm.tz': 'Europe/Vienna',
    'org.example.job-title': { deep: [1.5, null] },
  })
  assert.deepEqual(await server.client.get(profile(alice.userId, 'm.tz')), { 'm.tz': 'Europe/Vienna' })
  await alice.delete(profile(alice.userId, 'm.tz'))
  await alice.delete(profile(alice.userId, 'm.tz'))
  await server.client.request('GET', profile(alice.userId, 'm.tz'), { expect: 404 })
  await alice.put(profile(alice.userId, 'avatar_url'), { avatar_url: '' })
  await server.client.request('GET', profile(alice.userId, 'avatar_url'), { expect: 404 })
  assert.deepEqual(changes, [
    { displayname: 'Alice 🦊' },
    { avatar_url: 'mxc://localhost/abc' },
    { 'm.tz': 'Europe/Vienna' },
    { 'org.example.job-title': { deep: [1.5, null] } },
    { 'm.tz': null },
    { avatar_url: null },
  ])
  const unstable = '/_matrix/client/unstable/uk.tcpip.msc4133'
  await alice.put(profile(alice.userId, 'm.tz').replace('/_matrix/client/v3', unstable), { 'm.tz': 'UTC' })
  assert.equal((await alice.get(profile(alice.userId).replace('/_matrix/client/v3', unstable)))['m.tz'], 'UTC')
})

test('wrong profile requests', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const bob = await server.user('bob')
  assert.equal(await putError(alice, 'displayname', {}), 'M_MISSING_PARAM')
  assert.equal(await putError(alice, 'displayname', { displayname: 7 }), 'M_BAD_JSON')
  assert.equal(await putError(alice, 'displayname', { displayname: 'x'.repeat(257) }), 'M_INVALID_PARAM')
  assert.equal(await putError(alice, 'avatar_url', { avatar_url: 'https://example.org/x.png' }), 'M_INVALID_PARAM')
  assert.equal(await putError(alice, 'Shouting', { Shouting: 1 }), 'M_INVALID_PARAM')
  assert.equal(await putError(alice, 'bare', { bare: 1 }), 'M_INVALID_PARAM')
  assert.equal(await putError(alice, '__proto__', {}), 'M_INVALID_PARAM')
  const long = `a.${'b'.repeat(254)}`
  assert.equal(await putError(alice, long, { [long]: 1 }), 'M_KEY_TOO_LARGE')
  assert.equal(await putError(alice, 'org.big', { 'org.big': 'x'.repeat(64 * 1024) }), 'M_PROFILE_TOO_LARGE')
  await alice.put(profile(alice.userId, 'org.half'), { 'org.half': 'x'.repeat(40_000) })
  assert.equal(await putError(alice, 'org.other', { 'org.other': 'x'.repeat(40_000) }), 'M_PROFILE_TOO_LARGE')

  const foreign = { body: { displayname: 'x' }, expect: 403 }
  assert.equal((await bob.request('PUT', profile(alice.userId, 'displayname'), foreign)).body.errcode, 'M_FORBIDDEN')
  await server.client.request('PUT', profile(alice.userId, 'displayname'), { body: { displayname: 'x' }, expect: 401 })
  await server.client.request('GET', profile('@nobody:localhost'), { expect: 404 })
  await server.client.request('GET', profile('@nobody:localhost:1'), { expect: 502, unchecked: true })
  await server.client.request('GET', profile('nobody'), { expect: 400 })
  await server.client.request('GET', profile(alice.userId, 'toString'), { expect: 404 })
})

test('user ids with a slash route', async () => {
  await using server = await createTestServer()
  const slash = await server.user('a/b')
  await slash.put(profile(slash.userId, 'displayname'), { displayname: 'Slash' })
  assert.deepEqual(await server.client.get(profile(slash.userId)), { displayname: 'Slash' })
})

const data = (userId: string, type: string, roomId?: string) =>
  `/_matrix/client/v3/user/${userId}/${roomId === undefined ? '' : `rooms/${encodeURIComponent(roomId)}/`}account_data/${type}`

test('account data: global and of rooms, private, deletable', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const bob = await server.user('bob')
  const { accountData } = server.context.accounts
  const room = '!room:localhost'
  const before = server.context.streams.position()
  const woken: string[] = []
  server.context.streams.subscribe(({ users = [] }) => woken.push(...users))
  await alice.put(data(alice.userId, 'org.example.a'), { a: 1 })
  await alice.put(data(alice.userId, 'org.example.a', room), { room: true })
  assert.deepEqual(woken, [alice.userId, alice.userId])
  assert.deepEqual(await alice.get(data(alice.userId, 'org.example.a')), { a: 1 })
  assert.deepEqual(await alice.get(data(alice.userId, 'org.example.a', room)), { room: true })
  await alice.put(data(alice.userId, 'org.example.a'), {})
  await alice.request('GET', data(alice.userId, 'org.example.a'), { expect: 404 })

  const list = (since?: number, roomId?: string) =>
    server.context.db.read((reader) => accountData.list(reader, alice.userId, roomId, since))
  assert.deepEqual(await list(before), [{ type: 'org.example.a', content: {} }])
  assert.deepEqual(await list(before, room), [{ type: 'org.example.a', content: { room: true } }])
  assert.deepEqual(await server.context.db.read((r) => accountData.changedRooms(r, alice.userId, before)), [room])
  await alice.put(data(alice.userId, 'org.example.a'), { a: 2 })
  const position = server.context.streams.position()
  assert.deepEqual(await list(position), [])

  const unstable = '/_matrix/client/unstable/org.matrix.msc3391'
  await alice.delete(data(alice.userId, 'org.example.a').replace('/_matrix/client/v3', unstable))
  await alice.request('GET', data(alice.userId, 'org.example.a'), { expect: 404 })
  assert.deepEqual([await list(), await list(position)], [[], [{ type: 'org.example.a', content: {} }]])

  for (const [method, path, status, errcode] of [
    ['GET', data(alice.userId, 'org.example.none'), 404, 'M_NOT_FOUND'],
    ['GET', data(alice.userId, 'x', 'noroom'), 400, 'M_INVALID_PARAM'],
    ['GET', data(bob.userId, 'x'), 403, 'M_FORBIDDEN'],
    ['PUT', data(bob.userId, 'x'), 403, 'M_FORBIDDEN'],
    ['PUT', data(alice.userId, 'm.push_rules'), 405, 'M_BAD_JSON'],
    ['PUT', data(alice.userId, 'm.fully_read', room), 405, 'M_BAD_JSON'],
  ] as const) {
    const answer = await alice.request(method, path, { ...(method === 'PUT' && { body: {} }), expect: status })
    assert.equal(answer.body.errcode, errcode)
  }
  await alice.request('PUT', data(alice.userId, 'x'), { body: '[1]', expect: 400 })
})

test('ignored users are those of the list, whatever its form', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const ignored = () => server.context.db.read((r) => server.context.accounts.accountData.ignoredUsers(r, alice.userId))
  assert.deepEqual(await ignored(), new Set())
  await alice.put(data(alice.userId, 'm.ignored_user_list'), { ignored_users: { '@eve:localhost': {} } })
  assert.deepEqual(await ignored(), new Set(['@eve:localhost']))
  await alice.put(data(alice.userId, 'm.ignored_user_list'), { ignored_users: ['@eve:localhost'] })
  assert.deepEqual(await ignored(), new Set())
})

test('filters are kept as they came, and checked when they are made', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const bob = await server.user('bob')
  const path = `/_matrix/client/v3/user/${alice.userId}/filter`
  const filter = {
    room: { timeline: { limit: 10, 'org.example.x': 1 }, rooms: ['!a:localhost', '!v12'] },
    event_format: 'client',
  }
  const { filter_id: id } = await alice.post(path, filter)
  assert.equal((await alice.post(path, filter)).filter_id, id)
  assert.deepEqual(await alice.get(`${path}/${id}`), filter)
  assert.deepEqual(await alice.get(`${path}/${(await alice.post(path, {})).filter_id}`), {})
  for (const bad of [
    { room: { timeline: { limit: 'many' } } },
    { room: { timeline: { types: 'm.room.message' } } },
    { room: { rooms: ['not a room'] } },
    { room: { timeline: { senders: ['alice'] } } },
    { presence: { not_senders: [7] } },
    { event_format: 'paper' },
    { event_fields: 'type' },
    { room: 7 },
  ]) {
    assert.equal((await alice.request('POST', path, { body: bad, expect: 400 })).body.errcode, 'M_BAD_JSON')
  }
  await alice.request('GET', `${path}/999`, { expect: 404 })
  await alice.request('GET', `${path}/none`, { expect: 404 })
  await bob.request('GET', `${path}/${id}`, { expect: 403 })
  await bob.request('GET', `/_matrix/client/v3/user/${bob.userId}/filter/${id}`, { expect: 404 })
  await bob.request('POST', path, { body: {}, expect: 403 })
  const { filters } = server.context.accounts
  const resolve = (text: string) => server.context.db.read((r) => filters.resolve(r, alice.userId, text))
  assert.deepEqual(await resolve('{"room":{}}'), { room: {} })
  assert.deepEqual(await resolve(String(id)), filter)
  await assert.rejects(resolve('{'), { errcode: 'M_BAD_JSON' })
  await assert.rejects(resolve('999'), { errcode: 'M_INVALID_PARAM' })
})

test('capabilities name the room versions and what the account may do', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const { capabilities } = await alice.get<{ capabilities: Record<string, JsonObject> }>(
    '/_matrix/client/v3/capabilities',
  )
  assert.equal(capabilities['m.room_versions']?.default, '12')
  assert.equal(Object.keys(capabilities['m.room_versions']?.available ?? {}).length, 12)
  assert.deepEqual(capabilities['m.profile_fields'], { enabled: true })
  assert.deepEqual(capabilities['m.3pid_changes'], { enabled: false })
})

test('tags of a room are set, listed and removed', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const bob = await server.user('bob')
  const tags = `/_matrix/client/v3/user/${alice.userId}/rooms/${encodeURIComponent('!room:localhost')}/tags`
  assert.deepEqual(await alice.get(tags), { tags: {} })
  await alice.put(`${tags}/m.favourite`, { order: 0.25 })
  await alice.put(`${tags}/u.work`, {})
  assert.deepEqual(await alice.get(tags), { tags: { 'm.favourite': { order: 0.25 }, 'u.work': {} } })
  await alice.delete(`${tags}/m.favourite`)
  await alice.delete(`${tags}/never.there`)
  assert.deepEqual(await alice.get(data(alice.userId, 'm.tag', '!room:localhost')), { tags: { 'u.work': {} } })
  await bob.request('GET', tags, { expect: 403 })
  await alice.request('PUT', `${tags}/x`, { body: { order: 'first' }, expect: 400 })
})

test('mail addresses and phone numbers: none, and none can be added', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  assert.deepEqual(await alice.get('/_matrix/client/v3/account/3pid'), { threepids: [] })
  const path = '/_matrix/client/v3/account/password/email/requestToken'
  const body = { client_secret: 'x', email: 'alice@example.org', send_attempt: 1 }
  assert.equal((await alice.request('POST', path, { body, expect: 403 })).body.errcode, 'M_THREEPID_DENIED')
})
