import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at } from './helpers/client.ts'
import { createRoom, errorOf, getState, publicRoom, send, v3 } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import { sliding } from './helpers/sliding.ts'

interface People {
  readonly server: TestServer
  readonly root: TestUser
  readonly alice: TestUser
  readonly bob: TestUser
}
type Check = (people: People) => Promise<void>

const client = '/_matrix/client'
const accountData = (user: TestUser, type: string) => at`/_matrix/client/v3/user/${user.userId}/account_data/${type}`

const profileAt =
  (prefix: string): Check =>
  async ({ alice, bob }) => {
    const path = `${prefix}/profile/${alice.userId}/org.example.mood`
    await alice.put(path, { 'org.example.mood': 'calm' })
    assert.deepEqual(await bob.get(path), { 'org.example.mood': 'calm' })
    await alice.delete(path)
    await bob.request('GET', path, { expect: 404 })
  }

const mutualRoomsAt =
  (path: string): Check =>
  async ({ alice, bob }) => {
    const roomId = await publicRoom(alice, [bob])
    const { joined } = await alice.get<{ joined: string[] }>(path, { user_id: bob.userId })
    assert.ok(joined.includes(roomId))
  }

const blocksInvites =
  (type: string, content: object): Check =>
  async ({ alice, bob }) => {
    const invite = at`/_matrix/client/v3/rooms/${await createRoom(alice)}/invite`
    await bob.put(accountData(bob, type), content)
    assert.equal(await errorOf(alice, 'POST', invite, { user_id: bob.userId }, 403), 'M_INVITE_BLOCKED')
    await bob.put(accountData(bob, type), {})
    await alice.post(invite, { user_id: bob.userId })
  }

const leavesUnencrypted =
  (preset: string): Check =>
  async ({ alice }) => {
    const roomId = await createRoom(alice, { preset })
    await alice.request('GET', at`/_matrix/client/v3/rooms/${roomId}/state/m.room.encryption`, { expect: 404 })
  }

/** What each flag promises, or what it denies, tried out. */
const flags: Record<string, { value: boolean; check: Check }> = {
  'org.matrix.e2e_cross_signing': {
    value: true,
    check: async ({ alice, bob }) => {
      const key = 'nqOvzeuGWT/sRx3h7+MHoInYj3Uk2LD/unI9kDYcHwk'
      const master = { user_id: alice.userId, usage: ['master'], keys: { [`ed25519:${key}`]: key } }
      await alice.post(`${v3}/keys/device_signing/upload`, { master_key: master })
      const found = await bob.post<{ master_keys: Record<string, { keys: object }> }>(`${v3}/keys/query`, {
        device_keys: { [alice.userId]: [] },
      })
      assert.deepEqual(found.master_keys[alice.userId]?.keys, master.keys)
    },
  },
  'org.matrix.msc3391': {
    value: true,
    check: async ({ alice }) => {
      for (const prefix of ['v3', 'unstable/org.matrix.msc3391']) {
        await alice.put(accountData(alice, 'org.example.x'), { a: 1 })
        await alice.delete(accountData(alice, 'org.example.x').replace('v3', prefix))
        await alice.request('GET', accountData(alice, 'org.example.x'), { expect: 404 })
      }
    },
  },
  'org.matrix.msc4306': {
    value: true,
    check: async ({ alice }) => {
      const roomId = await createRoom(alice)
      const root = await send(alice, roomId, 'root')
      const path = at`/_matrix/client/unstable/io.element.msc4306/rooms/${roomId}/thread/${root}/subscription`
      await alice.put(path, {})
      assert.deepEqual(await alice.get(path), { automatic: false })
      await alice.delete(path)
      await alice.request('GET', path, { expect: 404 })
    },
  },
  'org.matrix.msc3881': {
    value: true,
    check: async ({ alice }) => {
      await alice.post(`${v3}/pushers/set`, {
        kind: 'http',
        app_id: 'org.example',
        pushkey: 'k',
        app_display_name: 'x',
        device_display_name: 'y',
        lang: 'en',
        data: { url: 'http://127.0.0.1:9/_matrix/push/v1/notify' },
        'org.matrix.msc3881.enabled': false,
      })
      const { pushers } = await alice.get<{ pushers: Record<string, unknown>[] }>(`${v3}/pushers`)
      assert.equal(pushers[0]?.['org.matrix.msc3881.enabled'], false)
      assert.equal(pushers[0]?.['org.matrix.msc3881.device_id'], alice.deviceId)
    },
  },
  'org.matrix.msc3916.stable': {
    value: true,
    check: async ({ server, alice, bob }) => {
      const uploaded = await alice.request<{ content_uri: string }>('POST', '/_matrix/media/v3/upload', {
        body: 'hello',
        headers: { 'Content-Type': 'text/plain' },
        expect: 200,
      })
      const path = `${client}/v1/media/download/${uploaded.body.content_uri.slice('mxc://'.length)}`
      assert.equal((await bob.request('GET', path, { expect: 200 })).text, 'hello')
      await server.client.request('GET', path, { expect: 401 })
    },
  },
  'org.matrix.simplified_msc3575': {
    value: true,
    check: async ({ alice }) => {
      const roomId = await createRoom(alice, { name: 'Seen' })
      const list = { ranges: [[0, 0]], timeline_limit: 1, required_state: [] }
      const { rooms } = await sliding(alice, { lists: { all: list } })
      assert.equal(rooms[roomId]?.name, 'Seen')
    },
  },
  'uk.tcpip.msc4133': { value: true, check: profileAt(`${client}/unstable/uk.tcpip.msc4133`) },
  'uk.tcpip.msc4133.stable': { value: true, check: profileAt(v3) },
  'uk.half-shot.msc2666.query_mutual_rooms': {
    value: true,
    check: mutualRoomsAt(`${client}/unstable/uk.half-shot.msc2666/user/mutual_rooms`),
  },
  'uk.half-shot.msc2666.query_mutual_rooms.stable': { value: true, check: mutualRoomsAt(`${client}/v1/mutual_rooms`) },
  'org.matrix.msc4155': {
    value: true,
    check: blocksInvites('org.matrix.msc4155.invite_permission_config', { blocked_servers: ['*'] }),
  },
  'org.matrix.msc4380.stable': {
    value: true,
    check: blocksInvites('m.invite_permission_config', { default_action: 'block' }),
  },
  'uk.timedout.msc4323': {
    value: true,
    check: async ({ root, bob }) => {
      for (const [action, key] of [
        ['suspend', 'suspended'],
        ['lock', 'locked'],
      ] as const) {
        const path = `${client}/unstable/uk.timedout.msc4323/admin/${action}/${bob.userId}`
        assert.deepEqual(await root.put(path, { [key]: true }), { [key]: true })
        assert.deepEqual(await root.get(path), { [key]: true })
        await root.put(path, { [key]: false })
      }
    },
  },
  'org.matrix.msc4140': {
    value: true,
    check: async ({ alice }) => {
      const roomId = await createRoom(alice)
      const path = at`/_matrix/client/v3/rooms/${roomId}/send/m.room.message/${'later'}`
      const query = { 'org.matrix.msc4140.delay': 60_000 }
      const { body } = await alice.request('PUT', path, { query, body: { body: 'later' }, expect: 200 })
      await alice.post(`${client}/unstable/org.matrix.msc4140/delayed_events/${body.delay_id}/cancel`, {})
    },
  },
  'org.matrix.msc4140.stable': {
    value: true,
    check: async ({ alice }) => {
      const path = at`/_matrix/client/v3/rooms/${await createRoom(alice)}/delayed_event/m.room.message/${'later'}`
      const { delay_id: delayId } = await alice.put<{ delay_id: string }>(path, { delay_ms: 60_000, content: {} })
      await alice.post(`${client}/v1/delayed_events/${delayId}/cancel`, {})
    },
  },
  'org.matrix.msc4354': {
    value: true,
    check: async ({ alice }) => {
      const roomId = await createRoom(alice)
      const path = at`/_matrix/client/v3/rooms/${roomId}/send/org.example.sticky/${'sticky'}`
      const query = { 'org.matrix.msc4354.sticky_duration_ms': 60_000 }
      const { body } = await alice.request('PUT', path, { query, body: {}, expect: 200 })
      const event = await alice.get(at`/_matrix/client/v3/rooms/${roomId}/event/${String(body.event_id)}`)
      assert.deepEqual(event.msc4354_sticky, { duration_ms: 60_000 })
    },
  },
  'io.element.e2ee_forced.public': { value: false, check: leavesUnencrypted('public_chat') },
  'io.element.e2ee_forced.private': { value: false, check: leavesUnencrypted('private_chat') },
  'io.element.e2ee_forced.trusted_private': { value: false, check: leavesUnencrypted('trusted_private_chat') },
}

async function people(server: TestServer): Promise<People> {
  const root = await server.user('root', { admin: true })
  return { server, root, alice: await server.user('alice'), bob: await server.user('bob') }
}

test('every flag of /versions holds what it promises, and no other is listed', async (t) => {
  await using server = await createTestServer()
  const present = await people(server)
  const { unstable_features: listed } = await server.client.get<{ unstable_features: Record<string, boolean> }>(
    `${client}/versions`,
  )
  const expected = Object.fromEntries(Object.entries(flags).map(([flag, { value }]) => [flag, value]))
  assert.deepEqual(listed, expected)
  for (const [flag, { check }] of Object.entries(flags)) await t.test(flag, () => check(present))
})

test('what clients try without a flag and is not here is an unknown path, to pages on other sites too', async () => {
  await using server = await createTestServer()
  const { alice } = await people(server)
  const roomId = await createRoom(alice)
  for (const [method, path] of [
    ['GET', 'v1/auth_metadata'],
    ['GET', 'unstable/org.matrix.msc2965/auth_metadata'],
    ['GET', 'unstable/org.matrix.msc2965/auth_issuer'],
    ['GET', 'unstable/org.matrix.msc4143/rtc/transports'],
    ['GET', 'v1/rtc/transports'],
    ['GET', 'unstable/io.element.msc4388/rendezvous'],
    ['POST', 'unstable/io.element.msc4388/rendezvous'],
    ['POST', 'unstable/org.matrix.msc4108/rendezvous'],
    ['GET', 'unstable/org.matrix.msc1763/retention/configuration'],
    ['POST', 'unstable/org.matrix.msc3575/sync'],
    ['GET', 'unstable/org.example/whatever'],
  ] as const) {
    const options = { ...(method === 'POST' && { body: {} }), expect: 404, unchecked: true }
    const { body, headers } = await alice.request(method, `${client}/${path}`, options)
    assert.equal(body.errcode, 'M_UNRECOGNIZED', path)
    assert.equal(headers.get('access-control-allow-origin'), '*', path)
  }
  for (const [method, path] of [
    ['POST', 'sfu/get'],
    ['POST', 'get_token'],
    ['GET', 'healthz'],
  ] as const) {
    const options = { ...(method === 'POST' && { body: {} }), expect: 404 }
    assert.equal((await alice.request(method, `/livekit/jwt/${path}`, options)).body.errcode, 'M_UNRECOGNIZED', path)
  }
  // Nor does the well-known file point to any of it.
  const known = await server.client.get('/.well-known/matrix/client')
  assert.deepEqual(Object.keys(known), ['m.homeserver'])
  // Without MSC2815 and MSC3814's device, answers are those of a server that does not know of them.
  const dehydrated = `${client}/unstable/org.matrix.msc3814.v1/dehydrated_device`
  assert.equal(await errorOf(alice, 'GET', dehydrated, undefined, 404), 'M_NOT_FOUND')
  const secret = await send(alice, roomId, 'secret')
  await alice.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${secret}/r`, {})
  const event = await alice.get<{ content: object }>(at`/_matrix/client/v3/rooms/${roomId}/event/${secret}`, {
    'fi.mau.msc2815.include_unredacted_content': true,
  })
  assert.deepEqual(event.content, {})
})

test('what clients try without a flag and is here works', async () => {
  await using server = await createTestServer()
  const { alice } = await people(server)
  const roomId = await createRoom(alice, { name: 'Known', preset: 'public_chat' })
  for (const path of [
    `${client}/v1/room_summary/${roomId}`,
    `${client}/unstable/im.nheko.summary/summary/${roomId}`,
    `${client}/unstable/im.nheko.summary/rooms/${roomId}/summary`,
  ]) {
    assert.equal((await alice.get(path)).name, 'Known', path)
  }
  const { capabilities } = await alice.get<{ capabilities: Record<string, unknown> }>(`${v3}/capabilities`)
  assert.ok('io.element.msc4452.preview_url' in capabilities)
  assert.deepEqual(await getState(alice, roomId, 'm.room.name'), { name: 'Known' })
})
