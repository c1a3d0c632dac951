import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { createTestClock } from '../src/util/clock.ts'
import { createTestServer, password, type TestServer } from './helpers/server.ts'

const login = '/_matrix/client/v3/login'
const whoami = '/_matrix/client/v3/account/whoami'
const passwordLogin = (user: string, extra: JsonObject = {}) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user },
  password,
  ...extra,
})

async function failure(server: TestServer, body: JsonObject, status: number) {
  return (await server.client.request('POST', login, { body, expect: status })).body.errcode
}

test('login by password: whole ids, localparts, upper case and the legacy key', async () => {
  await using server = await createTestServer()
  await server.user('alice')
  const { client } = server
  const flows = (await client.get(login)).flows
  assert.deepEqual(flows, [{ type: 'm.login.password' }, { type: 'm.login.token', get_login_token: true }])
  for (const user of ['alice', 'ALICE', '@alice:localhost', '@Alice:localhost']) {
    const grant = await client.post(login, passwordLogin(user))
    assert.equal(grant.user_id, '@alice:localhost')
    assert.deepEqual(['refresh_token' in grant, 'expires_in_ms' in grant], [false, false])
  }
  const legacy = await client.post('/_matrix/client/r0/login', { type: 'm.login.password', user: 'alice', password })
  assert.equal(legacy.user_id, '@alice:localhost')
})

test('wrong logins', async () => {
  await using server = await createTestServer()
  await server.user('alice')
  assert.equal(await failure(server, passwordLogin('alice', { password: 'wrong' }), 403), 'M_FORBIDDEN')
  assert.equal(await failure(server, passwordLogin('nobody'), 403), 'M_FORBIDDEN')
  assert.equal(await failure(server, passwordLogin('@alice:elsewhere'), 403), 'M_FORBIDDEN')
  assert.equal(await failure(server, { type: 'm.login.password', password }, 400), 'M_MISSING_PARAM')
  assert.equal(await failure(server, passwordLogin('alice', { password: 7 }), 400), 'M_BAD_JSON')
  assert.equal(await failure(server, passwordLogin('alice', { identifier: 'alice' }), 400), 'M_BAD_JSON')
  assert.equal(
    await failure(server, passwordLogin('alice', { identifier: { type: 'm.id.phone' } }), 400),
    'M_MISSING_PARAM',
  )
  assert.equal(await failure(server, passwordLogin('alice', { identifier: { type: 'm.id.star' } }), 400), 'M_UNKNOWN')
  assert.equal(await failure(server, { type: 'm.login.telepathy' }, 400), 'M_UNKNOWN')
  assert.equal(await failure(server, {}, 400), 'M_MISSING_PARAM')
  assert.equal(await failure(server, { type: 'm.login.token', token: 'rbl_x' }, 403), 'M_FORBIDDEN')
  assert.equal(await failure(server, { type: 'm.login.application_service', user: 'a' }, 401), 'M_MISSING_TOKEN')
})

test('logging in to a device again ends its earlier token and keeps its name', async () => {
  await using server = await createTestServer()
  await server.user('alice', { deviceId: 'A' })
  const first = await server.client.post(
    login,
    passwordLogin('alice', { device_id: 'PHONE', initial_device_display_name: 'Phone' }),
  )
  const second = await server.client.post(
    login,
    passwordLogin('alice', { device_id: 'PHONE', initial_device_display_name: 'Other' }),
  )
  const old = await server.client.as(String(first.access_token)).request('GET', whoami, { expect: 401 })
  assert.deepEqual([old.body.errcode, old.body.soft_logout], ['M_UNKNOWN_TOKEN', false])
  const device = await server.client.as(String(second.access_token)).get('/_matrix/client/v3/devices/PHONE')
  assert.equal(device.display_name, 'Phone')
})

test('tokens: missing, unknown, in the query', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  assert.equal((await server.client.request('GET', whoami, { expect: 401 })).body.errcode, 'M_MISSING_TOKEN')
  const forged = await server.client.as(`${alice.accessToken}x`).request('GET', whoami, { expect: 401 })
  assert.equal(forged.body.errcode, 'M_UNKNOWN_TOKEN')
  const byQuery = await server.client.get(whoami, { access_token: alice.accessToken })
  assert.equal(byQuery.user_id, alice.userId)
})

test('tokens are stored as hashes and survive a restart', async () => {
  const server = await createTestServer({ dataDir: (await import('node:fs')).mkdtempSync('/tmp/ringback-test-') })
  const alice = await server.user('alice')
  const rows = await server.context.db.read((r) => r.qb.selectFrom('session_tokens').selectAll().execute())
  assert.ok(!JSON.stringify(rows).includes(alice.accessToken))
  await server.stop()
  await using again = await createTestServer({ dataDir: server.dataDir })
  assert.equal((await again.client.as(alice.accessToken).get(whoami)).user_id, alice.userId)
})

test('logout ends the session and its device; logout/all ends all', async () => {
  await using server = await createTestServer()
  const ended: string[] = []
  server.context.accounts.onSessionEnd(async (_tx, { deviceId }) => void ended.push(deviceId))
  const one = await server.user('alice', { deviceId: 'ONE' })
  const two = await server.login('alice', 'TWO')
  const three = await server.login('alice', 'THREE')
  await one.post('/_matrix/client/v3/logout')
  assert.deepEqual(ended, ['ONE'])
  const gone = await one.request('GET', whoami, { expect: 401 })
  assert.deepEqual([gone.body.errcode, gone.body.soft_logout], ['M_UNKNOWN_TOKEN', false])
  assert.equal(((await two.get('/_matrix/client/v3/devices')).devices as unknown[]).length, 2)
  await two.post('/_matrix/client/v3/logout/all')
  assert.deepEqual(ended.sort(), ['ONE', 'THREE', 'TWO'])
  await three.request('GET', whoami, { expect: 401 })
})

test('refresh tokens rotate, and an answer that was lost does no harm', async () => {
  const clock = createTestClock()
  await using server = await createTestServer({ clock, config: { sessions: { access_token_lifetime: '5m' } } })
  await server.user('alice')
  const { client } = server
  const refresh = (token: unknown, expect = 200) =>
    client.request('POST', '/_matrix/client/v3/refresh', { body: { refresh_token: token }, expect })
  const works = (token: unknown, expect = 200) => client.as(String(token)).request('GET', whoami, { expect })

  const grant = await client.post(login, passwordLogin('alice', { refresh_token: true }))
  assert.equal(grant.expires_in_ms, 300_000)
  const lost = (await refresh(grant.refresh_token)).body
  const kept = (await refresh(grant.refresh_token)).body
  assert.equal((await refresh(lost.refresh_token, 401)).body.errcode, 'M_UNKNOWN_TOKEN')
  await works(lost.access_token, 401)
  await works(kept.access_token)
  // The new tokens have arrived: the old refresh token is no longer needed.
  await refresh(grant.refresh_token, 401)

  clock.advance(300_001)
  const expired = (await works(kept.access_token, 401)).body
  assert.deepEqual([expired.errcode, expired.soft_logout], ['M_UNKNOWN_TOKEN', true])
  const next = (await refresh(kept.refresh_token)).body
  const after = (await refresh(next.refresh_token)).body
  await refresh(kept.refresh_token, 401)
  await works(after.access_token)
  await client.as(String(after.access_token)).post('/_matrix/client/v3/logout')
  await refresh(after.refresh_token, 401)
  assert.equal((await refresh('nonsense', 401)).body.errcode, 'M_UNKNOWN_TOKEN')
  assert.equal(
    (await client.request('POST', '/_matrix/client/v3/refresh', { body: {}, expect: 400 })).body.errcode,
    'M_MISSING_PARAM',
  )
})

test('a login token logs in one device, once, within its time', async () => {
  const clock = createTestClock()
  await using server = await createTestServer({ clock })
  const alice = await server.user('alice')
  const path = '/_matrix/client/v1/login/get_token'
  const auth = passwordLogin('alice')
  await alice.request('POST', path, { body: {}, expect: 401 })
  const { login_token: token, expires_in_ms: lifetime } = await alice.post(path, { auth })
  assert.equal(lifetime, 120_000)
  const grant = await server.client.post(login, { type: 'm.login.token', token, device_id: 'NEW' })
  assert.deepEqual([grant.user_id, grant.device_id], [alice.userId, 'NEW'])
  assert.equal(await failure(server, { type: 'm.login.token', token: token ?? '' }, 403), 'M_FORBIDDEN')
  const late = await alice.post(path, { auth })
  clock.advance(120_001)
  assert.equal(await failure(server, { type: 'm.login.token', token: late.login_token ?? '' }, 403), 'M_FORBIDDEN')
})

test('a locked account is told so, may log out, and comes back with its session', async () => {
  await using server = await createTestServer()
  const { accounts, db } = server.context
  const alice = await server.user('alice')
  const lock = (isLocked: boolean) => db.write('lock', (tx) => accounts.users.setFlags(tx, alice.userId, { isLocked }))
  await alice.get(whoami)
  await lock(true)
  const locked = await alice.request('GET', whoami, { expect: 401 })
  assert.deepEqual([locked.body.errcode, locked.body.soft_logout], ['M_USER_LOCKED', true])
  assert.equal(await failure(server, passwordLogin('alice'), 401), 'M_USER_LOCKED')
  await lock(false)
  await alice.get(whoami)
  await lock(true)
  await alice.post('/_matrix/client/v3/logout')
})

test('a suspended account may read, but not change its profile', async () => {
  await using server = await createTestServer()
  const { accounts, db } = server.context
  const alice = await server.user('alice')
  await db.write('suspend', (tx) => accounts.users.setFlags(tx, alice.userId, { isSuspended: true }))
  await alice.get(whoami)
  const refused = await alice.request('PUT', `/_matrix/client/v3/profile/${alice.userId}/displayname`, {
    body: { displayname: 'x' },
    expect: 403,
  })
  assert.equal(refused.body.errcode, 'M_USER_SUSPENDED')
})
