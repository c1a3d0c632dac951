import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { createTestClock } from '../src/util/clock.ts'
import { at } from './helpers/client.ts'
import { testOnEngines } from './helpers/engines.ts'
import { download, getMedia, mediaFiles, placeOf, upload } from './helpers/media.ts'
import { createRoom, send } from './helpers/rooms.ts'
import { createTestServer, type TestServerOptions, type TestUser } from './helpers/server.ts'

const day = 86_400_000
const api = '/_synapse/admin/v1'

async function setUp(options: TestServerOptions = {}) {
  const clock = createTestClock()
  const server = await createTestServer({ clock, ...options })
  server.context.media.useRemoteMedia(async ({ mediaId }) => ({
    contentType: 'text/plain',
    fileName: undefined,
    body: (async function* () {
      yield Buffer.from(mediaId)
    })(),
  }))
  const admin = await server.user('root', { admin: true })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  return { clock, server, admin, alice, bob, [Symbol.asyncDispose]: server.stop }
}

const status = async (user: TestUser, mxc: string) => (await download(user, mxc)).status
const idOf = (mxc: string) => placeOf(mxc).split('/')[1] ?? ''
interface Deleted {
  deleted_media: string[]
  total: number
}

testOnEngines('content in quarantine is found by nobody, under any id, now or later', async (_t, { engine }) => {
  await using all = await setUp({ engine })
  const { admin, alice, bob } = all
  const mxc = await upload(alice, 'bad')
  const copy = await upload(bob, 'bad')
  const other = await upload(alice, 'good')
  await admin.post(`${api}/media/quarantine/${placeOf(mxc)}`, {})
  const later = await upload(bob, 'bad')
  for (const uri of [mxc, copy, later, 'mxc://other.example/bad']) {
    const answer = await download(alice, uri)
    assert.deepEqual([answer.status, answer.errcode], [404, 'M_NOT_FOUND'], uri)
    const small = await getMedia(alice, `/_matrix/client/v1/media/thumbnail/${placeOf(uri)}?width=32&height=32`)
    assert.equal(small.status, 404)
  }
  assert.equal(await status(bob, other), 200)
  const bypass = `/_matrix/client/v1/media/download/${placeOf(mxc)}?admin_unsafely_bypass_quarantine=true`
  assert.equal((await getMedia(alice, bypass)).status, 404)
  assert.equal((await getMedia(admin, bypass)).bytes.toString(), 'bad')
  const { media_info: info } = await admin.get<{ media_info: Record<string, unknown> }>(`${api}/media/${placeOf(copy)}`)
  assert.equal(info.quarantined_by, admin.userId)
  await admin.post(`${api}/media/unquarantine/${placeOf(copy)}`, {})
  for (const uri of [mxc, copy, later]) assert.equal(await status(alice, uri), 200)
  const changes = await admin.get<{ next_batch: number; changes: object[] }>(`${api}/media/quarantine_changes`)
  assert.deepEqual(changes.changes, [
    { origin: 'localhost', media_id: idOf(mxc), quarantined: true },
    { origin: 'localhost', media_id: idOf(copy), quarantined: false },
  ])
  const rest = await admin.get<{ changes: object[] }>(`${api}/media/quarantine_changes?from=${changes.next_batch}`)
  assert.deepEqual(rest.changes, [])
})

testOnEngines('whole rooms and people are put in quarantine; what is protected is not', async (_t, { engine }) => {
  await using all = await setUp({ engine })
  const { admin, alice, bob } = all
  const roomId = await createRoom(alice)
  const [shown, sticker, elsewhere] = [await upload(alice, '1'), await upload(alice, '2'), await upload(alice, '3')]
  const remote = 'mxc://other.example/4'
  assert.equal(await status(alice, remote), 200)
  for (const url of [shown, sticker, remote]) await send(alice, roomId, { msgtype: 'm.image', body: 'x', url })
  const listed = await admin.get(at`/_synapse/admin/v1/room/${roomId}/media`)
  assert.deepEqual(listed, { local: [shown, sticker], remote: [remote] })
  await admin.post(`${api}/media/protect/${idOf(sticker)}`, {})
  const path = at`/_synapse/admin/v1/room/${roomId}/media/quarantine`
  assert.deepEqual(await admin.post(path, {}), { num_quarantined: 2 })
  assert.deepEqual(await admin.post(path, {}), { num_quarantined: 0 })
  const seen = () => Promise.all([shown, sticker, elsewhere, remote].map((uri) => status(bob, uri)))
  assert.deepEqual(await seen(), [404, 200, 200, 404])
  const people = at`/_synapse/admin/v1/user/${alice.userId}/media/quarantine`
  assert.deepEqual(await admin.post(people, {}), { num_quarantined: 1 })
  assert.deepEqual(await seen(), [404, 200, 404, 404])
  await admin.post(`${api}/media/unprotect/${idOf(sticker)}`, {})
  assert.deepEqual(await admin.post(people, {}), { num_quarantined: 1 })
  assert.deepEqual(await seen(), [404, 404, 404, 404])
})

test('what is in quarantine is deleted by no rule, no bulk deletion and no erasure, but by its id', async () => {
  await using all = await setUp({
    config: { media: { retention: { local: { max_unused: '1d' } }, sweep_interval: '1000d' } },
  })
  const { clock, server, admin, alice } = all
  const { jobs, db, media } = server.context
  const bad = await upload(alice, 'bad')
  await admin.post(`${api}/media/quarantine/${placeOf(bad)}`, {})
  clock.advance(2 * day)
  await db.write('sweep', (tx) => jobs.enqueue(tx, 'media.retention', {}))
  await jobs.drain()
  const none = { deleted_media: [], total: 0 }
  assert.deepEqual(await admin.delete(at`/_synapse/admin/v1/users/${alice.userId}/media`), none)
  assert.deepEqual(await admin.post(`${api}/media/delete?before_ts=${clock.now()}`, {}), none)
  await db.write('erase', (tx) => media.userDeactivated(tx, { userId: alice.userId, erase: true }))
  await jobs.drain()
  assert.equal(mediaFiles(server.dataDir).length, 1)
  await db.write('hold', async (tx) => {
    const query = tx.qb.selectFrom('media').select('media_nid').where('media_id', '=', idOf(bad))
    await media.delivery.hold(tx, (await query.executeTakeFirstOrThrow()).media_nid, { kind: 'legal' })
  })
  const refused = await admin.request('DELETE', `${api}/media/${placeOf(bad)}`)
  assert.equal(refused.status, 403)
  await server.context.db.write('release', (tx) => tx.qb.deleteFrom('media_holds').execute())
  assert.deepEqual(await admin.delete(`${api}/media/${placeOf(bad)}`), { deleted_media: [idOf(bad)], total: 1 })
  await jobs.drain()
  assert.deepEqual(mediaFiles(server.dataDir), [])
})

testOnEngines('uploads of a person are listed in any order, in pages, and deleted', async (_t, { engine }) => {
  await using all = await setUp({ engine })
  const { clock, server, admin, alice } = all
  const uris: string[] = []
  for (const [name, size] of Object.entries({ b: 30, a: 10, c: 20 })) {
    uris.push(await upload(alice, randomBytes(size), { name, type: 'text/plain' }))
    clock.advance(1000)
  }
  interface List {
    media: Record<string, unknown>[]
    total: number
    next_token?: number
  }
  const path = at`/_synapse/admin/v1/users/${alice.userId}/media`
  const names = async (query = '') =>
    (await admin.get<List>(path + query)).media.map(({ upload_name: name }) => name).join('')
  assert.equal(await names(), 'cab')
  assert.equal(await names('?order_by=created_ts'), 'bac')
  assert.equal(await names('?order_by=media_length&dir=b'), 'bca')
  for (const order of ['media_id', 'last_access_ts', 'media_type', 'quarantined_by', 'safe_from_quarantine']) {
    assert.equal((await names(`?order_by=${order}`)).length, 3, order)
  }
  const page = await admin.get<List>(`${path}?order_by=upload_name&limit=2`)
  assert.deepEqual([page.total, page.next_token], [3, 2])
  assert.deepEqual(page.media[0], {
    created_ts: clock.now() - 2000,
    last_access_ts: clock.now() - 2000,
    media_id: idOf(uris[1] ?? ''),
    media_length: 10,
    media_type: 'text/plain',
    quarantined_by: null,
    safe_from_quarantine: false,
    upload_name: 'a',
  })
  const rest = await admin.get<List>(`${path}?order_by=upload_name&limit=2&from=2`)
  assert.deepEqual([rest.media.length, rest.next_token], [1, undefined])
  const deleted = await admin.delete<Deleted>(`${path}?order_by=media_length&dir=b&limit=1`)
  assert.deepEqual(deleted, { deleted_media: [idOf(uris[0] ?? '')], total: 1 })
  await admin.delete(path)
  await server.context.jobs.drain()
  assert.deepEqual(mediaFiles(server.dataDir), [])
  interface Log {
    deletions: Record<string, unknown>[]
    next?: number
  }
  const logPath = '/_ringback/admin/v1/media/deletions'
  const log = await admin.get<Log>(`${logPath}?limit=2`)
  assert.deepEqual([log.deletions.length, typeof log.next], [2, 'number'])
  const more = await admin.get<Log>(`${logPath}?limit=2&from=${log.next}`)
  assert.deepEqual([more.deletions.length, more.next], [1, undefined])
  const { mxc, requested_by: by, reason, uploader } = more.deletions[0] ?? {}
  assert.deepEqual([mxc, by, uploader], [uris[0], admin.userId, alice.userId])
  assert.equal(reason, 'deleted by an administrator')
  assert.equal(
    (await admin.get<Log>(at`/_ringback/admin/v1/media/deletions?user_id=@nobody:localhost`)).deletions.length,
    0,
  )
})

testOnEngines('media is deleted by time and size, and the cache of other servers purged', async (_t, { engine }) => {
  await using all = await setUp({ engine })
  const { clock, admin, alice } = all
  const big = await upload(alice, randomBytes(500))
  const small = await upload(alice, randomBytes(5))
  const avatar = await upload(alice, randomBytes(600))
  await alice.put(`/_matrix/client/v3/profile/${alice.userId}/avatar_url`, { avatar_url: avatar })
  assert.equal(await status(alice, 'mxc://other.example/x'), 200)
  clock.advance(day)
  const used = await upload(alice, randomBytes(700))
  const remove = (query: string) => admin.post<Deleted>(`${api}/media/delete?${query}`, {})
  assert.deepEqual(await remove(`before_ts=${clock.now() - 5}&size_gt=100`), { deleted_media: [idOf(big)], total: 1 })
  assert.deepEqual(await remove(`before_ts=${clock.now() - 5}`), { deleted_media: [idOf(small)], total: 1 })
  const all2 = await admin.post<Deleted>(
    `${api}/media/localhost/delete?before_ts=${clock.now() - 5}&keep_profiles=false`,
    {},
  )
  assert.deepEqual(all2.deleted_media, [idOf(avatar)])
  assert.equal(await status(alice, used), 200)
  assert.deepEqual(await admin.post(`${api}/purge_media_cache?before_ts=${clock.now() - 5}`, {}), { deleted: 1 })
  assert.equal(await status(alice, 'mxc://other.example/x'), 200, 'it is fetched again')
  for (const query of ['', '?before_ts=-1', '?before_ts=1500000000']) {
    assert.equal((await admin.request('POST', `${api}/purge_media_cache${query}`, { body: {} })).status, 400, query)
  }
})

testOnEngines('the amounts that people keep here are told by name, size and time', async (_t, { engine }) => {
  await using all = await setUp({ engine })
  const { clock, admin, alice, bob } = all
  await upload(alice, randomBytes(10))
  await upload(alice, randomBytes(20))
  clock.advance(1000)
  await upload(bob, randomBytes(100))
  const users = async (query = '') =>
    (await admin.get<{ users: { user_id: string }[] }>(`${api}/statistics/users/media${query}`)).users
  assert.deepEqual(await users(), [
    { user_id: alice.userId, displayname: 'alice', media_count: 2, media_length: 30 },
    { user_id: bob.userId, displayname: 'bob', media_count: 1, media_length: 100 },
  ])
  assert.deepEqual((await users('?order_by=media_length&dir=b'))[0]?.user_id, bob.userId)
  assert.deepEqual((await users(`?from_ts=${clock.now()}`)).length, 1)
  assert.deepEqual((await users('?search_term=ALI')).length, 1)
  const page = await admin.get(`${api}/statistics/users/media?limit=1&order_by=displayname`)
  assert.deepEqual([page.total, page.next_token], [2, 1])
})

test('only administrators may do any of this, and only to what there is', async () => {
  await using all = await setUp()
  const { admin, alice } = all
  const mxc = await upload(alice, 'x')
  const calls = [
    ['POST', `${api}/media/quarantine/${placeOf(mxc)}`],
    ['DELETE', `${api}/media/${placeOf(mxc)}`],
    ['GET', `${api}/media/${placeOf(mxc)}`],
    ['POST', `${api}/media/delete?before_ts=1700000000000`],
    ['GET', `${api}/statistics/users/media`],
    ['GET', '/_ringback/admin/v1/media/deletions'],
    ['GET', '/_ringback/admin/v1/media/due'],
    ['POST', '/_ringback/admin/v1/media/sweep'],
  ] as const
  for (const [method, path] of calls) assert.equal((await alice.request(method, path, {})).status, 403, path)
  for (const [method, path, expected] of [
    ['GET', `${api}/media/localhost/nothing`, 404],
    ['DELETE', `${api}/media/localhost/nothing`, 404],
    ['DELETE', `${api}/media/localhost/..%2Fx`, 400],
    ['POST', `${api}/media/protect/nothing`, 404],
    ['GET', `${api}/room/!none:localhost/media`, 404],
    ['GET', `${api}/users/@a:elsewhere.example/media`, 400],
    ['POST', `${api}/media/quarantine/localhost/nothing`, 200],
  ] as const) {
    assert.equal((await admin.request(method, path, {})).status, expected, path)
  }
})

test('a dry run tells what a sweep deletes and why, and the sweep then does it', async () => {
  await using all = await setUp({
    config: { media: { retention: { local: { max_unused: '1d' } }, sweep_interval: '1000d' } },
  })
  const { clock, server, admin, alice } = all
  const mxc = await upload(alice, '12345')
  clock.advance(2 * day)
  const due = await admin.get<{ media: Record<string, unknown>[]; totals: object[] }>('/_ringback/admin/v1/media/due')
  assert.deepEqual(due.totals, [{ kind: 'local', reason: 'not used', files: 1, bytes: 5 }])
  assert.deepEqual([due.media[0]?.mxc, due.media[0]?.reason], [mxc, 'not used'])
  assert.equal(await status(alice, mxc), 200)
  clock.advance(2 * day)
  await admin.post('/_ringback/admin/v1/media/sweep', {}, { expect: 202 })
  await server.context.jobs.drain()
  assert.equal(await status(alice, mxc), 404)
})
