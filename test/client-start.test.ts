import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at } from './helpers/client.ts'
import { createTestServer, password } from './helpers/server.ts'

const v3 = '/_matrix/client/v3'

interface Refusal {
  errcode: string
}

test('the requests with which Element finds a server, registers and starts', async () => {
  await using server = await createTestServer()
  const { client } = server
  const { versions } = await client.get<{ versions: string[] }>('/_matrix/client/versions')
  assert.ok(versions.includes('v1.1'), 'matrix-js-sdk refuses servers without v1.1')
  const discovered = await client.get('/.well-known/matrix/client')
  assert.deepEqual(discovered, { 'm.homeserver': { base_url: server.url } })
  const { flows } = await client.get<{ flows: { type: string }[] }>(`${v3}/login`)
  assert.ok(flows.some(({ type }) => type === 'm.login.password'))

  const challenge = await client.request<{ session: string; flows: object[] }>('POST', `${v3}/register`, { body: {} })
  assert.equal(challenge.status, 401)
  assert.deepEqual(challenge.body.flows, [{ stages: ['m.login.dummy'] }])
  await client.get(`${v3}/register/available`, { username: 'alice' })
  const account = { username: 'Alice', password, initial_device_display_name: 'Element', inhibit_login: false }
  const auth = { session: challenge.body.session, type: 'm.login.dummy' }
  const { user_id, device_id, access_token } = await client.post<{
    user_id: string
    device_id: string
    access_token: string
  }>(`${v3}/register`, { ...account, auth })
  assert.equal(user_id, '@alice:localhost')

  const alice = client.as(access_token)
  assert.deepEqual(await alice.get(`${v3}/account/whoami`), { user_id, device_id, is_guest: false })
  const { capabilities } = await alice.get<{ capabilities: Record<string, { default?: string }> }>(`${v3}/capabilities`)
  assert.equal(capabilities['m.room_versions']?.default, '12')
  await alice.get(`${v3}/pushrules/`)
  await alice.get(`${v3}/pushers`)
  await alice.get(`${v3}/devices`)
  await alice.get(at`/_matrix/client/v3/profile/${user_id}`)
  // What an account does not have yet is M_NOT_FOUND, and what a server cannot do M_UNRECOGNIZED: clients tell them apart.
  const absent = [
    `${v3}/room_keys/version`,
    at`/_matrix/client/v3/user/${user_id}/account_data/m.secret_storage.default_key`,
    '/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device',
  ]
  for (const path of absent) {
    const { status, body } = await alice.request<Refusal>('GET', path)
    assert.deepEqual([status, body.errcode], [404, 'M_NOT_FOUND'], path)
  }
  const foreign = await alice.request<Refusal>('GET', '/_matrix/client/unstable/net.example/thing')
  assert.deepEqual([foreign.status, foreign.body.errcode], [404, 'M_UNRECOGNIZED'])

  const filter = {
    room: { timeline: { limit: 20, unread_thread_notifications: true }, state: { lazy_load_members: true } },
  }
  const { filter_id } = await alice.post<{ filter_id: string }>(at`/_matrix/client/v3/user/${user_id}/filter`, filter)
  const query = { filter: filter_id, timeout: 0, _cacheBuster: '1754000000000' }
  const first = await alice.get<{ next_batch: string; account_data: { events: { type: string }[] } }>(
    `${v3}/sync`,
    query,
  )
  assert.ok(first.account_data.events.some(({ type }) => type === 'm.push_rules'))
  const creation = {
    name: 'Test',
    preset: 'private_chat',
    visibility: 'private',
    initial_state: [
      { type: 'm.room.guest_access', state_key: '', content: { guest_access: 'can_join' } },
      { type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } },
    ],
  }
  const { room_id } = await alice.post<{ room_id: string }>(`${v3}/createRoom`, creation)
  const next = await alice.get<{ rooms: { join: Record<string, object> } }>(`${v3}/sync`, {
    ...query,
    since: first.next_batch,
  })
  assert.deepEqual(Object.keys(next.rooms.join), [room_id])
  await alice.get(at`/_matrix/client/v3/rooms/${room_id}/members`, { not_membership: 'leave' })
  await alice.put(at`/_matrix/client/v3/rooms/${room_id}/typing/${user_id}`, { typing: true, timeout: 30_000 })
  const { event_id } = await alice.put<{ event_id: string }>(
    at`/_matrix/client/v3/rooms/${room_id}/send/m.room.message/${'m1754000000000.0'}`,
    { msgtype: 'm.text', body: 'hello', 'm.mentions': {} },
  )
  await alice.post(at`/_matrix/client/v3/rooms/${room_id}/receipt/m.read/${event_id}`)
  await alice.post(at`/_matrix/client/v3/rooms/${room_id}/receipt/m.read.private/${event_id}`, { thread_id: 'main' })
  await alice.post(at`/_matrix/client/v3/rooms/${room_id}/read_markers`, {
    'm.fully_read': event_id,
    'm.read': event_id,
  })
  await alice.post(`${v3}/logout`)
})
