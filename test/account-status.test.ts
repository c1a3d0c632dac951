import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at } from './helpers/client.ts'
import { act, createRoom, errorOf, join, publicRoom, send, setState, statePath, timeline, v3 } from './helpers/rooms.ts'
import { createTestServer, password, type TestServer, type TestUser } from './helpers/server.ts'

const statusPath = (action: string, userId: string) => `/_matrix/client/v1/admin/${action}${at`/${userId}`}`
const kinds = [
  ['suspend', 'suspended'],
  ['lock', 'locked'],
] as const

const set = (admin: TestUser, action: 'suspend' | 'lock', userId: string, value: boolean) =>
  admin.put(statusPath(action, userId), { [action === 'suspend' ? 'suspended' : 'locked']: value })

async function people(server: TestServer) {
  const [root, alice, bob] = [
    await server.user('root', { admin: true }),
    await server.user('alice'),
    await server.user('bob'),
  ]
  return { root, alice, bob }
}

test('who may suspend and lock whom', async () => {
  await using server = await createTestServer()
  const { root, alice, bob } = await people(server)
  const boss = await server.user('boss', { admin: true })
  await server.context.db.write('deactivate', (tx) => server.context.accounts.users.deactivate(tx, bob.userId, false))
  for (const [action, key] of kinds) {
    const path = (userId: string) => statusPath(action, userId)
    // Whoever is no administrator learns nothing, not even whether there is such an account.
    for (const target of [alice.userId, root.userId, bob.userId, '@nobody:localhost', '@x:elsewhere.example', 'x']) {
      assert.equal(await errorOf(alice, 'GET', path(target), undefined, 403), 'M_FORBIDDEN')
      assert.equal(await errorOf(alice, 'PUT', path(target), { [key]: true }, 403), 'M_FORBIDDEN')
    }
    for (const [target, status, errcode] of [
      ['@x:elsewhere.example', 400, 'M_INVALID_PARAM'],
      ['x', 400, 'M_INVALID_PARAM'],
      ['@nobody:localhost', 404, 'M_NOT_FOUND'],
      [bob.userId, 404, 'M_NOT_FOUND'],
      [boss.userId, 403, 'M_FORBIDDEN'],
    ] as const) {
      assert.equal(await errorOf(root, 'GET', path(target), undefined, status), errcode, target)
      assert.equal(await errorOf(root, 'PUT', path(target), { [key]: true }, status), errcode, target)
    }
    assert.equal(await errorOf(root, 'PUT', path(root.userId), { [key]: true }, 403), 'M_FORBIDDEN')
    assert.deepEqual(await root.get(path(root.userId)), { [key]: false })
    assert.equal(await errorOf(root, 'PUT', path(alice.userId), {}, 400), 'M_MISSING_PARAM')
    assert.equal(await errorOf(root, 'PUT', path(alice.userId), { [key]: 'yes' }, 400), 'M_BAD_JSON')
    assert.deepEqual(await root.get(path(alice.userId)), { [key]: false })
    assert.deepEqual(await root.put(path(alice.userId), { [key]: true }), { [key]: true })
    assert.deepEqual(await root.put(path(alice.userId), { [key]: true }), { [key]: true })
    const unstable = path(alice.userId).replace('/v1/', '/unstable/uk.timedout.msc4323/')
    assert.deepEqual(await root.get(unstable), { [key]: true })
    assert.deepEqual(await root.put(unstable, { [key]: false }), { [key]: false })
    await server.client.request('PUT', path(alice.userId), { body: { [key]: true }, expect: 401 })
  }
})

test('only administrators are told that they may do it', async () => {
  await using server = await createTestServer()
  const { root, alice } = await people(server)
  const capabilities = async (user: TestUser) =>
    (await user.get<{ capabilities: Record<string, unknown> }>(`${v3}/capabilities`)).capabilities
  assert.deepEqual((await capabilities(root))['m.account_moderation'], { suspend: true, lock: true })
  assert.equal((await capabilities(alice))['m.account_moderation'], undefined)
})

test('a locked account can do nothing but log out, and finds everything again', async () => {
  await using server = await createTestServer()
  const { root, alice, bob } = await people(server)
  const roomId = await publicRoom(alice, [bob])
  const phone = await server.login('alice', 'PHONE')
  const refreshable = await server.client.post<{ access_token: string; refresh_token: string }>(`${v3}/login`, {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: 'alice' },
    password,
    refresh_token: true,
  })
  await set(root, 'lock', alice.userId, true)
  for (const [method, path, body] of [
    ['GET', `${v3}/sync`, undefined],
    ['GET', `${v3}/account/whoami`, undefined],
    ['GET', `${v3}/capabilities`, undefined],
    ['GET', '/_matrix/client/versions', undefined],
    ['POST', `${v3}/createRoom`, {}],
    ['PUT', at`/_matrix/client/v3/rooms/${roomId}/send/m.room.message/1`, { msgtype: 'm.text', body: 'x' }],
    ['POST', at`/_matrix/client/v3/rooms/${roomId}/leave`, {}],
    ['DELETE', `${v3}/devices/PHONE`, {}],
    ['POST', `${v3}/keys/query`, { device_keys: {} }],
    ['POST', `${v3}/account/deactivate`, {}],
  ] as const) {
    const { body: answer } = await alice.request(method, path, { ...(body && { body }), expect: 401 })
    assert.equal(answer.errcode, 'M_USER_LOCKED', path)
    assert.equal(answer.soft_logout, true)
  }
  const login = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password }
  for (const [path, body] of [
    [`${v3}/login`, login],
    [`${v3}/refresh`, { refresh_token: refreshable.refresh_token }],
  ] as const) {
    const { body: answer } = await server.client.request('POST', path, { body, expect: 401 })
    assert.equal(answer.errcode, 'M_USER_LOCKED', path)
  }
  // Nor can it do with its password what needs no token.
  for (const [path, body] of [
    [`${v3}/account/password`, { new_password: 'another', auth: login }],
    [`${v3}/account/deactivate`, { auth: login }],
  ] as const) {
    const { body: answer } = await server.client.request('POST', path, { body, expect: 401 })
    assert.equal(answer.errcode, 'M_USER_LOCKED', path)
  }
  await phone.post(`${v3}/logout`)
  await set(root, 'lock', alice.userId, false)
  await send(alice, roomId, 'back')
  await server.client.post(`${v3}/refresh`, { refresh_token: refreshable.refresh_token })
  assert.equal(await errorOf(phone, 'GET', `${v3}/account/whoami`, undefined, 401), 'M_UNKNOWN_TOKEN')
  await set(root, 'lock', alice.userId, true)
  await alice.post(`${v3}/logout/all`)
  await set(root, 'lock', alice.userId, false)
  assert.equal(await errorOf(alice, 'GET', `${v3}/account/whoami`, undefined, 401), 'M_UNKNOWN_TOKEN')
})

test('a sync that waits ends when the account is locked or the device logged out', async () => {
  await using server = await createTestServer()
  const { root, alice } = await people(server)
  const { next_batch: since } = await alice.get<{ next_batch: string }>(`${v3}/sync`)
  const wait = async (user: TestUser) => {
    const answer = user.request('GET', `${v3}/sync`, { query: { since, timeout: 60_000 }, expect: 401 })
    while (server.context.sync.waiters.size === 0) await new Promise((resolve) => setImmediate(resolve))
    return { answer }
  }
  const locked = await wait(alice)
  await set(root, 'lock', alice.userId, true)
  assert.equal((await locked.answer).body.errcode, 'M_USER_LOCKED')
  await set(root, 'lock', alice.userId, false)
  const phone = await server.login('alice', 'PHONE')
  const gone = await wait(phone)
  await phone.post(`${v3}/logout`)
  assert.equal((await gone.answer).body.errcode, 'M_UNKNOWN_TOKEN')
})

test('a suspended account reads, leaves and takes back its own words', async () => {
  await using server = await createTestServer()
  const { root, alice, bob } = await people(server)
  const roomId = await publicRoom(alice, [bob])
  const other = await publicRoom(alice, [bob])
  const invited = await createRoom(alice, { invite: [bob.userId] })
  const own = await send(bob, roomId, 'mine')
  await set(root, 'suspend', bob.userId, true)
  const word = await send(alice, roomId, 'still here')
  assert.ok((await timeline(bob, roomId)).some(({ event_id }) => event_id === word))
  await bob.get(`${v3}/sync`)
  await bob.post(at`/_matrix/client/v3/rooms/${roomId}/receipt/m.read/${word}`)
  await bob.put(at`/_matrix/client/v3/rooms/${roomId}/typing/${bob.userId}`, { typing: false })
  await bob.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${own}/r1`)
  await bob.put(at`/_matrix/client/v3/user/${bob.userId}/account_data/org.example`, { a: 1 })
  const phone = await server.login('bob', 'PHONE')
  await phone.post(`${v3}/keys/query`, { device_keys: { [bob.userId]: [] } })
  await phone.put(`${v3}/sendToDevice/m.key.verification.request/1`, { messages: { [bob.userId]: { '*': {} } } })
  await act(bob, other, 'leave')
  await act(bob, invited, 'leave')
  await act(bob, invited, 'forget')
  await phone.post(`${v3}/logout`)
  const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'bob' }, password }
  await bob.post(`${v3}/account/deactivate`, { auth })
})

test('a suspended account adds nothing and acts on nobody', async () => {
  await using server = await createTestServer()
  const { root, alice, bob } = await people(server)
  const carol = await server.user('carol')
  const roomId = await publicRoom(bob, [alice], { room_alias_name: 'bobs' })
  const invited = await createRoom(alice, { invite: [bob.userId] })
  const open = await publicRoom(alice, [])
  const knockable = await createRoom(alice, {
    initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }],
  })
  const word = await send(alice, roomId, 'hers')
  await set(root, 'suspend', bob.userId, true)
  const room = (action: string) => `${at`/_matrix/client/v3/rooms/${roomId}`}/${action}`
  const target = { user_id: alice.userId }
  for (const [method, path, body] of [
    ['POST', `${v3}/createRoom`, {}],
    ['POST', at`/_matrix/client/v3/join/${open}`, {}],
    ['POST', at`/_matrix/client/v3/join/${invited}`, {}],
    ['PUT', statePath(open, 'm.room.member', bob.userId), { membership: 'join' }],
    ['POST', at`/_matrix/client/v3/knock/${knockable}`, {}],
    ['POST', room('invite'), { user_id: carol.userId }],
    ['POST', room('kick'), target],
    ['POST', room('ban'), target],
    ['POST', room('unban'), target],
    ['PUT', room('send/m.room.message/1'), { msgtype: 'm.text', body: 'x' }],
    ['PUT', room('send/m.reaction/2'), { 'm.relates_to': { rel_type: 'm.annotation', event_id: word, key: 'x' } }],
    ['PUT', room('send/m.room.redaction/3'), { redacts: word }],
    ['PUT', statePath(roomId, 'm.room.topic'), { topic: 'x' }],
    ['PUT', statePath(roomId, 'm.room.member', bob.userId), { membership: 'join', displayname: 'Evil' }],
    ['PUT', statePath(roomId, 'm.room.member', alice.userId), { membership: 'leave' }],
    ['PUT', room(`redact${at`/${word}/r1`}`), {}],
    ['PUT', room(`redact${at`/${'$unknown'}/r2`}`), {}],
    ['POST', room('upgrade'), { new_version: '12' }],
    ['PUT', room(at`typing/${bob.userId}`), { typing: true }],
    ['PUT', at`/_matrix/client/v3/directory/room/${'#more:localhost'}`, { room_id: roomId }],
    ['DELETE', at`/_matrix/client/v3/directory/room/${'#bobs:localhost'}`, undefined],
    ['PUT', at`/_matrix/client/v3/directory/list/room/${roomId}`, { visibility: 'public' }],
    ['PUT', at`/_matrix/client/v3/profile/${bob.userId}/displayname`, { displayname: 'Evil' }],
    ['DELETE', at`/_matrix/client/v3/profile/${bob.userId}/displayname`, undefined],
  ] as const) {
    assert.equal(await errorOf(bob, method, path, body, 403), 'M_USER_SUSPENDED', `${method} ${path}`)
  }
  await set(root, 'suspend', bob.userId, false)
  await send(bob, roomId, 'again')
  await join(bob, open)
  await setState(bob, roomId, 'm.room.topic', { topic: 'x' })
})

test('whois: for administrators and for oneself', async () => {
  await using server = await createTestServer()
  const { root, alice, bob } = await people(server)
  const path = (userId: string) => at`/_matrix/client/v3/admin/whois/${userId}`
  interface Whois {
    user_id: string
    devices: Record<string, { sessions: { connections: { ip?: string; last_seen?: number; user_agent?: string }[] }[] }>
  }
  await server.login('alice', 'UNUSED')
  await alice.get(`${v3}/account/whoami`, undefined, { headers: { 'User-Agent': 'Kettle/1.0' } })
  for (const asker of [root, alice]) {
    const headers = { 'User-Agent': 'Kettle/1.0' }
    const seen = await asker.get<Whois>(path(alice.userId), undefined, { headers })
    assert.equal(seen.user_id, alice.userId)
    assert.deepEqual(Object.keys(seen.devices).sort(), [alice.deviceId, 'UNUSED'].sort())
    const connection = seen.devices[alice.deviceId]?.sessions[0]?.connections[0]
    assert.equal(connection?.ip, '127.0.0.1')
    assert.equal(connection?.user_agent, 'Kettle/1.0')
    assert.ok((connection?.last_seen ?? 0) > 0)
    assert.deepEqual(seen.devices.UNUSED?.sessions[0]?.connections, [])
  }
  for (const target of [alice.userId, '@nobody:localhost', '@x:elsewhere.example', 'x']) {
    assert.equal(await errorOf(bob, 'GET', path(target), undefined, 403), 'M_FORBIDDEN')
  }
  assert.equal(await errorOf(root, 'GET', path('@nobody:localhost'), undefined, 404), 'M_NOT_FOUND')
  assert.equal(await errorOf(root, 'GET', path('@x:elsewhere.example'), undefined, 400), 'M_INVALID_PARAM')
})
