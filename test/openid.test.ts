import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestClock } from '../src/util/clock.ts'
import { at } from './helpers/client.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { createTestServer } from './helpers/server.ts'

const userinfo = '/_matrix/federation/v1/openid/userinfo'

interface OpenidToken {
  access_token: string
  expires_in: number
}

for (const engine of engines) {
  test(`a proof of identity names its user until it expires (${engine})`, { skip: skipEngine(engine) }, async () => {
    const clock = createTestClock()
    await using server = await createTestServer({ clock, engine })
    const alice = await server.user('alice')
    const path = at`/_matrix/client/v3/user/${alice.userId}/openid/request_token`
    const first = await alice.post<OpenidToken>(path)
    assert.deepEqual(
      { ...first, access_token: '' },
      { access_token: '', token_type: 'Bearer', matrix_server_name: 'localhost', expires_in: 3600 },
    )
    const second = await alice.post<OpenidToken>(path)
    assert.notEqual(first.access_token, second.access_token)
    for (const { access_token } of [first, second, first]) {
      assert.deepEqual(await server.client.get(userinfo, { access_token }), { sub: alice.userId })
    }
    clock.advance(3_600_000)
    const { body } = await server.client.request('GET', userinfo, {
      query: { access_token: first.access_token },
      expect: 401,
    })
    assert.equal(body.errcode, 'M_UNKNOWN_TOKEN')
  })
}

test('a proof of identity opens nothing else, and nothing else is one', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  await server.user('bob')
  const path = at`/_matrix/client/v3/user/${alice.userId}/openid/request_token`
  const { access_token } = await alice.post<OpenidToken>(path)
  for (const asked of ['/_matrix/client/v3/account/whoami', '/_matrix/client/v3/sync']) {
    await server.client.as(access_token).request('GET', asked, { expect: 401 })
  }
  await server.client.as(access_token).request('POST', path, { body: {}, expect: 401 })
  for (const token of [alice.accessToken, '', 'x', access_token.slice(0, -1)]) {
    await server.client.request('GET', userinfo, { query: { access_token: token }, expect: 401 })
  }
  await server.client.request('GET', userinfo, { expect: 401 })
  await server.client.request('POST', path, { body: {}, expect: 401 })
  const other = at`/_matrix/client/v3/user/@bob:localhost/openid/request_token`
  const { body } = await alice.request('POST', other, { body: {}, expect: 403 })
  assert.equal(body.errcode, 'M_FORBIDDEN')
  await alice.request('POST', path, { body: '[]', expect: 400 })
})

test('proofs of identity are stored as hashes, and end with the account', async () => {
  await using server = await createTestServer()
  const { db, accounts } = server.context
  const alice = await server.user('alice')
  const bob = await server.user('bob')
  const issue = (user: typeof alice) =>
    user.post<OpenidToken>(at`/_matrix/client/v3/user/${user.userId}/openid/request_token`)
  const { access_token: ofAlice } = await issue(alice)
  const { access_token: ofBob } = await issue(bob)
  const rows = await db.read((reader) => reader.qb.selectFrom('openid_tokens').selectAll().execute())
  assert.equal(rows.length, 2)
  assert.ok(!JSON.stringify(rows).includes(ofAlice))
  await db.write('lock', (tx) => accounts.users.setFlags(tx, bob.userId, { isLocked: true }))
  assert.equal(await accounts.openid.verify(ofBob), undefined)
  await db.write('deactivate', (tx) => accounts.users.deactivate(tx, alice.userId, false))
  assert.equal(await accounts.openid.verify(ofAlice), undefined)
  const left = await db.read((reader) => reader.qb.selectFrom('openid_tokens').select('user_id').execute())
  assert.deepEqual(left, [{ user_id: bob.userId }])
})
