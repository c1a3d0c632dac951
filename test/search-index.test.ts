import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Tx } from '../src/db/database.ts'
import type { IndexedText, IndexQuery } from '../src/rooms/search/index-types.ts'
import { createSearchIndexer } from '../src/rooms/search/indexer.ts'
import { phrasesOf } from '../src/rooms/search/phrases.ts'
import { searchIndexOf } from '../src/rooms/search/search-index.ts'
import { getEventById } from '../src/rooms/store-events.ts'
import { getRoom } from '../src/rooms/store-rooms.ts'
import { wordsOf } from '../src/util/words.ts'
import { at } from './helpers/client.ts'
import { testOnDatabases, testOnEngines } from './helpers/engines.ts'
import { temporaryFolder } from './helpers/program.ts'
import { createRoom, send } from './helpers/rooms.ts'
import { findRecent } from './helpers/search.ts'
import { createTestServer, type TestServer } from './helpers/server.ts'

const phrases = (text: string) => phrasesOf(wordsOf(text))
const everything = Number.MAX_SAFE_INTEGER
const query = (term: string, more: Partial<IndexQuery> = {}): IndexQuery => ({
  phrases: phrases(term),
  kinds: ['body', 'name', 'topic'],
  roomNids: undefined,
  senders: undefined,
  below: everything,
  limit: 100,
  ...more,
})

testOnDatabases('both engines find the same in their indexes', async (db) => {
  const index = searchIndexOf(db.engine)
  const text = (pos: number, words: string, more: Partial<IndexedText> = {}): IndexedText => ({
    pos,
    roomNid: 1,
    sender: '@alice:localhost',
    kind: 'body',
    phrases: phrases(words),
    ...more,
  })
  const write = (fn: (tx: Tx) => Promise<void>) => db.write('test', fn)
  const find = (term: string, more: Partial<IndexQuery> = {}) =>
    db.read((reader) => index.find(reader, query(term, more)))
  await write((tx) =>
    index.put(tx, [
      text(1, 'red green'),
      text(2, 'green blue', { roomNid: 2, sender: '@bob:localhost' }),
      text(3, 'red', { kind: 'name' }),
      text(-7, 'red from before'),
      text(9, '東京 タワー red', { kind: 'topic' }),
    ]),
  )
  assert.deepEqual(await find('red'), [9, 3, 1, -7])
  assert.deepEqual(await find('red', { limit: 2 }), [9, 3])
  assert.deepEqual(await find('red', { below: 3 }), [1, -7])
  assert.deepEqual(await find('green red'), [1])
  assert.deepEqual(await find('green', { roomNids: [2, 3] }), [2])
  assert.deepEqual(await find('green', { roomNids: [] }), [])
  assert.deepEqual(await find('green', { senders: ['@bob:localhost', '@nobody:localhost'] }), [2])
  assert.deepEqual(await find('red', { kinds: ['name'] }), [3])
  assert.deepEqual(await find('red', { kinds: ['name', 'topic'], roomNids: [1] }), [9, 3])
  assert.deepEqual(await find('東京'), [9])
  assert.deepEqual(await find('京タ'), [9], 'neighbours')
  assert.deepEqual(await find('京東'), [])
  for (const place of ['r1', 'kname', 'r']) assert.deepEqual(await find(place), [], place)
  await write((tx) => index.put(tx, [text(1, 'yellow'), text(1000, 'w '.repeat(9999))]))
  assert.deepEqual(await find('green'), [2])
  assert.deepEqual(await find('yellow'), [1])
  assert.deepEqual(await find('w'), [1000])
  await write((tx) => index.remove(tx, [1, 2, 77]))
  assert.deepEqual([await find('yellow'), await find('green'), await find('red')], [[], [], [9, 3, -7]])
})

const indexHas = (server: TestServer, term: string) =>
  server.context.db.read(async (reader) => (await searchIndexOf(reader.engine).find(reader, query(term))).length)

testOnEngines('the index forgets what is redacted, at once', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const alice = await server.user('alice')
  const roomId = await createRoom(alice)
  const redact = (id: string) => alice.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${id}/${`x${id}`}`, {})
  const first = await send(alice, roomId, 'original')
  const relation = { rel_type: 'm.replace', event_id: first }
  const changed = await send(alice, roomId, {
    msgtype: 'm.text',
    body: '* mistyped',
    'm.new_content': { body: 'mistyped' },
    'm.relates_to': relation,
  })
  assert.deepEqual(await findRecent(alice, 'mistyped'), [first])
  assert.equal(await indexHas(server, 'mistyped'), 1)
  await redact(changed)
  assert.deepEqual([await indexHas(server, 'mistyped'), await indexHas(server, 'original')], [0, 1])
  await redact(first)
  assert.equal(await indexHas(server, 'original'), 0)
  const wordless = await send(alice, roomId, '😀')
  const worded = await send(alice, roomId, {
    msgtype: 'm.text',
    body: '* worded',
    'm.new_content': { body: 'worded' },
    'm.relates_to': { rel_type: 'm.replace', event_id: wordless },
  })
  assert.deepEqual(await findRecent(alice, 'worded'), [wordless])
  await redact(worded)
  assert.equal(await indexHas(server, 'worded'), 0)
  // Redacted before it was ever indexed.
  const unseen = await send(alice, roomId, 'unseen')
  await redact(unseen)
  assert.deepEqual(await findRecent(alice, 'unseen'), [])
  assert.equal(await indexHas(server, 'unseen'), 0)
})

test('what was not indexed when the server stopped is indexed after the start', async (t) => {
  const dataDir = temporaryFolder(t)
  let server = await createTestServer({ dataDir })
  const alice = await server.user('alice')
  const roomId = await createRoom(alice)
  const first = await send(alice, roomId, 'persistent')
  assert.deepEqual(await findRecent(alice, 'persistent'), [first])
  const second = await send(alice, roomId, 'persistent as well')
  await server.stop()
  server = await createTestServer({ dataDir })
  assert.deepEqual(await findRecent(await server.login('alice'), 'persistent'), [second, first])
  await server.stop()
})

testOnEngines('history that is fetched later has its place before the rest', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const alice = await server.user('alice')
  const roomId = await createRoom(alice)
  const sent = await send(alice, roomId, 'ancient')
  await server.context.db.write('make it old', async (tx) => {
    await tx.execute(`update events set stream_pos = -5 where event_id = '${sent}'`, [])
  })
  const { db, log, streams } = server.context
  const indexer = createSearchIndexer({ db, log, streams })
  await db.write('persist', async (tx) => {
    const [room, event] = [await getRoom(tx, roomId), await getEventById(tx, sent)]
    assert.ok(room && event)
    await indexer.hook(tx, {
      room,
      events: [],
      history: [event],
      currentChanges: [],
      removed: [],
      outgoing: [],
      redacted: [],
    })
  })
  assert.deepEqual(await findRecent(alice, 'ancient'), [sent])
})

/** Words that are many letters each once they are folded, as many as fit into an event. */
const inflated = (seed: number) =>
  Array.from({ length: 3000 }, (_, i) => `ﷺﷺﷺ${(i + seed * 3000).toString(36)}ﷺ`).join(' ')

testOnEngines('no text is too much for the index', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const alice = await server.user('alice')
  const roomId = await createRoom(alice)
  const texts = [inflated(0), 'long '.repeat(12_000), 'z'.repeat(60_000), '語'.repeat(20_000), 'é'.repeat(30_000)]
  const sent: string[] = []
  for (const text of texts) sent.push(await send(alice, roomId, text))
  for (let i = 1; i < 6; i += 1) {
    const content = { msgtype: 'm.text', body: '*', 'm.new_content': { body: `number${i} ${inflated(i)}` } }
    await send(alice, roomId, { ...content, 'm.relates_to': { rel_type: 'm.replace', event_id: sent[0] ?? '' } })
  }
  assert.deepEqual(await findRecent(alice, 'long'), [sent[1]])
  assert.deepEqual(await findRecent(alice, '語語'), [sent[3]])
  assert.deepEqual(await findRecent(alice, 'z'.repeat(64)), [sent[2]])
  const last = await send(alice, roomId, 'all is well')
  assert.deepEqual(await findRecent(alice, 'well'), [last])
})
