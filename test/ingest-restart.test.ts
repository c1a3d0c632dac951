import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IdentifiedPdu } from '../src/matrix/event.ts'
import type { EventId, UserId } from '../src/matrix/ids.ts'
import {
  asSeenBy,
  deliver,
  ingestOf,
  joinedRoom,
  newSigner,
  statusOf,
  trust,
} from './helpers/federation/remote-room.ts'
import type { BuiltRoom } from './helpers/federation/room-builder.ts'
import { temporaryFolder } from './helpers/program.ts'
import { send } from './helpers/rooms.ts'
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

test('what was rejected or kept back before a restart stays so after it, with what rests on it', async (t) => {
  const dataDir = temporaryFolder(t)
  const remote = newSigner('remote.test')
  const third = newSigner('third.test')
  const bob = '@bob:third.test' as UserId
  let room: BuiltRoom
  let coup: IdentifiedPdu
  let late: IdentifiedPdu
  {
    await using server = await createTestServer({ dataDir })
    await trust(server, remote, third)
    const alice = await server.user('alice')
    room = (await joinedRoom(server, remote, alice.userId)).room
    const seen = asSeenBy(room, third)
    const joined = seen.member(bob, 'join')
    await deliver(server, third.server, joined)
    coup = seen.build(bob, 'm.room.power_levels', { users: { [bob]: 100 } }, { stateKey: '' })
    await deliver(server, third.server, coup)
    const ban = room.member(creator, 'ban', bob, { prev: [joined.eventId] })
    await deliver(server, remote.server, ban)
    late = seen.build(bob, 'm.room.message', { body: 'late' }, { prev: [joined.eventId] })
    await deliver(server, third.server, late)
    assert.deepEqual([await statusOf(server, coup.eventId), await statusOf(server, late.eventId)], [2, 1])
  }
  await using server = await createTestServer({ dataDir })
  const alice = await server.login('alice')
  await deliver(server, third.server, coup, late)
  assert.deepEqual([await statusOf(server, coup.eventId), await statusOf(server, late.eventId)], [2, 1])

  const member = room.state('m.room.member', creator)
  const powerless = room.rules.roomIdIsCreateHash ? [] : [room.state('m.room.create')?.eventId ?? '']
  const auth = [...powerless, coup.eventId, member?.eventId ?? ''] as EventId[]
  const order = room.build(creator, 'm.room.name', { name: 'by a rejected right' }, { stateKey: '', auth })
  const next = room.message(creator, 'next', { prev: [...room.graph.heads] })
  await deliver(server, remote.server, order, next)
  assert.equal(await statusOf(server, order.eventId), 2, 'what it authorises is rejected, too')
  assert.equal(await statusOf(server, next.eventId), 0)
  const own = await send(alice, room.roomId, 'mine')
  const stored = await server.context.db.read((reader) => server.context.rooms.reads.eventById(reader, own))
  assert.deepEqual(stored?.pdu.prev_events, [next.eventId], 'ours follow neither')
})
