import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { createTestServer } from './helpers/server.ts'

const register = '/_matrix/client/v3/register'
const dummy = { type: 'm.login.dummy' }

test('registration with the dummy stage, in one request and in two', async () => {
  await using server = await createTestServer()
  const { client } = server
  const body = { username: 'Alice', password: 'secret', device_id: 'PHONE', initial_device_display_name: 'Phone' }
  const alice = await client.post(register, { ...body, auth: dummy })
  assert.deepEqual([alice.user_id, alice.device_id, alice.home_server], ['@alice:localhost', 'PHONE', 'localhost'])
  assert.match(String(alice.access_token), /^rba_/)

  const challenge = await client.request('POST', register, {
    body: { username: 'bob', password: 'secret' },
    expect: 401,
  })
  assert.deepEqual(challenge.body.flows, [{ stages: ['m.login.dummy'] }])
  const bob = await client.post(register, { auth: { ...dummy, session: challenge.body.session } })
  assert.equal(bob.user_id, '@bob:localhost')

  const me = await client.as(String(alice.access_token)).get('/_matrix/client/v3/account/whoami')
  assert.deepEqual(me, { user_id: '@alice:localhost', device_id: 'PHONE', is_guest: false })
  const profile = await client.get('/_matrix/client/v3/profile/@alice:localhost')
  assert.deepEqual(profile, { displayname: 'alice' })
})

test('registration without a name makes one up, without a password it is refused, and inhibit_login gives no token', async () => {
  await using server = await createTestServer()
  const { client } = server
  const made = await client.post(register, { password: 'secret', auth: dummy })
  assert.match(String(made.user_id), /^@[a-z0-9]{12}:localhost$/)
  const refused = await client.request('POST', register, { body: { username: 'x', auth: dummy }, expect: 400 })
  assert.equal(refused.body.errcode, 'M_MISSING_PARAM')
  const quiet = await client.post(register, { username: 'quiet', password: 'a', inhibit_login: true, auth: dummy })
  assert.deepEqual(Object.keys(quiet).sort(), ['home_server', 'user_id'])
})

test('the names under which the server itself acts are taken, in any case of letters and in both requests', async () => {
  await using server = await createTestServer({ config: { bots: { assistant: { localpart: 'helper' } } } })
  for (const username of ['voicemail', 'helper', 'Helper', 'notices']) {
    const body = { username, password: 'p', auth: dummy }
    const refused = await server.client.request('POST', register, { body, expect: 400 })
    assert.equal(refused.body.errcode, 'M_EXCLUSIVE', username)
    const path = `${register}/available`
    const asked = await server.client.request('GET', path, { query: { username }, expect: 400 })
    assert.equal(asked.body.errcode, 'M_EXCLUSIVE', username)
  }
  await server.client.post(register, { username: 'assistant', password: 'p', auth: dummy })
})

test('names are checked before any stage', async () => {
  await using server = await createTestServer()
  await server.user('taken')
  const failure = async (body: JsonObject) =>
    (await server.client.request('POST', register, { body: { password: 'p', ...body }, expect: 400 })).body.errcode
  assert.equal(await failure({ username: 'taken' }), 'M_USER_IN_USE')
  assert.equal(await failure({ username: 'TAKEN' }), 'M_USER_IN_USE')
  for (const username of ['a b', 'ä', 'a:b', '', '@x:elsewhere.org', 'a'.repeat(250)]) {
    assert.equal(await failure({ username }), 'M_INVALID_USERNAME', username)
  }
  assert.equal(await failure({ username: 7 }), 'M_BAD_JSON')
  assert.equal(await failure({ username: 'x', password: 7 }), 'M_BAD_JSON')
  assert.equal(await failure({ username: 'x', device_id: '', auth: dummy }), 'M_INVALID_PARAM')
})

test('available tells a free name from a taken and an invalid one', async () => {
  await using server = await createTestServer()
  await server.user('taken')
  const path = '/_matrix/client/v3/register/available'
  assert.deepEqual(await server.client.get(path, { username: 'free/=+-._' }), { available: true })
  const taken = await server.client.request('GET', path, { query: { username: 'Taken' }, expect: 400 })
  assert.equal(taken.body.errcode, 'M_USER_IN_USE')
  const invalid = await server.client.request('GET', path, { query: { username: 'no!' }, expect: 400 })
  assert.equal(invalid.body.errcode, 'M_INVALID_USERNAME')
})

test('two registrations of one name at once: one has it', async () => {
  await using server = await createTestServer()
  const once = () => server.client.request('POST', register, { body: { username: 'race', password: 'p', auth: dummy } })
  const answers = await Promise.all([once(), once(), once()])
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400, 400])
})

test('closed registration is forbidden', async () => {
  await using server = await createTestServer({ config: { registration: { enabled: false } } })
  for (const [method, path] of [
    ['POST', register],
    ['POST', `${register}?kind=guest`],
    ['GET', '/_matrix/client/v3/register/available?username=x'],
    ['GET', '/_matrix/client/v1/register/m.login.registration_token/validity?token=x'],
  ] as const) {
    const answer = await server.client.request(method, path, {
      ...(method === 'POST' && { body: { username: 'x', password: 'p', auth: dummy } }),
    })
    assert.deepEqual([path, answer.status, answer.body.errcode], [path, 403, 'M_FORBIDDEN'])
  }
})

test('guests get a numbered account that may not do what guests may not', async () => {
  await using server = await createTestServer({ config: { registration: { enabled: false, guests: true } } })
  const guest = await server.client.post(`${register}?kind=guest`, { username: 'ignored', device_id: 'IGNORED' })
  assert.match(String(guest.user_id), /^@[0-9]{16}:localhost$/)
  assert.notEqual(guest.device_id, 'IGNORED')
  const client = server.client.as(String(guest.access_token))
  assert.equal((await client.get('/_matrix/client/v3/account/whoami')).is_guest, true)
  const refused = await client.request('POST', '/_matrix/client/v3/account/password', {
    body: { new_password: 'x' },
    expect: 403,
  })
  assert.equal(refused.body.errcode, 'M_GUEST_ACCESS_FORBIDDEN')
})

test('a registration token is asked for, checked and used up; terms are accepted', async () => {
  const terms = [{ id: 'privacy', texts: { en: { name: 'Privacy', url: 'https://example.org/p' } } }]
  await using server = await createTestServer({ config: { registration: { require_token: true, terms } } })
  const { client } = server
  const token = await server.context.accounts.registrationTokens.create({ usesAllowed: 1, expiresInMs: 60_000 })
  const validity = '/_matrix/client/v1/register/m.login.registration_token/validity'
  assert.deepEqual(await client.get(validity, { token }), { valid: true })
  assert.deepEqual(await client.get(validity, { token: 'nonsense' }), { valid: false })

  const body = { username: 'alice', password: 'secret' }
  const first = await client.request('POST', register, { body, expect: 401 })
  assert.deepEqual(first.body.flows, [{ stages: ['m.login.registration_token', 'm.login.terms'] }])
  const { session } = first.body
  const wrong = await client.request('POST', register, {
    body: { ...body, auth: { type: 'm.login.registration_token', token: 'wrong', session } },
    expect: 401,
  })
  assert.deepEqual([wrong.body.errcode, wrong.body.completed], ['M_FORBIDDEN', []])
  const half = await client.request('POST', register, {
    body: { ...body, auth: { type: 'm.login.registration_token', token, session } },
    expect: 401,
  })
  assert.deepEqual(half.body.completed, ['m.login.registration_token'])
  const done = await client.post(register, { ...body, auth: { type: 'm.login.terms', session } })
  assert.equal(done.user_id, '@alice:localhost')
  assert.deepEqual(await client.get(validity, { token }), { valid: false })
})

test('an expired registration token is not valid', async () => {
  await using server = await createTestServer({ config: { registration: { require_token: true } } })
  const token = await server.context.accounts.registrationTokens.create({ expiresInMs: 0 })
  const answer = await server.client.request('POST', register, {
    body: { username: 'x', password: 'p', auth: { type: 'm.login.registration_token', token } },
    expect: 401,
  })
  assert.equal(answer.body.errcode, 'M_FORBIDDEN')
})

test('passwords shorter than configured are weak', async () => {
  await using server = await createTestServer({ config: { registration: { min_password_length: 8 } } })
  const answer = await server.client.request('POST', register, {
    body: { username: 'x', password: '1234567', auth: dummy },
    expect: 400,
  })
  assert.equal(answer.body.errcode, 'M_WEAK_PASSWORD')
})

test('scripts that know the shared secret register, also when registration is closed', async () => {
  await using server = await createTestServer({ config: { registration: { enabled: false, shared_secret: 'sesame' } } })
  const path = '/_synapse/admin/v1/register'
  const nonce = async () => String((await server.client.get(path)).nonce)
  const mac = (parts: string[]) => createHmac('sha1', 'sesame').update(parts.join('\0')).digest('hex')

  const first = await nonce()
  const signed = { nonce: first, username: 'root', displayname: 'Root', password: 'secret', admin: true }
  const body = { ...signed, mac: mac([first, 'root', 'secret', 'admin']) }
  const root = await server.client.post(path, body)
  assert.deepEqual([root.user_id, root.home_server, typeof root.device_id], ['@root:localhost', 'localhost', 'string'])
  const user = await server.context.db.read((r) => server.context.accounts.users.get(r, '@root:localhost' as never))
  assert.equal(user?.isAdmin, true)
  const profile = await server.client.get('/_matrix/client/v3/profile/@root:localhost')
  assert.deepEqual(profile, { displayname: 'Root' })

  const replayed = await server.client.request('POST', path, { body, expect: 400 })
  assert.match(String(replayed.body.error), /nonce/)
  const second = await nonce()
  const forged = {
    nonce: second,
    username: 'eve',
    password: 'secret',
    admin: true,
    mac: mac([second, 'eve', 'secret', 'notadmin']),
  }
  assert.equal((await server.client.request('POST', path, { body: forged, expect: 403 })).body.errcode, 'M_FORBIDDEN')
  const third = await nonce()
  const withType = {
    nonce: third,
    username: 'bot',
    password: 's',
    user_type: 'bot',
    mac: mac([third, 'bot', 's', 'notadmin', 'bot']),
  }
  await server.client.post(path, withType)
})

test('without a shared secret that endpoint says so', async () => {
  await using server = await createTestServer()
  await server.client.request('GET', '/_synapse/admin/v1/register', { expect: 400 })
})
