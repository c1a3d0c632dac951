import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, it } from 'node:test'
import { endpoints } from '../src/routes.ts'
import { at, type Client } from './helpers/client.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { membershipOf, publicRoom, setState, v3 } from './helpers/rooms.ts'
import { createTestServer, password, type TestServer, type TestUser } from './helpers/server.ts'
import { sync } from './helpers/sync.ts'

const register = `${v3}/register`

interface Guest extends Client {
  readonly userId: string
  readonly accessToken: string
  readonly deviceId: string
}

async function guestOf(server: TestServer, body: object = {}): Promise<Guest> {
  const made = await server.client.post<{ user_id: string; access_token: string; device_id: string }>(
    `${register}?kind=guest`,
    body,
  )
  const client = server.client.as(made.access_token)
  return { ...client, userId: made.user_id, accessToken: made.access_token, deviceId: made.device_id }
}

const withGuests = { config: { registration: { guests: true } } }
const localpart = ({ userId }: Guest) => userId.slice(1, userId.indexOf(':'))
const open = { initial_state: [{ type: 'm.room.guest_access', content: { guest_access: 'can_join' } }] }

let server: TestServer
let alice: TestUser
before(async () => {
  server = await createTestServer(withGuests)
  alice = await server.user('alice')
})
after(() => server.stop())

/** What is open to guests beside the list of the specification: other ways to the same, and the end of the session. */
const others = new Set([
  'POST /_matrix/client/v3/join/{roomIdOrAlias}',
  'POST /_matrix/client/v3/publicRooms',
  'POST /_matrix/client/v3/logout',
  'POST /_matrix/client/v3/logout/all',
  'POST /_matrix/client/unstable/org.matrix.simplified_msc3575/sync',
  'POST /_matrix/client/v4/sync',
  'PUT /_matrix/client/v3/rooms/{roomId}/delayed_event/{eventType}/{txnId}',
  'GET /_matrix/client/v3/capabilities',
  'GET /_matrix/client/v1/delayed_events',
  'GET /_matrix/client/v1/delayed_events/{delayId}',
  'POST /_matrix/client/v1/delayed_events/{delayId}/{action}',
])

it('guests may do what the specification lists, and nothing else', async () => {
  const rows = readFileSync(new URL('../docs/spec-endpoints.tsv', import.meta.url), 'utf8').split('\n')
  const guestOk = rows[0]?.split('\t').indexOf('guest_ok') ?? -1
  const listed = new Set(
    rows.map((row) => row.split('\t')).flatMap((row) => (row[guestOk] === 'yes' ? [`${row[1]} ${row[2]}`] : [])),
  )
  assert.ok(listed.size > 20)
  const served = endpoints(server.context).filter(({ path }) => path.startsWith('/_matrix/client/'))
  const isOpen = new Map(served.map(({ method, path, auth }) => [`${method} ${path}`, auth]))
  for (const [name, auth] of isOpen) {
    if (auth !== 'user-or-guest') continue
    assert.ok(listed.has(name) || others.has(name), `${name} is open to guests`)
  }
  for (const name of listed) {
    const auth = isOpen.get(name)
    if (auth !== undefined) assert.notEqual(auth, 'user', `${name} is closed to guests`)
  }
  const guest = await guestOf(server)
  for (const { method, path, auth } of served) {
    if (auth !== 'user' && auth !== 'admin') continue
    const answer = await guest
      .request(method, path.replace(/\{\w+\}/g, 'x'), { body: method === 'GET' ? '' : {} })
      .catch(() => guest.request(method, path.replace(/\{\w+\}/g, 'x')))
    assert.equal(answer.body.errcode, 'M_GUEST_ACCESS_FORBIDDEN', `${method} ${path}`)
  }
})

it('a guest joins a room that takes guests, speaks there, and keeps an account of its own', async () => {
  const guest = await guestOf(server, { initial_device_display_name: 'browser', device_id: 'IGNORED' })
  const roomId = await publicRoom(alice, [], open)
  await guest.post(at`/_matrix/client/v3/rooms/${roomId}/join`)
  await guest.put(at`/_matrix/client/v3/profile/${guest.userId}/displayname`, { displayname: 'Visitor' })
  await guest.put(at`/_matrix/client/v3/rooms/${roomId}/send/m.room.message/1`, { msgtype: 'm.text', body: 'hi' })
  await guest.put(at`/_matrix/client/v3/rooms/${roomId}/send/org.example.any/2`, { a: 1 })
  await setState(alice, roomId, 'm.room.power_levels', { events: { 'org.example.state': 0 } })
  await guest.put(at`/_matrix/client/v3/rooms/${roomId}/state/org.example.state/`, { a: 1 })
  await guest.put(at`/_matrix/client/v3/sendToDevice/org.example/1`, {
    messages: { [alice.userId]: { '*': { a: 1 } } },
  })
  assert.ok((await sync(guest)).rooms?.join?.[roomId])
  const { devices } = await guest.get<{ devices: { device_id: string; display_name?: string }[] }>(`${v3}/devices`)
  assert.deepEqual(
    devices.map(({ device_id, display_name }) => [device_id, display_name]),
    [[guest.deviceId, 'browser']],
  )
  await guest.put(at`/_matrix/client/v3/devices/${guest.deviceId}`, { display_name: 'renamed' })
  await guest.post(`${v3}/keys/query`, { device_keys: { [alice.userId]: [] } })
  await guest.post(at`/_matrix/client/v3/rooms/${roomId}/leave`)
  await guest.request('GET', `${v3}/events`, { expect: 403 })
})

it('a guest looks into rooms that the world may read', async () => {
  const guest = await guestOf(server)
  const roomId = await publicRoom(alice, [])
  const look = (expect: number) => guest.request('GET', at`/_matrix/client/v3/rooms/${roomId}/initialSync`, { expect })
  await look(403)
  await setState(alice, roomId, 'm.room.history_visibility', { history_visibility: 'world_readable' })
  await look(200)
  const { end } = await guest.get<{ end: string }>(`${v3}/events`, { room_id: roomId })
  await setState(alice, roomId, 'm.room.name', { name: 'named' })
  const { chunk } = await guest.get<{ chunk: object[] }>(`${v3}/events`, { room_id: roomId, from: end })
  assert.equal(chunk.length, 1)
  const join = await guest.request('POST', at`/_matrix/client/v3/rooms/${roomId}/join`, { body: {}, expect: 403 })
  assert.equal(join.body.errcode, 'M_GUEST_ACCESS_FORBIDDEN')
})

for (const engine of engines) {
  it(`a guest becomes a full user, and keeps rooms, devices and keys (${engine})`, {
    skip: skipEngine(engine),
  }, async () => {
    await using own = await createTestServer({ ...withGuests, engine })
    const host = await own.user('host')
    const guest = await guestOf(own)
    const roomId = await publicRoom(host, [], open)
    await guest.post(at`/_matrix/client/v3/rooms/${roomId}/join`)
    const auth = { type: 'm.login.dummy' }
    const body = { username: localpart(guest), guest_access_token: guest.accessToken, password, auth }
    const made = await own.client.post<{ user_id: string; access_token: string }>(register, body)
    assert.equal(made.user_id, guest.userId)
    const user = own.client.as(made.access_token)
    for (const client of [user, guest]) assert.equal((await client.get(`${v3}/account/whoami`)).is_guest, false)
    await user.post(`${v3}/createRoom`, {})
    // Whoever is no guest may stay where guests must go.
    const visitor = await guestOf(own)
    await visitor.post(at`/_matrix/client/v3/rooms/${roomId}/join`)
    const { next_batch: since } = await sync(visitor)
    await setState(host, roomId, 'm.room.guest_access', { guest_access: 'forbidden' })
    while (!(await sync(visitor, { since, timeout: 30_000 })).rooms?.leave?.[roomId]);
    assert.equal(await membershipOf(host, roomId, guest.userId), 'join')
    const login = { type: 'm.login.password', identifier: { type: 'm.id.user', user: localpart(guest) }, password }
    await own.client.post(`${v3}/login`, login)
    const again = await own.client.request('POST', register, { body, expect: 403 })
    assert.equal(again.body.errcode, 'M_FORBIDDEN')
  })
}

it('nobody becomes somebody else by way of a guest', async () => {
  const [guest, other] = [await guestOf(server), await guestOf(server)]
  const attempt = async (body: object, status: number) => {
    const auth = { type: 'm.login.dummy' }
    const answer = await server.client.request('POST', register, { body: { password, auth, ...body }, expect: status })
    return answer.body.errcode
  }
  const token = guest.accessToken
  assert.equal(await attempt({ guest_access_token: token }, 400), 'M_MISSING_PARAM')
  assert.equal(await attempt({ guest_access_token: token, username: localpart(other) }, 403), 'M_FORBIDDEN')
  assert.equal(await attempt({ guest_access_token: token, username: 'alice' }, 403), 'M_FORBIDDEN')
  assert.equal(await attempt({ guest_access_token: token, username: 'somebody-new' }, 403), 'M_FORBIDDEN')
  assert.equal(await attempt({ guest_access_token: 'wrong', username: localpart(guest) }, 403), 'M_FORBIDDEN')
  const user = { guest_access_token: alice.accessToken, username: 'alice' }
  assert.equal(await attempt(user, 403), 'M_FORBIDDEN')
  assert.equal(await attempt({ username: localpart(guest) }, 400), 'M_USER_IN_USE')
  assert.equal((await guest.get(`${v3}/account/whoami`)).is_guest, true)
})

it('a guest is not upgraded where registration is closed', async () => {
  await using closed = await createTestServer({ config: { registration: { guests: true, enabled: false } } })
  const guest = await guestOf(closed)
  const body = { username: localpart(guest), guest_access_token: guest.accessToken, password }
  const answer = await closed.client.request('POST', register, { body, expect: 403 })
  assert.equal(answer.body.errcode, 'M_FORBIDDEN')
})

it('guests are told what they cannot change, and what calls may delay', async () => {
  const guest = await guestOf(server)
  const { body } = await guest.request('GET', '/_matrix/client/v3/capabilities')
  const { 'm.change_password': password, 'm.delayed_events': delayed } = Object(body.capabilities)
  assert.deepEqual(password, { enabled: false })
  assert.ok(delayed.max_delay_ms > 0)
})
