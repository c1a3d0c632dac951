import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import sharp from 'sharp'
import { parseMxc } from '../src/matrix/mxc.ts'
import { insertProtection } from '../src/media/moderation/store-protections.ts'
import { createTestClock } from '../src/util/clock.ts'
import { testOnEngines } from './helpers/engines.ts'
import { download, getMedia, mediaFiles, placeOf, upload } from './helpers/media.ts'
import { createRoom, send } from './helpers/rooms.ts'
import { createTestServer, type TestServerOptions } from './helpers/server.ts'

const day = 86_400_000

/** A server with Alice, other servers whose media is its id, and a sweep that runs when it is called. */
async function setUp(retention: object, options: TestServerOptions = {}) {
  const clock = createTestClock()
  const server = await createTestServer({
    clock,
    config: { media: { retention, sweep_interval: '10000d' } },
    ...options,
  })
  const { media, db, jobs } = server.context
  const fetched: string[] = []
  media.useRemoteMedia(async ({ mediaId }) => {
    fetched.push(mediaId)
    const body = (async function* () {
      yield Buffer.from(mediaId.padEnd(100, '.'))
    })()
    return { contentType: 'text/plain', fileName: undefined, body }
  })
  const alice = await server.user('alice')
  const get = async (mxc: string) => (await download(alice, mxc)).status
  const sweep = async () => {
    await db.write('sweep', (tx) => jobs.enqueue(tx, 'media.retention', {}))
    await jobs.drain()
  }
  const due = async () => {
    const found: string[] = []
    await media.retention.preview(({ ref, kind, reason }) => found.push(`${ref?.mediaId ?? kind}: ${reason}`))
    return found.sort()
  }
  const kept = () =>
    db.read(async (reader) => {
      const rows = await reader.qb.selectFrom('media').select('media_id').where('state', '=', 'live').execute()
      return rows.map(({ media_id: id }) => id).sort()
    })
  const nidOf = async (mxc: string) => {
    const ref = parseMxc(mxc)
    return db.read(async (reader) => {
      const query = reader.qb
        .selectFrom('media')
        .select('media_nid')
        .where('media_id', '=', ref?.mediaId ?? '')
      return (await query.executeTakeFirstOrThrow()).media_nid
    })
  }
  return { clock, server, alice, get, sweep, due, kept, nidOf, fetched, [Symbol.asyncDispose]: server.stop }
}

const remote = (id: string) => `mxc://other.example/${id}`

testOnEngines('copies of other servers’ files go when nobody asks for them, and come again', async (_t, { engine }) => {
  await using all = await setUp({ remote: { max_unused: '10d', max_age: '30d' } }, { engine })
  const { clock, server, get, sweep, due, kept, fetched } = all
  assert.equal(await get(remote('one')), 200)
  assert.equal(await get(remote('two')), 200)
  clock.advance(9 * day)
  assert.equal(await get(remote('two')), 200)
  clock.advance(day)
  assert.deepEqual(await due(), ['one: not used'])
  assert.deepEqual(await kept(), ['one', 'two'], 'a preview deletes nothing')
  await sweep()
  assert.deepEqual(await kept(), ['two'])
  assert.deepEqual(mediaFiles(server.dataDir).length, 1)
  assert.deepEqual(fetched, ['one', 'two'])
  assert.equal(await get(remote('one')), 200)
  assert.deepEqual(fetched, ['one', 'two', 'one'])
  for (let i = 0; i < 5; i++) {
    clock.advance(4 * day)
    assert.equal(await get(remote('two')), 200)
    assert.equal(await get(remote('one')), 200)
  }
  assert.deepEqual(await due(), ['two: too long kept'])
  await sweep()
  assert.deepEqual(await kept(), ['one'])
  const log = await server.context.db.read((reader) => reader.qb.selectFrom('media_deletions').selectAll().execute())
  assert.deepEqual(
    log.map(({ origin, media_id, kind, reason, size }) => ({ origin, media_id, kind, reason, size })),
    [
      { origin: 'other.example', media_id: 'one', kind: 'remote', reason: 'not used', size: 100 },
      { origin: 'other.example', media_id: 'two', kind: 'remote', reason: 'too long kept', size: 100 },
    ],
  )
})

testOnEngines('over the limit of space, what was not used the longest goes, and no more', async (_t, { engine }) => {
  await using all = await setUp({ remote: { max_total: 300 } }, { engine })
  const { clock, alice, get, sweep, due, kept } = all
  await upload(alice, randomBytes(5000))
  const ids = ['a', 'b', 'c', 'd', 'e']
  for (const id of ids) {
    clock.advance(1000)
    assert.equal(await get(remote(id)), 200)
  }
  clock.advance(1000)
  assert.equal(await get(remote('a')), 200)
  assert.deepEqual(await due(), ['b: too much kept', 'c: too much kept'])
  await sweep()
  assert.deepEqual(
    (await kept()).filter((id) => id.length === 1),
    ['a', 'd', 'e'],
  )
  assert.deepEqual(await due(), [])
})

test('files uploaded here stay unless the policy says otherwise', async () => {
  await using all = await setUp({ remote: { max_unused: 0 }, thumbnails: { max_unused: 0 } })
  const { clock, alice, get, sweep } = all
  const mxc = await upload(alice, 'x')
  clock.advance(400 * day)
  await sweep()
  assert.equal(await get(mxc), 200)
})

testOnEngines('files uploaded here go by policy; what is pinned, held or protected stays', async (_t, { engine }) => {
  await using all = await setUp({ local: { max_unused: '100d' } }, { engine })
  const { clock, server, alice, get, sweep, due, kept, nidOf } = all
  const { db, media } = server.context
  const old = await upload(alice, 'old')
  const used = await upload(alice, 'used')
  const avatar = await upload(alice, 'avatar')
  const held = await upload(alice, 'held')
  const safe = await upload(alice, 'safe')
  await alice.put(`/_matrix/client/v3/profile/${alice.userId}/avatar_url`, { avatar_url: avatar })
  const [heldNid, safeNid] = [await nidOf(held), await nidOf(safe)]
  await db.write('hold', async (tx) => {
    await media.delivery.hold(tx, heldNid, { kind: 'legal' })
    await insertProtection(tx, safeNid, alice.userId, clock.now())
  })
  clock.advance(99 * day)
  assert.equal(await get(used), 200)
  clock.advance(day)
  const idOf = (mxc: string) => placeOf(mxc).split('/')[1] ?? ''
  assert.deepEqual(await due(), [`${idOf(old)}: not used`])
  await sweep()
  assert.deepEqual(await kept(), [used, avatar, held, safe].map(idOf).sort())
  assert.equal(await get(old), 404)
})

test('uploads that nothing shows and nobody asks for go by policy', async () => {
  await using all = await setUp({ local: { max_unattached: '7d' } })
  const { clock, alice, get, sweep } = all
  const roomId = await createRoom(alice)
  const [lost, shown, asked] = [await upload(alice, '1'), await upload(alice, '2'), await upload(alice, '3')]
  await send(alice, roomId, { msgtype: 'm.file', body: 'x', url: shown })
  clock.advance(1000)
  assert.equal(await get(asked), 200)
  clock.advance(7 * day)
  await sweep()
  assert.deepEqual([await get(lost), await get(shown), await get(asked)], [404, 200, 200])
})

test('thumbnails go when nobody asks for them, are counted, and are made again', async () => {
  await using all = await setUp({ thumbnails: { max_unused: '30d' } })
  const { clock, server, alice, sweep, due } = all
  const picture = await sharp({ create: { width: 900, height: 900, channels: 3, background: '#f00' } })
    .png()
    .toBuffer()
  const mxc = await upload(alice, picture, { type: 'image/png' })
  const thumbnail = async (size: number) => {
    const place = `/_matrix/client/v1/media/thumbnail/${placeOf(mxc)}?width=${size}&height=${size}`
    assert.equal((await getMedia(alice, place)).status, 200)
  }
  await thumbnail(32)
  await thumbnail(320)
  assert.equal(mediaFiles(server.dataDir).length, 3)
  clock.advance(29 * day)
  await thumbnail(320)
  clock.advance(day)
  assert.deepEqual(await due(), ['thumbnail: not used'])
  await sweep()
  assert.equal(mediaFiles(server.dataDir).length, 2)
  const totals = await server.context.db.read((reader) =>
    reader.qb.selectFrom('media_deletion_totals').selectAll().execute(),
  )
  assert.deepEqual(
    totals.map(({ kind, reason, files }) => ({ kind, reason, files })),
    [{ kind: 'thumbnail', reason: 'not used', files: 1 }],
  )
  await thumbnail(32)
  assert.equal(mediaFiles(server.dataDir).length, 3)
})

test('the log of deletions is forgotten in time', async () => {
  await using all = await setUp({ remote: { max_unused: '1d' }, deletion_log: '10d' })
  const { clock, server, get, sweep } = all
  const count = () =>
    server.context.db.read(
      async (reader) => (await reader.qb.selectFrom('media_deletions').selectAll().execute()).length,
    )
  await get(remote('one'))
  clock.advance(day)
  await sweep()
  clock.advance(10 * day)
  await sweep()
  assert.equal(await count(), 1)
  clock.advance(1)
  await sweep()
  assert.equal(await count(), 0)
})
