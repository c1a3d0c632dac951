import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createServer } from '../src/server.ts'
import { createTestClock } from '../src/util/clock.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { createTestServer, password, testConfig } from './helpers/server.ts'

const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password }

for (const engine of engines) {
  const skip = skipEngine(engine)

  test(`a life of an account, from registration to deactivation (${engine})`, { skip }, async () => {
    const clock = createTestClock()
    await using server = await createTestServer({ engine, clock, config: { registration: { require_token: true } } })
    const { accounts, db } = server.context
    const { client } = server
    const register = '/_matrix/client/v3/register'
    const token = await accounts.registrationTokens.create({ usesAllowed: 1 })
    await assert.rejects(accounts.registrationTokens.create({ token }), { errcode: 'M_INVALID_PARAM' })
    const challenge = await client.request('POST', register, { body: { username: 'alice', password }, expect: 401 })
    const stage = { type: 'm.login.registration_token', token, session: challenge.body.session }
    const grant = await client.post(register, { username: 'alice', password, refresh_token: true, auth: stage })
    assert.equal(await accounts.checkRegistrationToken(token), false)

    const fresh = await client.post('/_matrix/client/v3/refresh', { refresh_token: grant.refresh_token })
    const alice = client.as(String(fresh.access_token))
    await alice.get('/_matrix/client/v3/account/whoami')
    await client.request('POST', '/_matrix/client/v3/refresh', {
      body: { refresh_token: grant.refresh_token },
      expect: 401,
    })

    const { login_token: loginToken } = await alice.post('/_matrix/client/v1/login/get_token', { auth })
    await client.post('/_matrix/client/v3/login', { type: 'm.login.token', token: loginToken, device_id: 'TWO' })
    await client.post('/_matrix/client/v3/login', { ...auth, device_id: 'TWO' })
    await alice.put('/_matrix/client/v3/devices/TWO', { display_name: 'Two' })
    clock.advance(60_000)
    const names = await db.read((r) => accounts.devices.listDeviceNames(r, ['@alice:localhost', '@bob:localhost']))
    assert.equal(names.get('@alice:localhost')?.get('TWO'), 'Two')

    await alice.put('/_matrix/client/v3/profile/@alice:localhost/displayname', { displayname: 'A' })
    await alice.put('/_matrix/client/v3/profile/@alice:localhost/displayname', { displayname: 'Alice' })
    assert.deepEqual(await client.get('/_matrix/client/v3/profile/@alice:localhost'), { displayname: 'Alice' })
    const data = '/_matrix/client/v3/user/@alice:localhost/account_data/org.example'
    await alice.put(data, { a: 1 })
    await alice.put(data, { a: 2 })
    assert.deepEqual(await alice.get(data), { a: 2 })
    const filter = '/_matrix/client/v3/user/@alice:localhost/filter'
    const { filter_id: id } = await alice.post(filter, { room: {} })
    assert.equal((await alice.post(filter, { room: {} })).filter_id, id)
    assert.deepEqual(await alice.get(`${filter}/${id}`), { room: {} })

    await alice.post('/_matrix/client/v3/account/deactivate', { erase: true, auth })
    await alice.request('GET', '/_matrix/client/v3/account/whoami', { expect: 401 })
    for (const table of ['sessions', 'session_tokens', 'devices', 'profile_fields', 'account_data'] as const) {
      const rows = await db.read((r) => r.qb.selectFrom(table).selectAll().execute())
      const left = rows.filter((row) => !('user_id' in row) || row.user_id !== '@voicemail:localhost')
      assert.deepEqual(left, [], table)
    }
  })

  test(`the first account by the setup link (${engine})`, { skip }, async () => {
    await using server = await createTestServer({ engine })
    const { setup } = server.context.accounts
    const first = await setup.open()
    const second = await setup.open()
    assert.ok(first && second)
    const complete = (token: string, name: string) => setup.complete(token, `@${name}:localhost` as never, password)
    assert.equal(await complete(first, 'old'), false)
    const results = await Promise.all([complete(second, 'one'), complete(second, 'two')])
    assert.deepEqual(results.sort(), [false, true])
    assert.equal(await setup.open(), undefined)
  })

  test(`a second process on the same database is refused (${engine})`, { skip }, async () => {
    await using server = await createTestServer({ engine })
    const { database, data_dir: dataDir } = server.context.config
    const other = testConfig(dataDir, engine === 'postgres' ? { database } : {})
    await assert.rejects(createServer(other), /^StartupError: Another Ringback is already running on/)
  })
}
