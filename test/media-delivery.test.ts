import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { test } from 'node:test'
import { createTestClock } from '../src/util/clock.ts'
import { at } from './helpers/client.ts'
import { fetchWhole, image, status } from './helpers/deliveries.ts'
import { testOnEngines } from './helpers/engines.ts'
import { download, getMedia, mediaFiles, placeOf, upload } from './helpers/media.ts'
import { createRoom, send, setState } from './helpers/rooms.ts'
import { createTestServer, type TestServerOptions, type TestUser } from './helpers/server.ts'

const hour = 3_600_000
const day = 24 * hour

/** A server with three people in one room, and what tests of deliveries do again and again. */
async function setUp(delivery: object = {}, options: TestServerOptions = {}) {
  const clock = createTestClock()
  const server = await createTestServer({ clock, config: { media: { delivery } }, ...options })
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  for (const user of [bob, carol]) await user.post(at`/_matrix/client/v3/join/${roomId}`)
  const settle = async () => {
    await server.context.media.delivery.idle()
    // Timers queue writes: ours comes after them.
    await server.context.db.write('wait', async () => {})
    await server.context.jobs.drain()
  }
  const pass = async (ms: number) => {
    clock.advance(ms)
    await settle()
  }
  return { server, alice, bob, carol, roomId, settle, pass, [Symbol.asyncDispose]: server.stop }
}

const redact = (user: TestUser, roomId: string, eventId: string) =>
  user.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${eventId}/${randomBytes(4).toString('hex')}`)

testOnEngines(
  'what everybody has on one device is deleted after the grace, to the last byte',
  async (_t, { engine }) => {
    await using all = await setUp({ scope: 'all', grace: '7d' }, { engine })
    const { server, alice, bob, carol, roomId, pass } = all
    const secondBob = await server.login('bob')
    const secondCarol = await server.login('carol')
    const mxc = await upload(alice, randomBytes(50_000))
    await send(alice, roomId, image(mxc))
    await fetchWhole(server, bob, mxc)
    await pass(8 * day)
    assert.equal(await status(alice, mxc), 200)
    await fetchWhole(server, secondCarol, mxc)
    await pass(7 * day - 1)
    for (const user of [alice, bob, secondBob, carol]) assert.equal(await status(user, mxc), 200)
    await pass(10 * 60_000)
    for (const user of [alice, bob, secondBob, carol]) assert.equal((await download(user, mxc)).errcode, 'M_NOT_FOUND')
    assert.deepEqual(mediaFiles(server.dataDir), [])
    const left = await server.context.db.read(async (reader) => ({
      media: await reader.qb.selectFrom('media').select(['state', 'deleted_reason']).execute(),
      links: await reader.qb.selectFrom('media_links').select('event_id').execute(),
      fetches: await reader.qb.selectFrom('media_fetches').select('device').execute(),
      blobs: await reader.qb.selectFrom('media_blobs').select('state').execute(),
    }))
    assert.deepEqual(left, {
      media: [{ state: 'deleted', deleted_reason: 'delivered' }],
      links: [],
      fetches: [],
      blobs: [],
    })
  },
)

test('without a grace a file goes with its last recipient', async () => {
  await using all = await setUp({ scope: 'all', grace: 0 })
  const { server, alice, bob, carol, roomId, settle } = all
  const mxc = await upload(alice, randomBytes(100))
  await send(alice, roomId, image(mxc))
  await fetchWhole(server, bob, mxc)
  await settle()
  assert.equal(await status(alice, mxc), 200)
  await fetchWhole(server, carol, mxc)
  await settle()
  assert.equal(await status(bob, mxc), 404)
  assert.deepEqual(mediaFiles(server.dataDir), [])
})

test('a file that nobody fetches is kept to the end of its time', async () => {
  await using all = await setUp({ scope: 'all', max_lifetime: '30d' })
  const { alice, roomId, pass } = all
  const mxc = await upload(alice, randomBytes(100))
  const unsent = await upload(alice, randomBytes(100))
  await send(alice, roomId, image(mxc))
  await pass(30 * day - hour)
  assert.equal(await status(alice, mxc), 200)
  await pass(2 * hour)
  assert.equal(await status(alice, mxc), 404)
  assert.equal(await status(alice, unsent), 200)
})

test('looking is not having: parts, thumbnails, HEAD and what breaks off do not count, parts that make a whole do', async () => {
  await using all = await setUp({ scope: 'all', grace: 0 })
  const { server, alice, bob, carol, roomId, settle } = all
  const mxc = await upload(alice, randomBytes(3_000_000))
  await send(alice, roomId, image(mxc))
  await fetchWhole(server, carol, mxc)
  const path = `/_matrix/client/v1/media/download/${placeOf(mxc)}`
  await getMedia(bob, path, { method: 'HEAD' })
  await getMedia(bob, `/_matrix/client/v1/media/thumbnail/${placeOf(mxc)}?width=9&height=9`)
  await download(bob, mxc, { Range: 'bytes=0-999999' })
  const whole = await download(alice, mxc)
  await download(bob, mxc, { 'If-None-Match': whole.headers.get('etag') ?? '' })
  await new Promise<void>((resolve) => {
    const headers = { Authorization: `Bearer ${bob.accessToken}` }
    const outgoing = request(server.url + path, { headers }, (answer) => {
      answer.once('data', () => outgoing.destroy())
      answer.once('close', resolve)
    })
    outgoing.on('error', () => {}).end()
  })
  await settle()
  assert.equal(await status(alice, mxc), 200)
  const other = await server.login('bob')
  await download(other, mxc, { Range: 'bytes=1000000-' })
  await settle()
  assert.equal(await status(alice, mxc), 200)
  await download(bob, mxc, { Range: 'bytes=2000000-2999999' })
  await fetchWhole(server, bob, mxc, { Range: 'bytes=900000-2000000' })
  await settle()
  assert.equal(await status(alice, mxc), 404)
})

test('nobody waits for the sender, nor for whoever has left or come later', async () => {
  await using all = await setUp({ scope: 'all', grace: '1h' })
  const { server, alice, bob, carol, roomId, pass } = all
  const mxc = await upload(alice, randomBytes(100))
  await send(alice, roomId, image(mxc))
  await fetchWhole(server, alice, mxc)
  const dave = await server.user('dave')
  await dave.post(at`/_matrix/client/v3/join/${roomId}`)
  await fetchWhole(server, bob, mxc)
  await pass(2 * hour)
  assert.equal(await status(alice, mxc), 200)
  await carol.post(at`/_matrix/client/v3/rooms/${roomId}/leave`)
  await pass(hour - 1)
  assert.equal(await status(dave, mxc), 200)
  await pass(hour)
  assert.equal(await status(dave, mxc), 404)
})

test('by default only notes are deleted once they are delivered', async () => {
  await using all = await setUp()
  const { server, alice, bob, carol, roomId, pass } = all
  const note = await upload(alice, randomBytes(100))
  const photo = await upload(alice, randomBytes(100))
  const both = await upload(alice, randomBytes(100))
  const marker = { 'io.ringback.note': {} }
  await send(alice, roomId, image(note, marker))
  await send(alice, roomId, image(photo))
  await send(alice, roomId, image(both, marker))
  await send(alice, roomId, image(both))
  await send(bob, roomId, image(note))
  for (const mxc of [note, photo, both]) {
    for (const user of [bob, carol]) await fetchWhole(server, user, mxc)
  }
  await fetchWhole(server, alice, note)
  await pass(8 * day)
  assert.deepEqual([await status(bob, note), await status(bob, photo), await status(bob, both)], [404, 200, 200])
  await pass(365 * day)
  assert.deepEqual([await status(bob, photo), await status(bob, both)], [200, 200])
})

test('a removed message takes its file along, unless the file is shown elsewhere', async () => {
  await using all = await setUp()
  const { alice, bob, roomId, pass } = all
  const [gone, forwarded, foreign] = [await upload(alice, 'a'), await upload(alice, 'b'), await upload(alice, 'c')]
  const note = await upload(alice, 'd')
  const events = [await send(alice, roomId, image(gone)), await send(alice, roomId, image(forwarded))]
  const again = await send(bob, roomId, image(forwarded))
  // Alice has sent it where the server cannot see it; what Bob does with it must not delete it.
  const stranger = await send(bob, roomId, image(foreign))
  const noteEvent = await send(alice, roomId, image(note, { 'io.ringback.note': {} }))
  for (const eventId of events) await redact(alice, roomId, eventId)
  await redact(bob, roomId, stranger)
  await redact(alice, roomId, noteEvent)
  await pass(day - hour)
  assert.deepEqual([await status(bob, gone), await status(bob, note)], [200, 404])
  await pass(2 * hour)
  assert.equal(await status(bob, gone), 404)
  assert.deepEqual([await status(bob, forwarded), await status(bob, foreign)], [200, 200])
  await redact(bob, roomId, again)
  await pass(day + hour)
  assert.deepEqual([await status(bob, forwarded), await status(bob, foreign)], [404, 200])
})

test('what somebody or something looks like is never deleted', async () => {
  await using all = await setUp({ scope: 'all', grace: 0, max_lifetime: '1d', redacted_grace: 0 })
  const { server, alice, bob, carol, roomId, settle, pass } = all
  const names = ['avatar', 'room', 'sticker', 'emote', 'pack', 'reaction'] as const
  const made: [string, string][] = []
  for (const name of names) made.push([name, await upload(alice, name)])
  const media = new Map(made)
  const of = (name: (typeof names)[number]) => media.get(name) ?? ''
  await alice.put(at`/_matrix/client/v3/profile/${alice.userId}/avatar_url`, { avatar_url: of('avatar') })
  await setState(alice, roomId, 'm.room.avatar', { url: of('room') })
  await send(alice, roomId, { body: 'x', url: of('sticker') }, 'm.sticker')
  const emote = `<img data-mx-emoticon src="${of('emote')}">`
  await send(alice, roomId, { msgtype: 'm.text', body: 'x', format: 'org.matrix.custom.html', formatted_body: emote })
  const pack = { images: { x: { url: of('pack') } } }
  await alice.put(at`/_matrix/client/v3/user/${alice.userId}/account_data/im.ponies.user_emotes`, pack)
  const target = await send(bob, roomId, 'hello')
  const relation = { rel_type: 'm.annotation', event_id: target, key: of('reaction') }
  await send(alice, roomId, { 'm.relates_to': relation }, 'm.reaction')
  for (const mxc of media.values()) {
    const eventId = await send(alice, roomId, image(mxc))
    for (const user of [bob, carol]) await fetchWhole(server, user, mxc)
    await redact(alice, roomId, eventId)
  }
  await settle()
  await pass(10 * day)
  for (const [name, mxc] of media) assert.equal(await status(bob, mxc), 200, name)
})

test('thumbnails go with what they stand for, and replaced files with their message', async () => {
  await using all = await setUp({ scope: 'all', grace: 0 })
  const { server, alice, bob, carol, roomId, settle, pass } = all
  const [main, small, shared] = [
    await upload(alice, 'main'),
    await upload(alice, 'small'),
    await upload(alice, 'shared'),
  ]
  await send(alice, roomId, image(main, { info: { thumbnail_url: small, thumbnail_file: { url: shared } } }))
  await send(alice, roomId, image(shared))
  for (const user of [bob, carol]) await fetchWhole(server, user, main)
  await settle()
  assert.deepEqual([await status(bob, main), await status(bob, small), await status(bob, shared)], [404, 404, 200])
  const [old, edited] = [await upload(alice, 'old'), await upload(alice, 'new')]
  const eventId = await send(alice, roomId, image(old))
  const edit = { 'm.new_content': image(edited), 'm.relates_to': { rel_type: 'm.replace', event_id: eventId } }
  await send(bob, roomId, { ...image(edited), ...edit })
  await pass(2 * day)
  assert.equal(await status(bob, old), 200)
  await send(alice, roomId, { ...image(edited), ...edit })
  await pass(2 * day)
  assert.deepEqual([await status(bob, old), await status(bob, edited)], [404, 200])
})

test('encrypted messages, and servers that delete nothing, keep all', async () => {
  await using all = await setUp({ scope: 'all', grace: 0, max_lifetime: '1d' })
  const mxc = await upload(all.alice, 'x')
  await send(all.alice, all.roomId, { algorithm: 'm.megolm.v1.aes-sha2', ciphertext: mxc }, 'm.room.encrypted')
  for (const user of [all.bob, all.carol]) await download(user, mxc)
  await all.pass(40 * day)
  assert.equal(await status(all.bob, mxc), 200)
  await using none = await setUp({ scope: 'none', grace: 0, max_lifetime: '1d' })
  const kept = await upload(none.alice, 'x')
  await send(none.alice, none.roomId, image(kept, { 'io.ringback.note': {} }))
  for (const user of [none.bob, none.carol]) await download(user, kept)
  await none.pass(40 * day)
  assert.equal(await status(none.bob, kept), 200)
})

testOnEngines('a hold keeps what every rule would delete, until it is lifted', async (_t, { engine }) => {
  await using all = await setUp({ scope: 'all', grace: 0 }, { engine })
  const { server, alice, bob, carol, roomId, settle, pass } = all
  const { db, media, accounts } = server.context
  const mxc = await upload(alice, randomBytes(100))
  await send(alice, roomId, image(mxc))
  const nid = await db.read(async (reader) => {
    const row = await reader.qb.selectFrom('media').select('media_nid as nid').executeTakeFirstOrThrow()
    return row.nid
  })
  await db.write('hold', (tx) => media.delivery.hold(tx, nid, { kind: 'legal', note: 'case 7' }))
  await db.write('hold', (tx) =>
    media.delivery.hold(tx, nid, { kind: 'report', expiresTs: server.context.clock.now() + day }),
  )
  for (const user of [bob, carol]) await fetchWhole(server, user, mxc)
  await db.write('erase', (tx) => accounts.users.deactivate(tx, alice.userId, true))
  await settle()
  assert.equal(await status(bob, mxc), 200)
  assert.deepEqual(await media.delivery.preview(10), [])
  await db.write('lift', (tx) => media.delivery.release(tx, nid, 'legal'))
  await pass(hour)
  assert.equal(await status(bob, mxc), 200)
  await pass(day)
  assert.equal(await status(bob, mxc), 404)
})
