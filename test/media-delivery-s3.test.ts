/** Deletion after delivery where files are objects. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { createTestClock } from '../src/util/clock.ts'
import { fetchWhole, image, status } from './helpers/deliveries.ts'
import { mediaFiles, upload } from './helpers/media.ts'
import { createRoom, join, send } from './helpers/rooms.ts'
import { s3Missing, startObjectStorage } from './helpers/s3.ts'
import { createTestServer } from './helpers/server.ts'

const day = 86_400_000

test('after the grace no byte is left in the object storage', { skip: s3Missing }, async () => {
  await using storage = await startObjectStorage()
  await storage.makeBucket('deliveries')
  const clock = createTestClock(Date.now())
  const delivery = { scope: 'all', grace: '1d' }
  const media = { sweep_interval: '300d', delivery, storage: storage.config('deliveries') }
  await using server = await createTestServer({ clock, config: { media } })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  await join(bob, roomId)
  const unsent = (await storage.keys('deliveries')).length
  const mxc = await upload(alice, randomBytes(100_000))
  await send(alice, roomId, image(mxc))
  assert.equal((await storage.keys('deliveries')).length, unsent + 1)
  await fetchWhole(server, bob, mxc)
  const sweep = async () => {
    await server.context.media.delivery.sweep(new AbortController().signal)
    await server.context.jobs.drain()
  }
  clock.advance(day - 1)
  await sweep()
  assert.equal(await status(bob, mxc), 200)
  clock.advance(1)
  await sweep()
  assert.equal(await status(bob, mxc), 404)
  assert.equal((await storage.keys('deliveries')).length, unsent)
  assert.deepEqual(mediaFiles(server.dataDir), [])
})
