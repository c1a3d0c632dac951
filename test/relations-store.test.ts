import assert from 'node:assert/strict'
import type { Database, Tx } from '../src/db/database.ts'
import type { EventId } from '../src/matrix/ids.ts'
import { listDescendants, maxDepth } from '../src/rooms/relations/store-pages.ts'
import { orderThreads } from '../src/rooms/relations/thread-order.ts'
import { deleteRelation, insertRelation, resolveRelation } from '../src/rooms/store-relations.ts'
import { testOnDatabases } from './helpers/engines.ts'
import { alice, bob, pdu } from './helpers/room-events.ts'

/** An event of a room, filed with its relation; its id is chosen as rooms of the first versions allow. */
async function put(tx: Tx, pos: number, eventId: string, [relType, parent]: [string, string], sender = alice) {
  const event = pdu('m.room.message', {
    sender,
    content: { 'm.relates_to': { rel_type: relType, event_id: parent } },
  })
  const relation = await resolveRelation(tx, 1, event)
  const row = await tx.qb
    .insertInto('events')
    .values({
      event_id: eventId,
      room_nid: 1,
      stream_pos: pos,
      type: event.type,
      sender,
      state_key: null,
      depth: pos,
      origin_server_ts: pos,
      before_nid: null,
      state_nid: null,
      current_nid: null,
      status: 0,
      thread_id: relation?.threadId ?? null,
      txn_device: null,
      txn_id: null,
      delay_id: null,
      json: JSON.stringify(event),
    })
    .returning('event_nid')
    .executeTakeFirstOrThrow()
  const nid = row.event_nid
  if (relation) await insertRelation(tx, { nid, roomNid: 1, streamPos: pos, pdu: event }, relation)
  return { nid, eventId: eventId as EventId, threadId: relation?.threadId }
}

function descendants(db: Database, ancestorId: string, dir: 'b' | 'f') {
  const range = { dir, after: 0, upTo: 1000, limit: 10, depth: maxDepth }
  return db.read(async (reader) => {
    const query = { roomNid: 1, ancestorId, relType: undefined, eventType: undefined, ...range }
    const { page, isLast } = await listDescendants(reader, query)
    assert.ok(isLast)
    return page.map(({ event }) => event.eventId)
  })
}

testOnDatabases('rings of relations end, whatever their length', async (db) => {
  await db.write('rings', async (tx) => {
    await put(tx, 1, '$self', ['m.reference', '$self'])
    await put(tx, 2, '$a', ['m.reference', '$b'])
    await put(tx, 3, '$b', ['m.reference', '$a'])
    const ring = ['$1', '$2', '$3', '$4', '$5']
    for (const [i, id] of ring.entries()) await put(tx, 10 + i, id, ['m.reference', ring.at(i - 1) ?? ''])
    for (const id of ['$self', '$a', '$1']) await put(tx, 20, `${id} thread`, ['m.thread', id])
  })
  assert.deepEqual(await descendants(db, '$self', 'f'), ['$self thread'])
  assert.deepEqual(await descendants(db, '$a', 'b'), ['$a thread', '$b'])
  assert.deepEqual(new Set(await descendants(db, '$1', 'f')), new Set(['$2', '$3', '$4', '$1 thread']))
})

testOnDatabases('threads stand by the newest reply that counts', async (db) => {
  await db.write('threads', async (tx) => {
    await put(tx, 10, '$one 10', ['m.thread', '$one'])
    await put(tx, 11, '$two 11', ['m.thread', '$two'], bob)
    await put(tx, 12, '$one 12', ['m.thread', '$one'], bob)
    await put(tx, 13, '$three 13', ['m.thread', '$three'])
    await put(tx, 14, '$two 14', ['m.thread', '$two'])
    for (let i = 0; i < 50; i++) await put(tx, 20 + i, `$one ${20 + i}`, ['m.thread', '$one'], bob)
  })
  const order = (asOf: number, ignored: string[], at = asOf, limit = 10) =>
    db.read(async (reader) => {
      const pager = await orderThreads(reader, { roomNid: 1, asOf, ignored: new Set(ignored) })
      return (await pager(at, limit)).map(({ rootId, latest }) => `${rootId} ${latest}`)
    })
  assert.deepEqual(await order(100, []), ['$one 69', '$two 14', '$three 13'])
  assert.deepEqual(await order(100, [bob]), ['$two 14', '$three 13', '$one 10'])
  assert.deepEqual(await order(100, [bob], 13, 1), ['$three 13'])
  assert.deepEqual(await order(100, [alice, bob]), [])
  assert.deepEqual(await order(13, []), ['$three 13', '$one 12', '$two 11'])
  assert.deepEqual(await order(13, [], 12, 1), ['$one 12'])
  assert.deepEqual(await order(13, [bob]), ['$three 13', '$one 10'])
  assert.deepEqual(await order(9, []), [])
})

testOnDatabases('a thread knows its newest reply again when that is redacted', async (db) => {
  const threads = () => db.read(({ qb }) => qb.selectFrom('threads').select(['replies', 'latest_pos']).execute())
  const [first, second] = await db.write('threads', async (tx) => [
    await put(tx, 10, '$reply', ['m.thread', '$root']),
    await put(tx, 11, '$last', ['m.thread', '$root']),
  ])
  assert.deepEqual(await threads(), [{ replies: 2, latest_pos: 11 }])
  if (first && second) await db.write('redact', (tx) => deleteRelation(tx, second))
  assert.deepEqual(await threads(), [{ replies: 1, latest_pos: 10 }])
  if (first) await db.write('redact', (tx) => deleteRelation(tx, first))
  assert.deepEqual(await threads(), [])
})
