import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { createTestServer, password } from './helpers/server.ts'

const v3 = '/_matrix/client/v3'
const passwordLogin = (user: string, secret = password) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user },
  password: secret,
})

test('a page cannot be used to have somebody confirm what a stranger has asked for', async () => {
  await using server = await createTestServer()
  await server.user('alice')
  const body = { new_password: 'chosen by a stranger' }
  const { session } = (await server.client.request<JsonObject>('POST', `${v3}/account/password`, { body, expect: 401 }))
    .body
  const url = `${server.url}${v3}/auth/m.login.password/fallback/web?session=${session}`
  assert.equal((await fetch(url)).status, 400)
  const form = new URLSearchParams({ session: String(session), name: 'alice', password })
  assert.equal((await fetch(url, { method: 'POST', body: form })).status, 400)
  await server.client.request('POST', `${v3}/account/password`, { body: { ...body, auth: { session } }, expect: 401 })
  await server.login('alice')
})

test('guesses at a password count for the account, however its name is written and wherever they come from', async () => {
  await using server = await createTestServer({
    config: { rate_limits: { enabled: true }, listeners: [{ port: 0, trusted_proxies: ['127.0.0.1'] }] },
  })
  await server.user('alice')
  let calls = 0
  const guess = (name: string) => {
    calls += 1
    const headers = { 'X-Forwarded-For': `203.0.113.${calls}` }
    return server.client.request('POST', `${v3}/login`, { body: passwordLogin(name, 'wrong'), headers })
  }
  const names = ['alice', 'Alice', 'aLice', 'alIce', 'aliCe', 'alicE', 'ALICE', 'ALice', '@alice:localhost', 'AlIcE']
  for (const name of names) assert.equal((await guess(name)).status, 403)
  assert.equal((await guess('AlicE')).status, 429)
  assert.equal((await guess('bob')).status, 403)
})

test('a login that began before the password was changed comes too late', async () => {
  await using server = await createTestServer()
  const { accounts, db } = server.context
  const { userId } = await server.user('alice')
  const passwordHash = await accounts.passwords.hash('another password')
  const login = accounts.login.withPassword('alice', password, {})
  const change = db.write('change password', (tx) => accounts.users.setPassword(tx, userId, passwordHash))
  await assert.rejects(login, { errcode: 'M_FORBIDDEN' })
  await change
  await accounts.login.withPassword('alice', 'another password', {})
})

test('login tokens end when the password is changed', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const auth = passwordLogin('alice')
  const { login_token: token } = await alice.post<{ login_token: string }>('/_matrix/client/v1/login/get_token', {
    auth,
  })
  await alice.post(`${v3}/account/password`, { new_password: 'another password', auth })
  await server.client.request('POST', `${v3}/login`, { body: { type: 'm.login.token', token }, expect: 403 })
})

test('tokens that arrive while the old refresh token is used once more do not end that one', async () => {
  await using server = await createTestServer()
  const { accounts } = server.context
  await server.user('alice')
  const first = await accounts.login.withPassword('alice', password, { refreshable: true })
  const refresh = () => accounts.sessions.refresh(first.refreshToken ?? '')
  const second = await refresh()
  const options = {
    userIdParam: undefined,
    deviceIdParam: undefined,
    allowLocked: false,
    allowExpired: false,
    ip: '',
    userAgent: undefined,
  }
  const [requester] = await Promise.all([accounts.authenticate(second.accessToken, options), refresh()])
  assert.equal(requester.deviceId, first.deviceId)
  // The second answer was lost too, so the client tries again.
  await refresh()
})
