import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestClock } from '../src/util/clock.ts'
import { createIdentityServer, type TestIdentityServer } from './helpers/identity-server.ts'
import { createTestServer, password, type TestServer, type TestUser } from './helpers/server.ts'

const v3 = '/_matrix/client/v3'
const address = { medium: 'email', address: 'alice@example.org' }

async function withIdentityServer(
  fn: (it: {
    server: TestServer
    identity: TestIdentityServer
    alice: TestUser
    clock: ReturnType<typeof createTestClock>
  }) => Promise<void>,
): Promise<void> {
  await using identity = await createIdentityServer()
  const clock = createTestClock()
  await using server = await createTestServer({
    clock,
    // Whatever the configuration names can be reached.
    config: { identity: { trusted_servers: [identity.url] }, outbound: { allow_private_addresses: false } },
  })
  const [key] = server.context.signingKeys
  identity.trust('localhost', key.keyId, key.publicKey)
  await fn({ server, identity, alice: await server.user('alice'), clock })
}

const bindBody = (identity: TestIdentityServer, more: object = {}) => ({
  id_server: identity.name,
  id_access_token: 'id-access-token',
  sid: 'validated',
  client_secret: 'secret',
  ...more,
})

test('an address is published on an identity server, and taken back with a signed request', () =>
  withIdentityServer(async ({ identity, alice }) => {
    await alice.post(`${v3}/account/3pid/bind`, bindBody(identity))
    assert.equal(identity.bound.get('alice@example.org'), alice.userId)
    assert.deepEqual(await alice.get(`${v3}/account/3pid`), { threepids: [] }, 'published is not added')
    assert.deepEqual(await alice.post(`${v3}/account/3pid/unbind`, address), { id_server_unbind_result: 'success' })
    assert.equal(identity.bound.size, 0)
    assert.deepEqual(await alice.post(`${v3}/account/3pid/unbind`, address), { id_server_unbind_result: 'no-support' })

    await alice.post(`${v3}/account/3pid`, { three_pid_creds: bindBody(identity) })
    const removal = { ...address, address: 'ALICE@example.org' }
    assert.deepEqual(await alice.post(`${v3}/account/3pid/delete`, removal), { id_server_unbind_result: 'success' })
    assert.equal(identity.bound.size, 0)
  }))

test('only identity servers of the configuration are asked', () =>
  withIdentityServer(async ({ identity, alice }) => {
    for (const id_server of [
      'evil.example',
      `${identity.name}.evil.example`,
      '127.0.0.1:1',
      '',
      `x@${identity.name}`,
    ]) {
      const body = bindBody(identity, { id_server })
      const answer = await alice.request('POST', `${v3}/account/3pid/bind`, { body, expect: 400 })
      assert.equal(answer.body.errcode, 'M_SERVER_NOT_TRUSTED', id_server)
    }
    const body = { ...address, id_server: 'evil.example' }
    assert.deepEqual(await alice.post(`${v3}/account/3pid/unbind`, body), { id_server_unbind_result: 'no-support' })
    assert.equal(identity.asked.length, 0)
    await alice.request('POST', `${v3}/account/3pid/bind`, { body: {}, expect: 400 })
  }))

test('errors of the identity server are passed on, but none that ends a login here', () =>
  withIdentityServer(async ({ identity, alice }) => {
    const bind = async (more: object) => {
      const { status, body } = await alice.request('POST', `${v3}/account/3pid/bind`, {
        body: bindBody(identity, more),
      })
      return [status, body.errcode]
    }
    assert.deepEqual(await bind({ sid: 'other' }), [404, 'M_NO_VALID_SESSION'])
    assert.deepEqual(await bind({ id_access_token: 'wrong' }), [403, 'M_FORBIDDEN'])
    const hostile: [number, unknown, unknown[]][] = [
      [500, { errcode: 'M_UNKNOWN', error: 'x' }, [502, 'M_UNKNOWN']],
      [403, { errcode: 'M_TERMS_NOT_SIGNED', error: 'x' }, [403, 'M_TERMS_NOT_SIGNED']],
      [400, { errcode: '<script>' }, [502, 'M_BAD_STATUS']],
      [302, {}, [502, 'M_BAD_STATUS']],
      [200, 'no json', [502, 'M_CONNECTION_FAILED']],
      [200, { medium: 7 }, [502, 'M_CONNECTION_FAILED']],
      [200, 'x'.repeat(100_000), [502, 'M_CONNECTION_FAILED']],
    ]
    for (const [status, body, expected] of hostile) {
      identity.answer = { status, body }
      assert.deepEqual(await bind({}), expected, JSON.stringify(body).slice(0, 50))
    }
    await alice.get(`${v3}/account/whoami`)
  }))

test('a deactivated account is not found by its addresses any more, even if the identity server was away', () =>
  withIdentityServer(async ({ server, identity, alice, clock }) => {
    const deactivate = (user: TestUser) =>
      user.post(`${v3}/account/deactivate`, {
        auth: { type: 'm.login.password', identifier: { type: 'm.id.user', user: user.userId }, password },
      })
    const bob = await server.user('bob')
    await bob.post(`${v3}/account/3pid/bind`, bindBody(identity))
    assert.deepEqual(await deactivate(bob), { id_server_unbind_result: 'success' })
    assert.equal(identity.bound.size, 0)

    await alice.post(`${v3}/account/3pid/bind`, bindBody(identity))
    identity.answer = { status: 502, body: {} }
    assert.deepEqual(await deactivate(alice), { id_server_unbind_result: 'no-support' })
    await server.context.jobs.drain()
    identity.answer = undefined
    assert.equal(identity.bound.size, 1)
    clock.advance(10_000)
    await server.context.jobs.drain()
    assert.equal(identity.bound.size, 0)
    const left = await server.context.db.read((r) => r.qb.selectFrom('threepid_bindings').selectAll().execute())
    assert.deepEqual(left, [])
  }))
