import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testOnEngines } from './helpers/engines.ts'
import { errorOf, v3 } from './helpers/rooms.ts'
import { createTestServer, password, type TestUser } from './helpers/server.ts'

const pusher = (pushkey: string, others: object = {}) => ({
  pushkey,
  kind: 'http',
  app_id: 'org.example.app',
  app_display_name: 'App',
  device_display_name: 'Phone',
  lang: 'en',
  data: { url: 'https://push.example.org/_matrix/push/v1/notify', format: 'event_id_only', custom: { a: 1 } },
  ...others,
})
const set = (user: TestUser, body: object) => user.post(`${v3}/pushers/set`, body)
const keysOf = async (user: TestUser) => {
  const { pushers } = await user.get<{ pushers: { pushkey: string }[] }>(`${v3}/pushers`)
  return pushers.map(({ pushkey }) => pushkey).sort()
}

testOnEngines('pushers are set, replaced, listed and deleted', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  await set(alice, pusher('a', { profile_tag: 'x' }))
  await set(alice, pusher('b', { append: true }))
  await set(alice, pusher('b', { lang: 'de' }))
  const { pushers } = await alice.get<{ pushers: object[] }>(`${v3}/pushers`)
  const state = { 'org.matrix.msc3881.enabled': true, 'org.matrix.msc3881.device_id': alice.deviceId }
  assert.deepEqual(pushers, [pusher('a', { profile_tag: 'x', ...state }), pusher('b', { lang: 'de', ...state })])
  await set(bob, pusher('a', { append: true }))
  assert.deepEqual([await keysOf(alice), await keysOf(bob)], [['a', 'b'], ['a']])
  await set(bob, pusher('b'))
  assert.deepEqual([await keysOf(alice), await keysOf(bob)], [['a'], ['a', 'b']])
  await set(bob, { kind: null, app_id: 'org.example.app', pushkey: 'a' })
  await set(bob, { kind: null, app_id: 'org.example.app', pushkey: 'never there' })
  assert.deepEqual([await keysOf(alice), await keysOf(bob)], [['a'], ['b']])
})

test('pushers go with their session and their account', async () => {
  await using server = await createTestServer()
  const phone = await server.user('alice', { deviceId: 'PHONE' })
  const laptop = await server.login('alice', 'LAPTOP')
  await set(phone, pusher('phone'))
  await set(laptop, pusher('laptop'))
  const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password }
  await laptop.post(`${v3}/account/password`, { auth, new_password: 'another', logout_devices: false })
  assert.deepEqual(await keysOf(laptop), ['laptop', 'phone'])
  await phone.post(`${v3}/logout`)
  assert.deepEqual(await keysOf(laptop), ['laptop'])
  const { db } = server.context
  await laptop.post(`${v3}/account/deactivate`, { auth: { ...auth, password: 'another' } })
  assert.deepEqual(await db.read((r) => r.qb.selectFrom('pushers').selectAll().execute()), [])
})

test('wrong pushers are refused', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const refused = (body: object) => errorOf(alice, 'POST', `${v3}/pushers/set`, body, 400)
  const { lang: _, ...without } = pusher('a')
  assert.equal(await refused(without), 'M_MISSING_PARAM')
  assert.equal(await refused({ kind: null, app_id: 'x' }), 'M_MISSING_PARAM')
  assert.equal(await refused(pusher('a', { kind: 'pigeon' })), 'M_INVALID_PARAM')
  assert.equal(await refused(pusher('a', { data: {} })), 'M_MISSING_PARAM')
  assert.equal(await refused(pusher('a', { data: { url: 'https://push.example.org/other' } })), 'M_INVALID_PARAM')
  assert.equal(await refused(pusher('a', { data: { url: 'ftp://x/_matrix/push/v1/notify' } })), 'M_INVALID_PARAM')
  assert.equal(await refused(pusher('a'.repeat(513))), 'M_INVALID_PARAM')
  assert.equal(await refused(pusher('a', { app_id: 'a'.repeat(65) })), 'M_INVALID_PARAM')
  assert.deepEqual(await keysOf(alice), [])
})

test('one device switches the pusher of another off and on without taking it over', async () => {
  await using server = await createTestServer()
  const phone = await server.user('alice', { deviceId: 'PHONE' })
  const laptop = await server.login('alice', 'LAPTOP')
  const stateOf = async () => {
    const { pushers } = await phone.get<{ pushers: Record<string, unknown>[] }>(`${v3}/pushers`)
    return pushers.map((one) => [one['org.matrix.msc3881.device_id'], one['org.matrix.msc3881.enabled']])
  }
  await set(phone, pusher('p'))
  assert.deepEqual(await stateOf(), [['PHONE', true]])
  const [listed] = (await laptop.get<{ pushers: object[] }>(`${v3}/pushers`)).pushers
  await set(laptop, { ...listed, 'org.matrix.msc3881.enabled': false })
  assert.deepEqual(await stateOf(), [['PHONE', false]])
  await set(laptop, pusher('p', { enabled: true }))
  assert.deepEqual(await stateOf(), [['PHONE', true]])
  await set(laptop, pusher('p', { lang: 'de' }))
  assert.deepEqual(await stateOf(), [['LAPTOP', true]])
  const { unstable_features: features } = await phone.get<{ unstable_features: object }>('/_matrix/client/versions')
  assert.equal(Reflect.get(features, 'org.matrix.msc3881'), true)
})

test('a user has a bounded number of pushers, of a bounded size', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  for (let i = 0; i < 100; i++) await set(alice, pusher(`${i}`))
  assert.equal(await errorOf(alice, 'POST', `${v3}/pushers/set`, pusher('more'), 400), 'M_INVALID_PARAM')
  await set(alice, pusher('99', { lang: 'de' }))
  const large = pusher('1', { data: { url: pusher('1').data.url, custom: 'x'.repeat(20_000) } })
  assert.equal(await errorOf(alice, 'POST', `${v3}/pushers/set`, large, 413), 'M_TOO_LARGE')
})
