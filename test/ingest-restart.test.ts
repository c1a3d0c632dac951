import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IdentifiedPdu } from '../src/matrix/event.ts'
import type { UserId } from '../src/matrix/ids.ts'
import { deliver, ingestOf, joinedRoom, newSigner, statusOf, trust } from './helpers/federation/remote-room.ts'
import { temporaryFolder } from './helpers/program.ts'
import { createTestServer } from './helpers/server.ts'

const creator = '@creator:remote.test' as UserId

test('what was taken before a crash is worked through after it, once', async (t) => {
  const dataDir = temporaryFolder(t)
  const remote = newSigner('remote.test')
  const waiting: IdentifiedPdu[] = []
  let done: IdentifiedPdu
  {
    await using server = await createTestServer({ dataDir })
    await trust(server, remote)
    const alice = await server.user('alice')
    const { room } = await joinedRoom(server, remote, alice.userId)
    done = room.message(creator, 'done')
    await deliver(server, remote.server, done)
    for (let i = 0; i < 120; i++) waiting.push(room.message(creator, `waiting ${i}`))
    // As if the process had ended between the answer and the work.
    const { db } = server.context
    await db.write('stage', async (tx) => {
      for (const { eventId, pdu } of [done, ...waiting]) {
        const row = { room_id: room.roomId, event_id: eventId, origin: remote.server, json: JSON.stringify(pdu) }
        await tx.qb
          .insertInto('staged_events')
          .values({ ...row, attempts: 0, retry_at: 0 })
          .execute()
      }
    })
  }
  await using server = await createTestServer({ dataDir })
  await ingestOf(server).drain()
  for (const { eventId } of [done, ...waiting]) assert.equal(await statusOf(server, eventId), 0)
  const left = await server.context.db.read((reader) => reader.qb.selectFrom('staged_events').selectAll().execute())
  assert.deepEqual(left, [])
  const positions = await server.context.db.read((reader) =>
    reader.qb
      .selectFrom('events')
      .select(['event_id', 'stream_pos'])
      .where('stream_pos', '>', 0)
      .orderBy('stream_pos')
      .execute(),
  )
  assert.deepEqual(
    positions.slice(-121).map((row) => row.event_id),
    [done, ...waiting].map(({ eventId }) => eventId),
  )
})
