/** Deliveries to another server, and what servers tell each other of media that goes. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { createTestClock } from '../src/util/clock.ts'
import { at } from './helpers/client.ts'
import { fetchWhole, image, status } from './helpers/deliveries.ts'
import { createPeer } from './helpers/federation/peer.ts'
import { connectPeers, createFederatedServer } from './helpers/federation/servers.ts'
import { shareRoom } from './helpers/federation/shared-room.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'
import { download, mediaFiles, upload } from './helpers/media.ts'
import { act, createRoom, send } from './helpers/rooms.ts'
import type { TestServer, TestUser } from './helpers/server.ts'

const options = { skip: withoutOpenssl }
const hour = 3_600_000
const day = 24 * hour

/** Everything that is under way on a server. */
async function settle({ context }: TestServer): Promise<void> {
  await context.media.delivery.idle()
  // Timers queue writes: ours comes after them.
  await context.db.write('wait', async () => {})
  await context.jobs.drain()
  await context.sender.drain()
}

/** Two servers on one clock; alice and bob on the first and carol on the second are in a room. */
async function setUp(delivery: object = {}) {
  const clock = createTestClock(Date.now())
  const servers = await connectPeers(2, { clock, config: { media: { delivery } } })
  const [here, there] = servers
  assert.ok(here && there)
  const people = [await here.user('alice'), await here.user('bob'), await there.user('carol')] as const
  const [alice, bob, carol] = people
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  const join = (user: TestUser) =>
    user.request('POST', at`/_matrix/client/v3/join/${roomId}`, {
      query: { via: [here.serverName] },
      body: {},
      expect: 200,
    })
  await join(bob)
  await join(carol)
  const pass = async (ms: number) => {
    clock.advance(ms)
    await settle(here)
    await settle(there)
    // What one has told the other.
    await settle(here)
    await settle(there)
  }
  return {
    here,
    there,
    alice,
    bob,
    carol,
    roomId,
    join,
    pass,
    [Symbol.asyncDispose]: () => servers[Symbol.asyncDispose](),
  }
}

test('after three people with two devices each and another server have it, no byte is left', options, async () => {
  await using all = await setUp({ scope: 'all', grace: '7d', server_grace: '9d' })
  const { here, there, alice, bob, carol, roomId, join, pass } = all
  const dave = await here.user('dave')
  await join(dave)
  const devices = [
    await here.login('alice'),
    await here.login('bob'),
    await here.login('dave'),
    await there.login('carol'),
  ]
  const bytes = randomBytes(200_000)
  const mxc = await upload(alice, bytes)
  await send(alice, roomId, image(mxc))
  await fetchWhole(here, bob, mxc)
  await fetchWhole(here, dave, mxc)
  await pass(8 * day)
  assert.equal(await status(alice, mxc), 200, 'the other server has not fetched it')
  const copy = await download(carol, mxc)
  assert.deepEqual([copy.status, copy.bytes.equals(bytes)], [200, true])
  await pass(8 * day)
  for (const user of [alice, bob, dave, ...devices]) assert.equal(await status(user, mxc), 200)
  await pass(day + 11 * 60_000)
  for (const user of [alice, bob, dave, carol, ...devices])
    assert.equal((await download(user, mxc)).errcode, 'M_NOT_FOUND')
  assert.deepEqual([mediaFiles(here.dataDir), mediaFiles(there.dataDir)], [[], []])
})

test('a server that has left is not waited for, and one that has it is told when it is gone', options, async () => {
  await using all = await setUp({ scope: 'all', grace: '2h' })
  const { here, there, alice, bob, carol, roomId, pass } = all
  const [first, second] = [await upload(alice, 'first'), await upload(alice, 'second')]
  for (const mxc of [first, second]) {
    await send(alice, roomId, image(mxc))
    await fetchWhole(here, bob, mxc)
  }
  assert.equal(await status(carol, first), 200)
  await settle(here)
  await act(carol, roomId, 'leave')
  await pass(hour)
  assert.deepEqual([await status(bob, first), await status(bob, second)], [200, 200])
  await pass(2 * hour)
  assert.deepEqual([await status(bob, first), await status(bob, second)], [404, 404])
  // Its copy would have lived for a day.
  assert.equal(await status(carol, first), 404)
  assert.deepEqual(mediaFiles(there.dataDir), [])
})

test('others on a server that has it can have it for a day after it went here', options, async () => {
  await using all = await setUp({ scope: 'all', grace: '1h' })
  const { here, there, alice, bob, carol, roomId, join, pass } = all
  const dora = await there.user('dora')
  await join(dora)
  const mxc = await upload(alice, 'photo')
  await send(alice, roomId, image(mxc))
  await fetchWhole(here, bob, mxc)
  assert.equal(await status(carol, mxc), 200)
  await pass(2 * hour)
  assert.equal(await status(alice, mxc), 404)
  assert.equal(await status(dora, mxc), 200)
  await pass(day)
  await pass(11 * 60_000)
  assert.equal(await status(dora, mxc), 404)
  assert.deepEqual([mediaFiles(here.dataDir), mediaFiles(there.dataDir)], [[], []])
})

test('a copy of what its server deletes soon lives for a day, and is fetched again on demand', options, async () => {
  await using all = await setUp({ scope: 'all', grace: '30d' })
  const { there, alice, carol, roomId, pass } = all
  const [photo, unsent] = [await upload(alice, 'photo'), await upload(alice, 'unsent')]
  await send(alice, roomId, image(photo))
  for (const mxc of [photo, unsent]) assert.equal(await status(carol, mxc), 200)
  await pass(day - hour)
  assert.equal(mediaFiles(there.dataDir).length, 2)
  await pass(2 * hour)
  assert.equal(mediaFiles(there.dataDir).length, 1)
  assert.equal(await status(carol, photo), 200)
  assert.equal(mediaFiles(there.dataDir).length, 2)
})

test('nobody but its server has a copy deleted', options, async () => {
  await using all = await setUp()
  const { there, alice, carol, pass } = all
  const mxc = await upload(alice, 'x')
  assert.equal(await status(carol, mxc), 200)
  const media_id = mxc.split('/').at(-1) ?? ''
  await using peer = await createPeer()
  const tell = (content: object) =>
    peer.send(there.serverName, [], { edus: [{ edu_type: 'uk.timedout.msc4322.media_redaction', content }] as never })
  await tell({ media_id })
  await tell({ media_id: 5 })
  await tell({})
  await pass(hour)
  assert.equal(mediaFiles(there.dataDir).length, 1)
  assert.equal(await status(carol, mxc), 200)
})

test('a copy that its server has deleted is not fetched again, and one that is held stays', options, async () => {
  await using all = await setUp()
  const { here, there, alice, carol, pass } = all
  const [dropped, held] = [await upload(alice, 'dropped'), await upload(alice, 'held')]
  for (const mxc of [dropped, held]) assert.equal(await status(carol, mxc), 200)
  const { db, media } = there.context
  const refOf = (mxc: string) => ({ origin: here.serverName, mediaId: mxc.split('/').at(-1) ?? '' })
  await db.write('hold', async (tx) => {
    const nid = await media.delivery.mediaNid(tx, refOf(held))
    await media.delivery.hold(tx, nid ?? 0, { kind: 'legal' })
  })
  for (const mxc of [dropped, held]) await media.dropCopy(refOf(mxc))
  await pass(hour)
  // Its server has them both, and would give them.
  for (const mxc of [dropped, held]) assert.equal(await status(alice, mxc), 200)
  assert.deepEqual([await status(carol, dropped), await status(carol, held)], [404, 200])
  assert.equal(mediaFiles(there.dataDir).length, 1)
})

test('what other servers get says whether it is deleted soon', options, async () => {
  await using server = await createFederatedServer()
  await using peer = await createPeer()
  const { alice, roomId } = await shareRoom(server, peer)
  const [note, photo] = [await upload(alice, 'note'), await upload(alice, 'photo')]
  await send(alice, roomId, image(note, { 'io.ringback.note': {} }))
  await send(alice, roomId, image(photo))
  const hint = async (mxc: string) => {
    const id = mxc.split('/').at(-1) ?? ''
    const path = at`/_matrix/federation/v1/media/download/${id}`
    const answer = await peer.request(server.serverName, 'GET', path, { expect: 200 })
    return /\r\n\r\n(\{.*\})\r\n/.exec(answer.bytes.toString('latin1'))?.[1]
  }
  assert.equal(await hint(note), '{"ephemeral":true,"org.matrix.msc4425.ephemeral":true}')
  assert.equal(await hint(photo), '{}')
})

test('while a server is away the end of what it lacks is put off, for fourteen days at most', options, async () => {
  const clock = createTestClock(Date.now())
  const config = { media: { delivery: { scope: 'all', max_lifetime: '30d' } } }
  await using server = await createFederatedServer({ clock, config })
  const peer = await createPeer()
  const { alice, roomId } = await shareRoom(server, peer)
  const mxc = await upload(alice, 'x')
  await send(alice, roomId, image(mxc))
  await settle(server)
  const pass = async (ms: number) => {
    clock.advance(ms)
    await settle(server)
  }
  await pass(29 * day)
  await peer.stop()
  await send(alice, roomId, 'are you there?')
  await settle(server)
  await pass(10 * day)
  assert.equal(await status(alice, mxc), 200)
  await pass(5 * day + hour)
  assert.equal(await status(alice, mxc), 404)
})
