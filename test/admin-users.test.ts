import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at } from './helpers/client.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { errorOf, membershipOf, publicRoom, v3 } from './helpers/rooms.ts'
import { createTestServer, password, type TestServer, type TestUser } from './helpers/server.ts'

const userPath = (userId: string) => at`/_synapse/admin/v2/users/${userId}`
const listPath = '/_synapse/admin/v2/users'

async function login(server: TestServer, user: string, secret: string, expect = 200) {
  const identifier = { type: 'm.id.user', user }
  const body = { type: 'm.login.password', identifier, password: secret }
  return (await server.client.request('POST', `${v3}/login`, { body, expect })).body
}

for (const engine of engines) {
  test(`accounts are listed in pages, by name and kind (${engine})`, { skip: skipEngine(engine) }, async () => {
    await using server = await createTestServer({ engine })
    const root = await server.user('root', { admin: true })
    for (const name of ['alice', 'bob', 'carol', 'dave']) await server.user(name)
    const { accounts, db } = server.context
    await accounts.registration.registerGuest({})
    await accounts.profiles.set('@bob:localhost' as typeof root.userId, 'displayname', 'Zoë "Al" 100%')
    await db.write('change', async (tx) => {
      await accounts.users.deactivate(tx, '@carol:localhost' as typeof root.userId, true)
      await accounts.users.setFlags(tx, '@dave:localhost' as typeof root.userId, { isLocked: true })
    })
    interface Listed {
      users: Record<string, unknown>[]
      total: number
      next_token?: string
    }
    const names = async (query: Record<string, string | number | boolean> = {}) => {
      const { users, total, next_token: next } = await root.get<Listed>(listPath, query)
      return { names: users.map(({ name }) => String(name).split(':')[0]).join(' '), total, next }
    }
    assert.deepEqual(await names({ guests: false }), { names: '@alice @bob @root', total: 3, next: undefined })
    assert.equal((await names()).total, 4)
    const everybody = { guests: false, deactivated: true, locked: true }
    assert.deepEqual(await names({ ...everybody, limit: 2 }), { names: '@alice @bob', total: 5, next: '2' })
    assert.deepEqual(await names({ ...everybody, limit: 2, from: 2 }), { names: '@carol @dave', total: 5, next: '4' })
    assert.deepEqual(await names({ ...everybody, from: 4 }), { names: '@root', total: 5, next: undefined })
    assert.equal((await names({ ...everybody, dir: 'b' })).names, '@root @dave @carol @bob @alice')
    assert.equal((await names({ guests: false, order_by: 'creation_ts', dir: 'b' })).total, 3)
    for (const order of [
      'is_guest',
      'admin',
      'user_type',
      'deactivated',
      'displayname',
      'avatar_url',
      'last_seen_ts',
    ]) {
      assert.equal((await names({ ...everybody, order_by: order })).total, 5, order)
    }
    assert.equal((await names({ guests: false, admins: true })).names, '@root')
    assert.equal((await names({ guests: false, admins: false })).names, '@alice @bob')
    assert.equal((await names({ name: 'AL' })).names, '@alice @bob')
    assert.equal((await names({ user_id: '@al' })).names, '@alice')
    assert.equal((await names({ name: '%' })).names, '@bob')
    assert.equal((await names({ name: '_' })).names, '')
    const { users } = await root.get<Listed>(listPath, { ...everybody, user_id: '@bob' })
    const { creation_ts: created, last_seen_ts: _, ...bob } = users[0] ?? {}
    assert.ok(Number(created) > 1_000_000_000_000)
    assert.deepEqual(bob, {
      name: '@bob:localhost',
      displayname: 'Zoë "Al" 100%',
      avatar_url: null,
      is_guest: false,
      admin: false,
      deactivated: false,
      erased: false,
      locked: false,
      suspended: false,
      shadow_banned: false,
      user_type: null,
    })
    for (const query of ['limit=-1', 'from=-1', 'order_by=shoe', 'dir=x', 'guests=maybe']) {
      assert.equal(await errorOf(root, 'GET', `${listPath}?${query}`, undefined, 400), 'M_INVALID_PARAM', query)
    }
  })

  test(`an account is made and changed (${engine})`, { skip: skipEngine(engine) }, async () => {
    await using server = await createTestServer({ engine })
    const root = await server.user('root', { admin: true })
    const path = userPath('@new:localhost')
    assert.equal(await errorOf(root, 'GET', path, undefined, 404), 'M_NOT_FOUND')
    const made = await root.request('PUT', path, {
      body: {
        password: 'first',
        displayname: 'New',
        avatar_url: 'mxc://localhost/a',
        threepids: [{ medium: 'email', address: 'New@Example.org' }],
        admin: false,
        user_type: null,
      },
      expect: 201,
    })
    assert.deepEqual(made.body, await root.get(path))
    assert.equal(made.body.displayname, 'New')
    assert.equal(made.body.avatar_url, 'mxc://localhost/a')
    const [threepid] = made.body.threepids as { address: string }[]
    assert.equal(threepid?.address, 'new@example.org')
    const session = await login(server, 'new', 'first')
    const user = server.client.as(String(session.access_token))
    await root.put(path, { displayname: 'Renamed', admin: true })
    const changed = await root.get(path)
    assert.equal(changed.displayname, 'Renamed')
    assert.equal(changed.admin, true)
    assert.equal(changed.avatar_url, 'mxc://localhost/a')
    assert.deepEqual(await user.get(at`/_matrix/client/v3/profile/${'@new:localhost'}`), {
      avatar_url: 'mxc://localhost/a',
      displayname: 'Renamed',
    })
    await root.put(path, { password: 'second', logout_devices: false, threepids: [] })
    await user.get(`${v3}/account/whoami`)
    await root.put(path, { password: 'third', admin: false, displayname: '', avatar_url: '' })
    assert.equal((await user.request('GET', `${v3}/account/whoami`, { expect: 401 })).body.errcode, 'M_UNKNOWN_TOKEN')
    await login(server, 'new', 'second', 403)
    await login(server, 'new', 'third')
    const last = await root.get(path)
    assert.deepEqual([last.displayname, last.avatar_url, last.threepids], [null, null, []])
    await root.put(path, { locked: true })
    await login(server, 'new', 'third', 401)
    await root.put(path, { locked: false, suspended: true })
    assert.equal((await root.get(path)).suspended, true)
    await root.put(path, { deactivated: true })
    const gone = await root.get(path)
    assert.deepEqual([gone.deactivated, gone.erased], [true, false])
    await login(server, 'new', 'third', 403)
    assert.equal(await errorOf(root, 'PUT', path, { deactivated: false, password: 'x' }, 400), 'M_UNKNOWN')
  })
}

test('what accounts cannot be is refused', async () => {
  await using server = await createTestServer({ config: { registration: { min_password_length: 4 } } })
  const [root, boss, alice] = [
    await server.user('root', { admin: true }),
    await server.user('boss', { admin: true }),
    await server.user('alice'),
  ]
  const put = (userId: string, body: object, status: number) => errorOf(root, 'PUT', userPath(userId), body, status)
  for (const [userId, body, status, errcode] of [
    ['@x:elsewhere.example', {}, 400, 'M_INVALID_PARAM'],
    ['nobody', {}, 400, 'M_INVALID_PARAM'],
    ['@Upper:localhost', {}, 400, 'M_INVALID_USERNAME'],
    ['@new:localhost', { password: 'abc' }, 400, 'M_WEAK_PASSWORD'],
    ['@new:localhost', { password: 5 }, 400, 'M_BAD_JSON'],
    ['@new:localhost', { deactivated: true }, 400, 'M_UNKNOWN'],
    ['@new:localhost', { avatar_url: 'https://x' }, 400, 'M_INVALID_PARAM'],
    ['@new:localhost', { threepids: [{ medium: 'msisdn', address: '1' }] }, 400, 'M_INVALID_PARAM'],
    ['@new:localhost', { threepids: [{ medium: 'email', address: 'x' }] }, 400, 'M_INVALID_PARAM'],
    ['@notices:localhost', {}, 400, 'M_EXCLUSIVE'],
    [alice.userId, { password: 'abc' }, 400, 'M_WEAK_PASSWORD'],
    [root.userId, { admin: false }, 400, 'M_UNKNOWN'],
    [root.userId, { locked: true }, 403, 'M_FORBIDDEN'],
    [boss.userId, { suspended: true }, 403, 'M_FORBIDDEN'],
  ] as const) {
    assert.equal(await put(userId, body, status), errcode, `${userId} ${JSON.stringify(body)}`)
  }
  assert.equal(await errorOf(root, 'GET', userPath('@new:localhost'), undefined, 404), 'M_NOT_FOUND')
  const mail = [{ medium: 'email', address: 'a@example.org' }]
  await root.put(userPath(alice.userId), { threepids: mail })
  assert.equal(await put(boss.userId, { threepids: mail }, 400), 'M_THREEPID_IN_USE')
})

test('passwords are reset, rights given and taken, accounts given up', async () => {
  await using server = await createTestServer()
  const [root, alice, bob] = [
    await server.user('root', { admin: true }),
    await server.user('alice'),
    await server.user('bob'),
  ]
  const roomId = await publicRoom(alice, [bob])
  const v1 = (action: string, userId: string) => `/_synapse/admin/v1/${action}${at`/${userId}`}`
  await root.post(v1('reset_password', bob.userId), { new_password: 'new', logout_devices: false })
  await bob.get(`${v3}/account/whoami`)
  await root.post(v1('reset_password', bob.userId), { new_password: 'newer' })
  assert.equal(await errorOf(bob, 'GET', `${v3}/account/whoami`, undefined, 401), 'M_UNKNOWN_TOKEN')
  await login(server, 'bob', 'new', 403)
  await login(server, 'bob', 'newer')
  const rights = `${v1('users', bob.userId)}/admin`
  assert.deepEqual(await root.get(rights), { admin: false })
  await root.put(rights, { admin: true })
  assert.deepEqual(await root.get(rights), { admin: true })
  await root.put(rights, { admin: false })
  assert.equal(await errorOf(root, 'PUT', `${v1('users', root.userId)}/admin`, { admin: false }, 400), 'M_UNKNOWN')
  assert.deepEqual(await root.put(v1('suspend', bob.userId), { suspend: true }), {
    [`user_${bob.userId}_suspended`]: true,
  })
  assert.deepEqual(await root.get(`${v1('users', bob.userId)}/joined_rooms`), { joined_rooms: [roomId], total: 1 })
  const available = '/_synapse/admin/v1/username_available'
  assert.deepEqual(await root.get(available, { username: 'free' }), { available: true })
  assert.equal(await errorOf(root, 'GET', `${available}?username=bob`, undefined, 400), 'M_USER_IN_USE')
  assert.deepEqual(await root.post(v1('deactivate', bob.userId), { erase: true }), {
    id_server_unbind_result: 'success',
  })
  await server.context.jobs.drain()
  assert.equal(await membershipOf(alice, roomId, bob.userId), 'leave')
  await root.post(v1('deactivate', bob.userId))
  assert.equal((await root.get(userPath(bob.userId))).erased, true, 'once asked for, erasure stays')
  assert.equal(await errorOf(root, 'POST', v1('reset_password', bob.userId), { new_password: 'x' }, 404), 'M_NOT_FOUND')
  for (const action of ['deactivate', 'reset_password']) {
    const body = { new_password: 'x' }
    assert.equal(await errorOf(root, 'POST', v1(action, '@nobody:localhost'), body, 404), 'M_NOT_FOUND')
    assert.equal(await errorOf(root, 'POST', v1(action, '@x:elsewhere.example'), body, 400), 'M_INVALID_PARAM')
  }
  assert.equal(await errorOf(root, 'POST', v1('reset_password', alice.userId), {}, 400), 'M_MISSING_PARAM')
})

test('none of it is for others', async () => {
  await using server = await createTestServer()
  const alice: TestUser = await server.user('alice')
  for (const [method, path, body] of [
    ['GET', listPath, undefined],
    ['GET', userPath(alice.userId), undefined],
    ['PUT', userPath(alice.userId), { admin: true }],
    ['PUT', userPath('@new:localhost'), { password }],
    ['POST', at`/_synapse/admin/v1/reset_password/${alice.userId}`, { new_password: 'x' }],
    ['POST', at`/_synapse/admin/v1/deactivate/${alice.userId}`, {}],
    ['PUT', at`/_synapse/admin/v1/suspend/${alice.userId}`, { suspend: true }],
    ['GET', `${at`/_synapse/admin/v1/users/${alice.userId}`}/admin`, undefined],
    ['PUT', `${at`/_synapse/admin/v1/users/${alice.userId}`}/admin`, { admin: true }],
    ['GET', `${at`/_synapse/admin/v1/users/${alice.userId}`}/joined_rooms`, undefined],
    ['GET', '/_synapse/admin/v1/username_available?username=x', undefined],
  ] as const) {
    assert.equal(await errorOf(alice, method, path, body, 403), 'M_FORBIDDEN', path)
    const options = { ...(body && { body }), expect: 401 }
    assert.equal((await server.client.request(method, path, options)).body.errcode, 'M_MISSING_TOKEN')
  }
})
