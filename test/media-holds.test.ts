/** What keeps media from being deleted, by administrators and by reports. */
import assert from 'node:assert/strict'
import { createTestClock } from '../src/util/clock.ts'
import { at } from './helpers/client.ts'
import { fetchWhole, image, status } from './helpers/deliveries.ts'
import { testOnEngines } from './helpers/engines.ts'
import { placeOf, upload } from './helpers/media.ts'
import { createRoom, send } from './helpers/rooms.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'

const day = 86_400_000
const holdsPath = '/_ringback/admin/v1/holds'

async function setUp(engine: 'sqlite' | 'postgres') {
  const clock = createTestClock(Date.now())
  let files = 0
  const config = { media: { sweep_interval: '300d', delivery: { scope: 'all', grace: '10d' } } }
  const server = await createTestServer({ clock, engine, config })
  const admin = await server.user('admin', { admin: true })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  await bob.post(at`/_matrix/client/v3/join/${roomId}`)
  const pass = async (ms: number) => {
    clock.advance(ms)
    await server.context.media.delivery.sweep(new AbortController().signal)
    await server.context.jobs.drain()
  }
  /** Sends a file that Bob has at once. */
  const deliver = async (user: TestUser = alice) => {
    const mxc = await upload(user, `file ${++files}`)
    const eventId = await send(user, roomId, image(mxc))
    await fetchWhole(server, user === alice ? bob : alice, mxc)
    await server.context.jobs.drain()
    return { mxc, eventId }
  }
  const hold = async (body: object, expect = 200) => {
    const { body: answer } = await admin.request('POST', holdsPath, { body: body as never, expect })
    await server.context.jobs.drain()
    return Number(answer.hold_id)
  }
  const list = async (query: Record<string, string>) =>
    (await admin.request('GET', holdsPath, { query, expect: 200 })).body
  return { server, admin, alice, bob, roomId, pass, deliver, hold, list, [Symbol.asyncDispose]: server.stop }
}

testOnEngines('a legal hold stops the clocks of all that fits, and its end lets them go on', async (_t, { engine }) => {
  await using all = await setUp(engine)
  const { server, admin, alice, bob, roomId, pass, deliver, hold, list } = all
  const first = await deliver()
  const ofBob = await deliver(bob)
  await pass(4 * day)
  const byUser = await hold({ user_id: alice.userId, note: 'case 7' })
  const later = await deliver()
  await pass(40 * day)
  assert.deepEqual(
    [await status(bob, first.mxc), await status(bob, later.mxc), await status(bob, ofBob.mxc)],
    [200, 200, 404],
  )
  await admin.request('DELETE', `${holdsPath}/${byUser}`, { expect: 200 })
  await server.context.jobs.drain()
  await pass(6 * day - 3_600_000)
  assert.equal(await status(bob, first.mxc), 200, 'four of ten days had passed before')
  await pass(7_200_000)
  assert.deepEqual([await status(bob, first.mxc), await status(bob, later.mxc)], [404, 200])
  await admin.request('DELETE', `${holdsPath}/${byUser}`, { expect: 404 })

  const now = server.context.clock.now()
  const byRoom = await hold({ room_id: roomId, until_ts: now })
  const byMedia = await hold({ mxc: later.mxc, expires_ts: now + 100 * day })
  const after = await deliver()
  await pass(50 * day)
  assert.deepEqual([await status(bob, later.mxc), await status(bob, after.mxc)], [200, 404])
  await admin.request('DELETE', `${holdsPath}/${byRoom}`, { expect: 200 })
  await pass(30 * day)
  assert.equal(await status(bob, later.mxc), 200)
  const { holds, total } = await list({})
  assert.equal(total, 1)
  const [listed] = holds as Record<string, unknown>[]
  assert.deepEqual([listed?.hold_id, listed?.mxc, listed?.created_by], [byMedia, later.mxc, admin.userId])
  const every = await list({ active: 'false', limit: '2' })
  assert.deepEqual([every.total, every.next_token], [3, '2'])
  await pass(31 * day)
  assert.equal(await status(bob, later.mxc), 404)
})

testOnEngines('holds are for administrators, and about something that is there', async (_t, { engine }) => {
  await using all = await setUp(engine)
  const { server, admin, alice, deliver, hold } = all
  for (const method of ['GET', 'POST'] as const) {
    await alice.request(method, holdsPath, {
      ...(method === 'POST' && { body: { user_id: alice.userId } }),
      expect: 403,
    })
  }
  await alice.request('DELETE', `${holdsPath}/1`, { expect: 403 })
  const { mxc } = await deliver()
  await hold({}, 400)
  await hold({ note: 'nothing' }, 400)
  await hold({ user_id: 'nobody' }, 400)
  await hold({ user_id: '@eve:elsewhere.example' }, 400)
  await hold({ mxc: 'https://example.org' }, 400)
  await hold({ mxc, user_id: alice.userId }, 400)
  await hold({ mxc: 'mxc://elsewhere.example/x' }, 404)
  await hold({ room_id: '!unknown:elsewhere.example' }, 404)
  for (const id of ['x', '17', '1e99']) await admin.request('DELETE', `${holdsPath}/${id}`, { expect: 404 })
  const rows = await server.context.db.read((reader) => reader.qb.selectFrom('media_holds').selectAll().execute())
  assert.deepEqual(rows, [])
})

testOnEngines('what is reported is kept for 90 days, and its hash with it', async (_t, { engine }) => {
  await using all = await setUp(engine)
  const { alice, bob, roomId, pass, deliver, list } = all
  const shown = await deliver()
  const other = await deliver()
  const report = async () => {
    await bob.post(at`/_matrix/client/v3/rooms/${roomId}/report/${shown.eventId}`, { reason: 'bad' })
    await pass(0)
  }
  await report()
  await pass(30 * day)
  assert.deepEqual([await status(bob, shown.mxc), await status(bob, other.mxc)], [200, 404])
  await report()
  const { holds } = await list({ kind: 'report' })
  const [held, ...more] = holds as Record<string, unknown>[]
  assert.deepEqual(more, [])
  assert.match(String(held?.note), /^sha256 [0-9a-f]{64}$/)
  await pass(99 * day)
  assert.equal(await status(bob, shown.mxc), 200)
  await pass(2 * day)
  assert.equal(await status(bob, shown.mxc), 404)

  const ofAlice = await deliver()
  const ofBob = await deliver(bob)
  await bob.post(at`/_matrix/client/v3/users/${alice.userId}/report`, { reason: 'bad' })
  await pass(90 * day)
  assert.deepEqual([await status(bob, ofAlice.mxc), await status(bob, ofBob.mxc)], [200, 404])
  await pass(11 * day)
  assert.equal(await status(bob, ofAlice.mxc), 404)
})

testOnEngines('the clocks of what is in quarantine stand still until that is taken back', async (_t, { engine }) => {
  await using all = await setUp(engine)
  const { server, admin, bob, pass, deliver, list } = all
  const { mxc } = await deliver()
  await pass(4 * day)
  await admin.post(`/_synapse/admin/v1/media/quarantine/${placeOf(mxc)}`, {})
  await server.context.jobs.drain()
  await pass(40 * day)
  assert.equal(await status(bob, mxc), 404)
  await admin.post(`/_synapse/admin/v1/media/unquarantine/${placeOf(mxc)}`, {})
  await server.context.jobs.drain()
  await pass(5 * day)
  assert.equal(await status(bob, mxc), 200)
  assert.equal((await list({ kind: 'quarantine', active: 'false' })).total, 1)
  await pass(2 * day)
  assert.equal(await status(bob, mxc), 404)
})
