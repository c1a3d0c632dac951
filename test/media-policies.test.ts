/** What rooms, people and the sender of a file say of how long it is kept. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { createTestClock } from '../src/util/clock.ts'
import { appserviceConfig, createGhost, startAppservice } from './helpers/appservice.ts'
import { at } from './helpers/client.ts'
import { fetchWhole, image, status } from './helpers/deliveries.ts'
import { testOnEngines } from './helpers/engines.ts'
import { download, upload } from './helpers/media.ts'
import { act, createRoom, send, setState } from './helpers/rooms.ts'
import { createTestServer, type TestServerOptions, type TestUser } from './helpers/server.ts'

const hour = 3_600_000
const day = 24 * hour
const policyType = 'io.ringback.media_policy'

async function setUp(delivery: object = {}, options: TestServerOptions = {}) {
  const clock = createTestClock()
  const config = { media: { sweep_interval: '3000d', delivery }, ...options.config }
  const server = await createTestServer({ clock, ...options, config })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const settle = async () => {
    await server.context.media.delivery.idle()
    await server.context.jobs.drain()
  }
  const pass = async (ms: number) => {
    await settle()
    clock.advance(ms)
    await server.context.media.delivery.sweep(new AbortController().signal)
    await settle()
  }
  const room = async (body: object = {}) => {
    const roomId = await createRoom(alice, { preset: 'public_chat', ...body })
    await bob.post(at`/_matrix/client/v3/join/${roomId}`)
    return roomId
  }
  /** Alice sends a file, and Bob fetches it. */
  const deliver = async (roomId: string, content: JsonObject = {}) => {
    const mxc = await upload(alice, 'x')
    await send(alice, roomId, image(mxc, content))
    await fetchWhole(server, bob, mxc)
    return mxc
  }
  const choose = (user: TestUser, content: JsonObject) =>
    user.put(at`/_matrix/client/v3/user/${user.userId}/account_data/${policyType}`, content)
  return { server, clock, alice, bob, room, deliver, choose, settle, pass, [Symbol.asyncDispose]: server.stop }
}

const voice = { msgtype: 'm.audio', 'org.matrix.msc3245.voice': {} }
const note = { msgtype: 'm.audio', 'io.ringback.note': {} }

testOnEngines('a room says what becomes of its files, if somebody says so who may do all', async (_t, { engine }) => {
  await using all = await setUp({ choices: { min_grace: '1h', max_lifetime: '100d' } }, { engine })
  const { alice, bob, room, deliver, pass } = all
  const levels = { users: { [alice.userId]: 100, [bob.userId]: 50 } }
  const creation = { room_version: '11', power_level_content_override: levels }
  const [vanishing, keeping, modest] = [await room(creation), await room(creation), await room(creation)]
  const content = { kind: 'after_delivery', grace: 0, media: { video: { kind: 'after_delivery', grace: '2d' } } }
  await setState(alice, vanishing, policyType, content)
  await setState(alice, keeping, policyType, { kind: 'keep' })
  await setState(bob, modest, policyType, content)
  const photos: string[] = []
  for (const roomId of [vanishing, keeping, modest]) photos.push(await deliver(roomId))
  const [gone = '', kept = '', untouched = ''] = photos
  const video = await deliver(vanishing, { msgtype: 'm.video' })
  const keptNote = await deliver(keeping, note)
  const plainNote = await deliver(modest, note)
  await pass(hour - 1)
  assert.equal(await status(bob, gone), 200, 'not under the minimum of the server')
  await pass(hour)
  assert.deepEqual([await status(bob, gone), await status(bob, video)], [404, 200])
  await pass(2 * day)
  assert.equal(await status(bob, video), 404)
  await pass(10 * day)
  assert.deepEqual([await status(bob, plainNote), await status(bob, keptNote)], [404, 200])
  await pass(80 * day)
  assert.deepEqual(
    [await status(bob, kept), await status(bob, keptNote), await status(bob, untouched)],
    [200, 200, 200],
  )
  await pass(10 * day)
  assert.deepEqual([await status(bob, kept), await status(bob, keptNote)], [404, 404], 'over the maximum of the server')
  assert.equal(await status(bob, untouched), 200, 'a moderator does not decide')
})

testOnEngines('a policy that is set or lifted later counts for what has been sent', async (_t, { engine }) => {
  await using all = await setUp({ scope: 'all', grace: '5d' }, { engine })
  const { alice, bob, room, deliver, pass } = all
  const roomId = await room()
  const mxc = await deliver(roomId)
  await pass(4 * day)
  await setState(alice, roomId, policyType, { kind: 'keep' })
  await pass(100 * day)
  assert.equal(await status(bob, mxc), 200)
  await setState(alice, roomId, policyType, { kind: 5, grace: 'soon', media: [] })
  await pass(0)
  assert.equal(await status(bob, mxc), 404)
})

test('people may have what they have spoken vanish, and a room may keep it', async () => {
  await using all = await setUp()
  const { alice, bob, room, deliver, choose, pass } = all
  const [open, keeping] = [await room(), await room()]
  await setState(alice, keeping, policyType, { kind: 'keep' })
  await choose(alice, {
    kind: 'after_delivery',
    grace: '1d',
    media: { video: { kind: 'after_delivery', grace: '1d' } },
  })
  const [spoken, photo] = [await deliver(open, voice), await deliver(open)]
  const [video, kept] = [await deliver(open, { msgtype: 'm.video' }), await deliver(keeping, voice)]
  await pass(2 * day)
  const found = []
  for (const mxc of [spoken, photo, video, kept]) found.push(await status(bob, mxc))
  assert.deepEqual(found, [404, 200, 404, 200])
  await choose(alice, {})
  const later = await deliver(open, voice)
  await pass(50 * day)
  assert.equal(await status(bob, later), 200)
})

test('kinds have rules of their own: pictures by models go after 90 days', async () => {
  await using all = await setUp({ kinds: { voice: { policy: 'after_delivery', grace: '1d' } } })
  const { bob, room, deliver, pass } = all
  const roomId = await room()
  const drawn = await deliver(roomId, { 'io.ringback.ai_generated': { model: 'x' } })
  const [spoken, photo] = [await deliver(roomId, voice), await deliver(roomId)]
  await pass(2 * day)
  assert.deepEqual([await status(bob, spoken), await status(bob, photo)], [404, 200])
  await pass(87 * day)
  assert.equal(await status(bob, drawn), 200)
  await pass(2 * day)
  assert.deepEqual([await status(bob, drawn), await status(bob, photo)], [404, 200])
})

test('a new configuration counts for what is there already', async () => {
  await using all = await setUp({ scope: 'all', grace: '400d' })
  const { server, bob, room, deliver, settle } = all
  const mxc = await deliver(await room())
  await settle()
  const before = await server.context.db.read((reader) =>
    reader.qb.selectFrom('media_deliveries').select(['policy', 'due_ts']).executeTakeFirstOrThrow(),
  )
  await server.context.db.write('another policy', async (tx) => {
    await tx.qb.updateTable('media_deliveries').set({ policy: 'another', due_ts: 0 }).execute()
  })
  await server.context.media.delivery.sweep(new AbortController().signal)
  const after = await server.context.db.read((reader) =>
    reader.qb.selectFrom('media_deliveries').select(['policy', 'due_ts']).executeTakeFirstOrThrow(),
  )
  assert.deepEqual(after, before)
  assert.equal(await status(bob, mxc), 200)
})

const sendEncrypted = (user: TestUser, roomId: string, txn: string, query: object, expect = 200) =>
  user.request('PUT', at`/_matrix/client/v3/rooms/${roomId}/send/m.room.encrypted/${txn}`, {
    query: query as Record<string, string>,
    body: { algorithm: 'm.megolm.v1.aes-sha2', ciphertext: txn },
    expect,
  })

async function uploadFor(user: TestUser, roomId: string, kind: string, expect = 200): Promise<string> {
  const { body } = await user.request('POST', '/_matrix/media/v3/upload', {
    query: { room_id: roomId, kind },
    body: new Uint8Array(Buffer.from(kind)) as never,
    expect,
  })
  return String(body.content_uri)
}

testOnEngines('in encrypted rooms what the sender declares is deleted, and nothing else', async (_t, { engine }) => {
  await using all = await setUp({ grace: '1d' }, { engine })
  const { server, alice, bob, room, pass } = all
  const roomId = await room()
  const [declared, attached, silent] = [
    await uploadFor(alice, roomId, 'note'),
    await uploadFor(alice, roomId, 'note'),
    await upload(alice, 'silent'),
  ]
  const { body } = await sendEncrypted(alice, roomId, 'a', { 'org.matrix.msc3911.attach_media': attached })
  await sendEncrypted(alice, roomId, 'b', {})
  for (const mxc of [declared, attached]) await fetchWhole(server, bob, mxc)
  assert.equal(await status(bob, silent), 200)
  await pass(day - hour)
  for (const mxc of [declared, attached]) assert.equal(await status(bob, mxc), 200)
  await pass(2 * hour)
  for (const mxc of [declared, attached]) assert.equal(await status(bob, mxc), 404)
  await pass(900 * day)
  assert.equal(await status(bob, silent), 200)
  assert.match(String(body.event_id), /^\$/)

  const redacted = await uploadFor(alice, roomId, 'note')
  const sent = await sendEncrypted(alice, roomId, 'c', { attach_media: redacted })
  await alice.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${String(sent.body.event_id)}/r`)
  await pass(0)
  assert.equal(await status(bob, redacted), 404)
})

test('only what is one’s own can be declared, and only for rooms where one is', async () => {
  await using all = await setUp({ grace: 0 })
  const { server, alice, bob, room, pass } = all
  const roomId = await room()
  const outsider = await server.user('outsider')
  const mxc = await upload(alice, 'x')
  for (const wrong of [mxc, 'mxc://elsewhere.example/x', 'x', `${mxc}x`]) {
    await sendEncrypted(bob, roomId, 'a', { attach_media: wrong }, 400)
  }
  await sendEncrypted(bob, roomId, 'a', { attach_media: Array.from({ length: 21 }, (_, i) => `${mxc}${i}`) }, 400)
  await uploadFor(outsider, roomId, 'note', 403)
  await uploadFor(alice, '!nowhere:localhost', 'note', 403)
  await uploadFor(alice, roomId, 'secret', 400)
  await download(bob, mxc)
  await pass(50 * day)
  assert.equal(await status(bob, mxc), 200)
})

test('who is banned is not waited for, nor who closes the account, nor guests', async () => {
  await using all = await setUp({ scope: 'all', grace: '1h' }, { config: { registration: { guests: true } } })
  const { server, alice, bob, room, deliver, pass } = all
  const [carol, dave] = [await server.user('carol'), await server.user('dave')]
  const guestAccess = { type: 'm.room.guest_access', state_key: '', content: { guest_access: 'can_join' } }
  const roomId = await room({ initial_state: [guestAccess] })
  const guest = await server.client.request('POST', '/_matrix/client/v3/register', {
    query: { kind: 'guest' },
    body: {},
    expect: 200,
  })
  assert.match(String(guest.body.user_id), /^@/)
  for (const user of [carol, dave]) await user.post(at`/_matrix/client/v3/join/${roomId}`)
  const joined = await fetch(server.url + at`/_matrix/client/v3/join/${roomId}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${String(guest.body.access_token)}` },
    body: '{}',
  })
  assert.equal(joined.status, 200)
  const mxc = await deliver(roomId)
  await pass(2 * hour)
  assert.equal(await status(bob, mxc), 200)
  await act(alice, roomId, 'ban', { user_id: carol.userId })
  await pass(2 * hour)
  assert.equal(await status(bob, mxc), 200)
  const { accounts, db } = server.context
  await db.write('deactivate', (tx) => accounts.users.deactivate(tx, dave.userId, false))
  await pass(0)
  await pass(hour)
  assert.equal(await status(bob, mxc), 404)
})

test('the users of an application service count as one, whoever of them fetches', async () => {
  await using service = await startAppservice()
  await using all = await setUp({ scope: 'all', grace: 0 }, { config: appserviceConfig(service) })
  const { server, bob, room, deliver, pass } = all
  const roomId = await room()
  for (const name of ['_irc_one', '_irc_two']) {
    const ghost = await createGhost(server, service, name)
    await ghost.request('POST', at`/_matrix/client/v3/join/${roomId}`, { body: {} })
  }
  const mxc = await deliver(roomId)
  await pass(hour)
  assert.equal(await status(bob, mxc), 200)
  const path = `/_matrix/client/v1/media/download/${mxc.slice('mxc://'.length)}`
  const answer = await fetch(server.url + path, { headers: { Authorization: `Bearer ${service.asToken}` } })
  assert.equal((await answer.arrayBuffer()).byteLength, 1)
  await pass(0)
  await pass(hour)
  assert.equal(await status(bob, mxc), 404)
})

test('a user of an application service who has an access token fetches for all of them', async () => {
  await using service = await startAppservice()
  await using all = await setUp({ scope: 'all', grace: 0 }, { config: appserviceConfig(service) })
  const { server, bob, room, deliver, pass } = all
  const roomId = await room()
  const ghost = await createGhost(server, service, '_irc_one')
  await ghost.request('POST', at`/_matrix/client/v3/join/${roomId}`, { body: {} })
  const login = { type: 'm.login.application_service', identifier: { type: 'm.id.user', user: ghost.userId } }
  const client = server.client.as(service.asToken)
  const { access_token: token } = await client.post<{ access_token: string }>('/_matrix/client/v3/login', login)
  const mxc = await deliver(roomId)
  const path = `/_matrix/client/v1/media/download/${mxc.slice('mxc://'.length)}`
  const answer = await fetch(server.url + path, { headers: { Authorization: `Bearer ${token}` } })
  assert.equal((await answer.arrayBuffer()).byteLength, 1)
  await pass(0)
  await pass(hour)
  assert.equal(await status(bob, mxc), 404)
})

test('in a room of more than fifty nobody is followed, and the longest lifetime decides', async () => {
  await using all = await setUp({ scope: 'all', grace: 0, max_lifetime: '10d' })
  const { server, bob, room, deliver, pass } = all
  const roomId = await room()
  for (let i = 0; i < 51; i++) {
    const user = await server.user(`crowd${i}`)
    await user.post(at`/_matrix/client/v3/join/${roomId}`)
  }
  const mxc = await deliver(roomId)
  await pass(9 * day)
  assert.equal(await status(bob, mxc), 200)
  await pass(day)
  assert.equal(await status(bob, mxc), 404)
})
