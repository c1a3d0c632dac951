import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { createTestClock } from '../src/util/clock.ts'
import { createTestServer, password, type TestServer } from './helpers/server.ts'

const whoami = '/_matrix/client/v3/account/whoami'
const changePassword = '/_matrix/client/v3/account/password'
const auth = (user: string, extra: JsonObject = {}) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user },
  password,
  ...extra,
})

const loginStatus = async (server: TestServer, name: string, withPassword: string) =>
  (await server.client.request('POST', '/_matrix/client/v3/login', { body: auth(name, { password: withPassword }) }))
    .status

test('changing the password ends other sessions, and keeps the one that asked', async () => {
  await using server = await createTestServer()
  const ended: string[] = []
  server.context.accounts.onSessionEnd(async (_tx, { deviceId }) => void ended.push(deviceId))
  const alice = await server.user('alice', { deviceId: 'ONE' })
  const other = await server.login('alice', 'TWO')
  const challenge = await alice.request('POST', changePassword, { body: { new_password: 'fresh' }, expect: 401 })
  assert.deepEqual(challenge.body.flows, [{ stages: ['m.login.password'] }])
  const wrong = await alice.request('POST', changePassword, {
    body: { new_password: 'fresh', auth: auth('alice', { password: 'no', session: challenge.body.session ?? null }) },
    expect: 401,
  })
  assert.deepEqual([wrong.body.errcode, wrong.body.session], ['M_FORBIDDEN', challenge.body.session])
  assert.deepEqual(wrong.body.flows, [{ stages: ['m.login.password'] }])
  await alice.post(changePassword, {
    new_password: 'fresh',
    auth: auth('alice', { session: challenge.body.session ?? null }),
  })
  assert.deepEqual(ended, ['TWO'])
  await alice.get(whoami)
  await other.request('GET', whoami, { expect: 401 })
  assert.deepEqual(
    [await loginStatus(server, 'alice', password), await loginStatus(server, 'alice', 'fresh')],
    [403, 200],
  )
})

test('logout_devices: false keeps the other sessions', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const other = await server.login('alice')
  await alice.post(changePassword, { new_password: 'fresh', logout_devices: false, auth: auth('alice') })
  await other.get(whoami)
})

test('the password of another user confirms nothing', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  await server.user('bob')
  const body = { new_password: 'fresh', auth: auth('bob') }
  assert.equal((await alice.request('POST', changePassword, { body, expect: 403 })).body.errcode, 'M_FORBIDDEN')
  assert.equal(await loginStatus(server, 'bob', password), 200)
})

test('without a session the old password suffices to set a new one', async () => {
  await using server = await createTestServer()
  await server.user('alice')
  await server.client.request('POST', changePassword, { body: { new_password: 'fresh' }, expect: 401 })
  await server.client.post(changePassword, { new_password: 'fresh', auth: auth('alice') })
  assert.equal(await loginStatus(server, 'alice', 'fresh'), 200)
  const weak = await server.client.request('POST', changePassword, { body: { new_password: '' }, expect: 400 })
  assert.equal(weak.body.errcode, 'M_WEAK_PASSWORD')
})

test('a deactivated account is gone, its name stays taken, and erasure takes its data', async () => {
  await using server = await createTestServer()
  const told: unknown[] = []
  server.context.accounts.onDeactivate(async (_tx, account) => void told.push(account))
  const alice = await server.user('alice')
  const bob = await server.user('bob')
  const path = '/_matrix/client/v3/account/deactivate'
  await alice.put(`/_matrix/client/v3/user/${alice.userId}/account_data/org.example.x`, { a: 1 })
  await alice.request('POST', path, { body: {}, expect: 401 })
  assert.deepEqual(await alice.post(path, { erase: true, auth: auth('alice') }), { id_server_unbind_result: 'success' })
  assert.deepEqual(told, [{ userId: alice.userId, erase: true }])
  assert.equal((await alice.request('GET', whoami, { expect: 401 })).body.errcode, 'M_UNKNOWN_TOKEN')
  const login = await server.client.request('POST', '/_matrix/client/v3/login', { body: auth('alice'), expect: 403 })
  assert.equal(login.body.errcode, 'M_USER_DEACTIVATED')
  await bob.request('GET', `/_matrix/client/v3/profile/${alice.userId}`, { expect: 404 })
  const taken = await server.client.request('GET', '/_matrix/client/v3/register/available', {
    query: { username: 'alice' },
    expect: 400,
  })
  assert.equal(taken.body.errcode, 'M_USER_IN_USE')
  await bob.post(path, { auth: auth('bob') })
  assert.deepEqual(await server.client.get(`/_matrix/client/v3/profile/${bob.userId}`), { displayname: 'bob' })
})

test('devices are listed, renamed and deleted', async () => {
  const clock = createTestClock()
  await using server = await createTestServer({ clock })
  const { accounts } = server.context
  const renamed: string[] = []
  accounts.onDeviceRename(async (_tx, { deviceId }) => void renamed.push(deviceId))
  const alice = await server.user('alice', { deviceId: 'ONE' })
  await server.login('alice', 'TWO')
  await server.login('alice', 'THREE')
  await server.user('bob', { deviceId: 'BOB' })
  const devices = '/_matrix/client/v3/devices'
  clock.advance(5)
  const list = (await alice.get<{ devices: JsonObject[] }>(devices)).devices
  assert.deepEqual(
    list.map(({ device_id }) => device_id),
    ['ONE', 'THREE', 'TWO'],
  )
  assert.deepEqual([list[0]?.last_seen_ts, list[0]?.last_seen_ip], [clock.now(), '127.0.0.1'])
  assert.equal(list[1]?.last_seen_ts, undefined)

  await alice.put(`${devices}/ONE`, { display_name: 'Phone' })
  await alice.put(`${devices}/ONE`, { display_name: 'Phone' })
  await alice.put(`${devices}/ONE`, {})
  assert.deepEqual(renamed, ['ONE'])
  assert.equal((await alice.get(`${devices}/ONE`)).display_name, 'Phone')
  for (const [method, path, status] of [
    ['GET', `${devices}/BOB`, 404],
    ['PUT', `${devices}/BOB`, 404],
    ['PUT', `${devices}/ONE`, 400],
  ] as const) {
    await alice.request(method, path, {
      ...(method === 'PUT' && { body: { display_name: 'x'.repeat(101) } }),
      ...(status === 404 && method === 'PUT' && { body: { display_name: 'x' } }),
      expect: status,
    })
  }

  await alice.request('DELETE', `${devices}/TWO`, { expect: 401 })
  await alice.delete(`${devices}/TWO`, { auth: auth('alice') })
  await alice.delete(`${devices}/TWO`, { auth: auth('alice') })
  await alice.request('GET', `${devices}/TWO`, { expect: 404 })
  await alice.request('POST', '/_matrix/client/v3/delete_devices', { body: { devices: ['THREE'] }, expect: 401 })
  const wrongUser = { devices: ['THREE'], auth: auth('bob') }
  await alice.request('POST', '/_matrix/client/v3/delete_devices', { body: wrongUser, expect: 403 })
  await alice.post('/_matrix/client/v3/delete_devices', { devices: ['THREE', 'BOB'], auth: auth('alice') })
  assert.equal(((await alice.get(devices)).devices as unknown[]).length, 1)
  assert.equal(await loginStatus(server, 'bob', password), 200)
  const names = await server.context.db.read((r) =>
    accounts.devices.listDeviceNames(r, [alice.userId, '@no:localhost']),
  )
  assert.deepEqual([...names], [[alice.userId, new Map([['ONE', 'Phone']])]])
})

test('a session cannot be used for another device than it was opened for', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice', { deviceId: 'ONE' })
  await server.login('alice', 'TWO')
  await server.login('alice', 'THREE')
  const challenge = await alice.request('DELETE', '/_matrix/client/v3/devices/TWO', { body: {}, expect: 401 })
  const body = { auth: auth('alice', { session: challenge.body.session ?? null }) }
  await alice.request('DELETE', '/_matrix/client/v3/devices/THREE', { body, expect: 403 })
})

test('times of activity are written together, once a minute', async () => {
  const clock = createTestClock()
  await using server = await createTestServer({ clock })
  const alice = await server.user('alice', { deviceId: 'ONE' })
  await alice.get(whoami)
  const stored = () =>
    server.context.db.read((r) => r.qb.selectFrom('devices').select('last_seen_ts').executeTakeFirstOrThrow())
  assert.equal((await stored()).last_seen_ts, null)
  const seen = clock.now()
  clock.advance(60_000)
  await server.context.db.write('after the flush', async () => {})
  assert.equal((await stored()).last_seen_ts, seen)
})
