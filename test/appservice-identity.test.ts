import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { appserviceConfig, createGhost, startAppservice } from './helpers/appservice.ts'
import { at } from './helpers/client.ts'
import { crossSigning } from './helpers/e2ee.ts'
import { createRoom, errorOf, getEvent, publicRoom, v3 } from './helpers/rooms.ts'
import { createTestServer, password } from './helpers/server.ts'

const type = 'm.login.application_service'
const whoami = `${v3}/account/whoami`

test('users of an exclusive namespace are made by their application service alone', async () => {
  await using service = await startAppservice()
  await using other = await startAppservice({
    id: 'all',
    registration: { namespaces: { users: [{ exclusive: false, regex: '@.*' }] } },
  })
  await using server = await createTestServer({ config: appserviceConfig(service, other) })
  const as = server.client.as(service.asToken)
  const register = async (client: typeof as, body: JsonObject, expect: number) =>
    (await client.request('POST', `${v3}/register`, { body, expect })).body
  const dummy = { password: 'p', auth: { type: 'm.login.dummy' } }

  for (const username of ['_irc_a', '_IRC_a', 'irc_bot', '@_irc_a:localhost']) {
    assert.equal((await register(server.client, { username, ...dummy }, 400)).errcode, 'M_EXCLUSIVE', username)
  }
  const available = await server.client.request('GET', `${v3}/register/available`, { query: { username: '_irc_a' } })
  assert.equal(available.body.errcode, 'M_EXCLUSIVE')
  assert.equal((await register(as.as(other.asToken), { type, username: '_irc_a' }, 400)).errcode, 'M_EXCLUSIVE')
  assert.equal((await register(as, { type, username: 'somebody' }, 400)).errcode, 'M_EXCLUSIVE')
  assert.equal((await register(as, { type, username: '_irc_ä' }, 400)).errcode, 'M_INVALID_USERNAME')
  assert.equal((await register(as, { type }, 400)).errcode, 'M_MISSING_PARAM')
  assert.equal((await register(server.client, { type, username: '_irc_a' }, 401)).errcode, 'M_MISSING_TOKEN')
  assert.equal((await register(as.as('nonsense'), { type, username: '_irc_a' }, 401)).errcode, 'M_UNKNOWN_TOKEN')

  assert.deepEqual(await register(as, { type, username: '_irc_a', inhibit_login: true }, 200), {
    user_id: '@_irc_a:localhost',
    home_server: 'localhost',
  })
  assert.equal((await register(as, { type, username: '_irc_a' }, 400)).errcode, 'M_USER_IN_USE')
  const loggedIn = await register(as, { type, username: '_irc_B', device_id: 'D' }, 200)
  assert.equal(loggedIn.user_id, '@_irc_B:localhost', 'the id keeps its capitals, by which the service goes on')
  assert.equal(loggedIn.device_id, 'D')
  const ghost = server.client.as(String(loggedIn.access_token))
  assert.equal((await ghost.get(whoami)).user_id, '@_irc_B:localhost')
  assert.equal(
    (await register(as, { type, username: 'irc_bot', inhibit_login: true }, 200)).user_id,
    '@irc_bot:localhost',
  )
  await register(as.as(other.asToken), { type, username: 'anybody', inhibit_login: true }, 200)
})

test('an application service logs in its users and nobody else', async () => {
  await using service = await startAppservice()
  await using server = await createTestServer({ config: appserviceConfig(service) })
  await createGhost(server, service, '_irc_a')
  await server.user('alice')
  const as = server.client.as(service.asToken)
  const { flows } = await server.client.get<{ flows: JsonObject[] }>(`${v3}/login`)
  assert.ok(flows.some((flow) => flow.type === type))
  const login = async (client: typeof as, user: string, expect: number) =>
    (await client.request('POST', `${v3}/login`, { body: { type, identifier: { type: 'm.id.user', user } }, expect }))
      .body
  const grant = await login(as, '_irc_a', 200)
  assert.equal((await server.client.as(String(grant.access_token)).get(whoami)).user_id, '@_irc_a:localhost')
  assert.equal((await login(as, '@_irc_a:localhost', 200)).user_id, '@_irc_a:localhost')
  assert.equal((await login(as, 'alice', 400)).errcode, 'M_EXCLUSIVE')
  assert.equal((await login(as, '_irc_unknown', 403)).errcode, 'M_FORBIDDEN')
  assert.equal((await login(server.client, '_irc_a', 401)).errcode, 'M_MISSING_TOKEN')
  assert.equal((await login(as.as('nonsense'), '_irc_a', 401)).errcode, 'M_UNKNOWN_TOKEN')
})

test('a token acts for the users of the namespaces, on the device that it names', async () => {
  await using service = await startAppservice()
  await using server = await createTestServer({ config: appserviceConfig(service) })
  await server.user('alice')
  const as = server.client.as(service.asToken)
  const ghost = await createGhost(server, service, '_irc_a')
  const who = async (query: Record<string, string>, expect = 200) =>
    (await as.request('GET', whoami, { query, expect })).body

  assert.deepEqual(await who({}), { user_id: '@irc_bot:localhost', is_guest: false })
  const inQuery = await server.client.get(whoami, { access_token: service.asToken, user_id: ghost.userId })
  assert.deepEqual(inQuery, { user_id: ghost.userId, is_guest: false })
  for (const user of ['@alice:localhost', '@_irc_unknown:localhost', '@_irc_a:elsewhere', 'nonsense']) {
    assert.equal((await who({ user_id: user }, 403)).errcode, 'M_FORBIDDEN', user)
  }
  assert.equal((await who({ user_id: ghost.userId, device_id: 'D' }, 400)).errcode, 'M_UNKNOWN_DEVICE')
  const device = `${v3}/devices/D`
  const made = await as.request('PUT', device, { query: { user_id: ghost.userId }, body: { display_name: 'Bridge' } })
  assert.equal(made.status, 201)
  const again = await as.request('PUT', device, { query: { user_id: ghost.userId }, body: { display_name: 'Other' } })
  assert.equal(again.status, 200)
  for (const key of ['device_id', 'org.matrix.msc3202.device_id']) {
    assert.equal((await who({ user_id: ghost.userId, [key]: 'D' })).device_id, 'D')
  }
  assert.equal((await who({ device_id: 'D' }, 400)).errcode, 'M_UNKNOWN_DEVICE', "the device is another user's")
  assert.equal((await as.get(device, { user_id: ghost.userId })).display_name, 'Other')
})

test('a service lists the members of a room with any of its users, and of no other', async () => {
  await using service = await startAppservice()
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const alice = await server.user('alice')
  const as = server.client.as(service.asToken)
  const [inside, outside] = [await createGhost(server, service, '_irc_a'), await createGhost(server, service, '_irc_b')]
  const [bridged, other] = [await publicRoom(alice, []), await publicRoom(alice, [])]
  const path = (roomId: string) => at`/_matrix/client/v3/rooms/${roomId}/joined_members`
  assert.equal((await as.request('GET', path(bridged), { expect: 403 })).body.errcode, 'M_FORBIDDEN')
  await inside.request('POST', at`/_matrix/client/v3/join/${bridged}`, { body: {} })
  const members = [alice.userId, inside.userId].sort()
  assert.deepEqual(Object.keys((await as.get<{ joined: object }>(path(bridged))).joined).sort(), members)
  const { body } = await outside.request('GET', path(bridged))
  assert.deepEqual(Object.keys(Object(body.joined)).sort(), members)
  assert.equal((await as.request('GET', path(other), { expect: 403 })).body.errcode, 'M_FORBIDDEN')
})

test('what an ended or locked account may not do its application service may not do either', async () => {
  await using service = await startAppservice()
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const { accounts, db } = server.context
  const ghost = await createGhost(server, service, '_irc_a')
  await db.write('test', (tx) => accounts.users.setFlags(tx, ghost.userId as never, { isLocked: true }))
  const locked = await ghost.request('GET', whoami, { expect: 401 })
  assert.equal(locked.body.errcode, 'M_USER_LOCKED')
  await db.write('test', (tx) => accounts.users.deactivate(tx, ghost.userId as never, false))
  const gone = await ghost.request('GET', whoami, { expect: 403 })
  assert.equal(gone.body.errcode, 'M_USER_DEACTIVATED')
})

test('devices and keys are managed without logging in or confirming', async () => {
  await using service = await startAppservice({ registration: { 'io.element.msc4190': true } })
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const as = server.client.as(service.asToken)
  const register = { type, username: '_irc_a' }
  const refused = await as.request('POST', `${v3}/register`, { body: register, expect: 400 })
  assert.equal(refused.body.errcode, 'M_APPSERVICE_LOGIN_UNSUPPORTED')
  const ghost = await createGhost(server, service, '_irc_a')
  const login = { type, identifier: { type: 'm.id.user', user: '_irc_a' } }
  const loginRefused = await as.request('POST', `${v3}/login`, { body: login, expect: 400 })
  assert.equal(loginRefused.body.errcode, 'M_APPSERVICE_LOGIN_UNSUPPORTED')
  for (const device of ['A', 'B', 'C']) await ghost.request('PUT', `${v3}/devices/${device}`, { body: {}, expect: 201 })
  await ghost.request('DELETE', `${v3}/devices/A`)
  await ghost.request('POST', `${v3}/delete_devices`, { body: { devices: ['B'] } })
  const { body } = await ghost.request<{ devices: JsonObject[] }>('GET', `${v3}/devices`)
  assert.deepEqual(
    body.devices.map(({ device_id }) => device_id),
    ['C'],
  )
  for (const generation of [1, 2]) {
    const keys = crossSigning(ghost.userId, generation).upload
    await ghost.request('POST', `${v3}/keys/device_signing/upload`, { body: keys, query: { device_id: 'C' } })
  }
})

test('aliases of an exclusive namespace are made and removed by their application service alone', async () => {
  await using service = await startAppservice()
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const alice = await server.user('alice')
  const root = await server.user('root', { admin: true })
  const room = await createRoom(alice)
  const ghost = await createGhost(server, service, '_irc_a')
  const path = (alias: string) => at`/_matrix/client/v3/directory/room/${alias}`
  const alias = '#_irc_x:localhost'

  assert.equal(await errorOf(alice, 'PUT', path(alias), { room_id: room }, 400), 'M_EXCLUSIVE')
  assert.equal(await errorOf(alice, 'POST', `${v3}/createRoom`, { room_alias_name: '_irc_x' }, 400), 'M_EXCLUSIVE')
  const outside = await ghost.request('PUT', path('#x:localhost'), { body: { room_id: room }, expect: 400 })
  assert.equal(outside.body.errcode, 'M_EXCLUSIVE')
  const made = await ghost.request('POST', `${v3}/createRoom`, { body: { room_alias_name: 'mine' }, expect: 400 })
  assert.equal(made.body.errcode, 'M_EXCLUSIVE')
  await ghost.request('PUT', path(alias), { body: { room_id: room } })
  await ghost.request('PUT', path('#_irc_y:localhost'), { body: { room_id: '!unknown:localhost' }, expect: 404 })
  assert.equal(await errorOf(alice, 'DELETE', path(alias), undefined, 400), 'M_EXCLUSIVE')
  const second = await createGhost(server, service, '_irc_b')
  await second.request('DELETE', path(alias))
  await ghost.request('PUT', path(alias), { body: { room_id: room } })
  await root.delete(path(alias))
  const created = await ghost.request('POST', `${v3}/createRoom`, { body: { room_alias_name: '_irc_z' } })
  assert.ok(created.body.room_id)
})

test('application services say when something was sent', async () => {
  await using service = await startAppservice()
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const alice = await server.user('alice')
  const room = await publicRoom(alice, [])
  const ghost = await createGhost(server, service, '_irc_a')
  const state = (stateKey: string) => at`/_matrix/client/v3/rooms/${room}/state/m.room.member/${stateKey}`
  const sendPath = (txn: string) => at`/_matrix/client/v3/rooms/${room}/send/m.room.message/${txn}`
  const body = { msgtype: 'm.text', body: 'late' }

  const joined = await ghost.request('PUT', state(ghost.userId), { body: { membership: 'join' }, query: { ts: 1000 } })
  const sent = await ghost.request('PUT', sendPath('a'), { body, query: { ts: 2000 } })
  await alice.put(at`/_matrix/client/v3/rooms/${room}/state/m.room.power_levels/`, {
    users: { [ghost.userId]: 50 },
  })
  const topic = await ghost.request('PUT', at`/_matrix/client/v3/rooms/${room}/state/m.room.topic/`, {
    body: { topic: 'x' },
    query: { ts: 3000 },
  })
  const invited = await ghost.request('PUT', state('@carol:localhost'), {
    body: { membership: 'invite' },
    query: { ts: 4000 },
  })
  const times = []
  for (const answer of [joined, sent, topic, invited]) {
    const event = await getEvent(alice, room, String(answer.body.event_id))
    times.push((event as unknown as { origin_server_ts: number }).origin_server_ts)
  }
  assert.deepEqual(times, [1000, 2000, 3000, 4000])
  for (const ts of ['-1', '1.5', 'soon', '9007199254740993', '']) {
    const wrong = await ghost.request('PUT', sendPath(`x${ts}`), { body, query: { ts }, expect: 400 })
    assert.equal(wrong.body.errcode, 'M_INVALID_PARAM', ts)
  }
  for (const ts of ['5000', 'soon']) {
    const { event_id: own } = await alice.put<{ event_id: string }>(`${sendPath(`alice${ts}`)}?ts=${ts}`, body)
    const event = await getEvent(alice, room, own)
    assert.ok((event as unknown as { origin_server_ts: number }).origin_server_ts > 1e12)
  }
})

test('limits hold only for the users of a service that asks for it', async () => {
  await using free = await startAppservice({ id: 'free' })
  await using limited = await startAppservice({ id: 'limited', registration: { rate_limited: true } })
  await using server = await createTestServer({
    config: {
      ...appserviceConfig(free, limited),
      rate_limits: {
        enabled: true,
        message: { per_second: 0.001, burst: 2 },
        registration: { per_second: 0.001, burst: 2 },
      },
    },
  })
  const sendThree = async (service: typeof free, user?: string) => {
    const as = server.client.as(service.asToken)
    const query = { user_id: user }
    const { room_id: room } = await as.post<{ room_id: string }>(`${v3}/createRoom`, {}, { query })
    const statuses = []
    for (const txn of ['1', '2', '3']) {
      const path = at`/_matrix/client/v3/rooms/${room}/send/m.room.message/${txn}`
      statuses.push((await as.request('PUT', path, { query, body: { msgtype: 'm.text', body: txn } })).status)
    }
    return statuses
  }
  const ghosts = []
  for (const name of ['a', 'b', 'c']) ghosts.push(await createGhost(server, free, `_free_${name}`))
  const ghost = await createGhost(server, limited, '_limited_a')
  assert.deepEqual(await sendThree(free, ghosts[0]?.userId), [200, 200, 200])
  assert.deepEqual(await sendThree(limited), [200, 200, 200])
  assert.deepEqual(await sendThree(limited, ghost.userId), [200, 200, 429])
  const stranger = { username: 'x', password, auth: { type: 'm.login.dummy' } }
  const statuses = []
  for (let n = 0; n < 3; n++) {
    const asToken = n === 2 ? 'nonsense' : null
    const answer = await server.client.request('POST', `${v3}/register`, {
      body: { ...stranger, username: `x${n}` },
      accessToken: asToken,
    })
    statuses.push(answer.status)
  }
  assert.deepEqual(statuses, [200, 200, 429])
})

test('registration files are read again, and a wrong one changes nothing', async () => {
  await using service = await startAppservice()
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const { context } = server
  const as = server.client.as(service.asToken)
  await as.get(whoami)
  service.register({ as_token: 'another' })
  await context.reloadAppservices()
  await as.request('GET', whoami, { expect: 401 })
  await as.as('another').get(whoami)
  service.register({ as_token: 7 })
  await assert.rejects(context.reloadAppservices(), /as_token is set, but must be text/)
  await as.as('another').get(whoami)
})
