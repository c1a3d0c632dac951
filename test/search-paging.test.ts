import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { at } from './helpers/client.ts'
import { testOnEngines } from './helpers/engines.ts'
import { createRoom, publicRoom, send } from './helpers/rooms.ts'
import { type Found, idsOf, search, searchBody, searchPath } from './helpers/search.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

/** Many messages in one write: of different lengths, so that they rank differently. */
async function fill(
  server: TestServer,
  user: TestUser,
  roomId: string,
  count: number,
  word = 'word',
): Promise<string[]> {
  const ids = await server.context.rooms.writer.change(roomId, async (draft) => {
    const appended: string[] = []
    for (let i = 0; i < count; i += 1) {
      const body = `${word} ${`${word} filler `.repeat(i % 7)} ${i}`
      const content = { msgtype: 'm.text', body }
      appended.push((await draft.append({ type: 'm.room.message', sender: user.userId, content })).eventId)
    }
    return appended
  })
  return ids ?? []
}

/** All pages of a search, or of what a token belongs to. */
async function* pages(user: TestUser, term: string, criteria: object, from?: string): AsyncGenerator<Found> {
  for (let next = from, isFirst = from === undefined; isFirst || next !== undefined; isFirst = false) {
    const page = await search(user, term, criteria, next)
    yield page
    next = page.next_batch
  }
}

async function everyId(user: TestUser, term: string, criteria: object, from?: string): Promise<string[]> {
  const found: string[] = []
  for await (const page of pages(user, term, criteria, from)) found.push(...idsOf(page))
  return found
}

testOnEngines('pages hold every result once, whatever is written meanwhile', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const alice = await server.user('alice')
  const roomId = await createRoom(alice)
  const other = await createRoom(alice)
  const sent = await fill(server, alice, roomId, 1300)
  for (const order of ['rank', 'recent']) {
    const seen: string[] = []
    const gone = new Set<string>()
    const criteria = { order_by: order, filter: { limit: 100 } }
    for await (const page of pages(alice, 'word', criteria)) {
      seen.push(...idsOf(page))
      assert.ok(page.count >= seen.length)
      await send(alice, other, 'word and word, later')
      const victim = sent.findLast((id) => !seen.includes(id) && !gone.has(id))
      if (victim === undefined || seen.length > 900) continue
      await alice.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${victim}/${`r${order}${gone.size}`}`, {})
      gone.add(victim)
    }
    assert.equal(new Set(seen).size, seen.length)
    assert.deepEqual(seen.toSorted(), sent.filter((id) => !gone.has(id)).toSorted())
    if (order === 'recent') assert.deepEqual(seen, sent.filter((id) => !gone.has(id)).toReversed())
    for (const id of gone) sent.splice(sent.indexOf(id), 1)
    for (const id of await everyId(alice, 'later', {})) {
      await alice.put(at`/_matrix/client/v3/rooms/${other}/redact/${id}/${`l${id}`}`, {})
    }
  }
})

testOnEngines('who is in many rooms finds what is there among all that is elsewhere', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const few = await Promise.all(Array.from({ length: 12 }, () => createRoom(alice)))
  const sent = [await fill(server, alice, few[0] ?? '', 3), await fill(server, alice, few[11] ?? '', 2)].flat()
  await fill(server, bob, await createRoom(bob), 1500)
  const newest = await fill(server, alice, few[5] ?? '', 1)
  const criteria = { order_by: 'recent', filter: { limit: 4 } }
  const expected = [...sent, ...newest].toReversed()
  assert.deepEqual(await everyId(alice, 'word', criteria), expected)
  const chosen = { ...criteria, filter: { limit: 4, rooms: [...few, '!elsewhere:localhost'] } }
  assert.deepEqual(await everyId(alice, 'word', chosen), expected)
  assert.equal((await everyId(bob, 'word', { filter: { limit: 100 } })).length, 1500)
  // More than the index is asked for by name.
  await Promise.all(Array.from({ length: 100 }, () => createRoom(alice)))
  assert.deepEqual(await everyId(alice, 'word', criteria), expected)
})

testOnEngines('long texts cost pages, not results', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const alice = await server.user('alice')
  const roomId = await createRoom(alice)
  const sent: string[] = []
  for (let i = 0; i < 10; i += 1) {
    sent.push(...(await fill(server, alice, roomId, 8, `word ${'lorem ipsum '.repeat(700 - (i % 3) * 100)}`)))
  }
  for (const order of ['rank', 'recent']) {
    const pageSizes: number[] = []
    const seen: string[] = []
    for await (const page of pages(alice, 'word', { order_by: order, filter: { limit: 100 } })) {
      pageSizes.push(page.results.length)
      seen.push(...idsOf(page))
    }
    assert.ok((pageSizes[0] ?? 0) < sent.length, 'the first page stops early')
    assert.deepEqual(seen.toSorted(), sent.toSorted())
  }
})

testOnEngines('groups are paged by themselves', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const [one, two] = [await publicRoom(alice, [bob]), await publicRoom(alice, [bob])]
  const inOne = [...(await fill(server, alice, one, 30)), ...(await fill(server, bob, one, 30))]
  const inTwo = [...(await fill(server, alice, two, 20)), ...(await fill(server, bob, two, 20))]
  const mixed = await fill(server, bob, one, 3)
  for (const order of ['rank', 'recent']) {
    const groupings = { group_by: [{ key: 'room_id' }, { key: 'sender' }] }
    const criteria = { order_by: order, filter: { limit: 8 }, groupings }
    const first = await search(alice, 'word', criteria)
    const all = await everyId(alice, 'word', criteria)
    const byRoom = first.groups?.room_id ?? {}
    const bySender = first.groups?.sender ?? {}
    assert.deepEqual(
      Object.values(byRoom)
        .flatMap(({ results }) => results)
        .toSorted(),
      idsOf(first).toSorted(),
    )
    for (const [roomId, group] of Object.entries(byRoom)) {
      const rest = await everyId(alice, 'word', criteria, group.next_batch)
      const expected = new Set(roomId === one ? [...inOne, ...mixed] : inTwo)
      assert.deepEqual(
        [...group.results, ...rest],
        all.filter((id) => expected.has(id)),
      )
    }
    for (const group of Object.values(bySender)) {
      const rest = await everyId(alice, 'word', criteria, group.next_batch)
      assert.equal(new Set([...group.results, ...rest]).size, group.results.length + rest.length)
      for await (const page of pages(alice, 'word', criteria, group.next_batch)) {
        assert.ok(Object.keys(page.groups?.sender ?? {}).length <= 1)
      }
    }
    const lengths = await Promise.all(
      Object.values(bySender).map(
        async ({ results, next_batch: next }) =>
          results.length + (next === undefined ? 0 : (await everyId(alice, 'word', criteria, next)).length),
      ),
    )
    assert.equal(
      lengths.reduce((sum, n) => sum + n, 0),
      Object.keys(bySender).length === 2 ? 103 : lengths[0],
    )
  }
})

testOnEngines('tokens of others, of other searches and made up ones are refused', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  await fill(server, alice, roomId, 5)
  const criteria = { filter: { limit: 2, rooms: [roomId] }, order_by: 'recent' }
  const { next_batch: token = '' } = await search(alice, 'word', criteria)
  assert.ok(token)
  const refuse = async (user: TestUser, next: string, changed: object = {}, term = 'word') => {
    const body = searchBody(term, { ...criteria, ...changed })
    const answer = await user.request('POST', searchPath, { query: { next_batch: next }, body, expect: 400 })
    assert.equal(answer.body.errcode, 'M_INVALID_PARAM', next)
  }
  await refuse(bob, token)
  await refuse(alice, token, {}, 'words')
  await refuse(alice, token, { order_by: 'rank' })
  await refuse(alice, token, { keys: ['content.name'] })
  await refuse(alice, token, { filter: { rooms: [] } })
  await refuse(alice, `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`)
  await refuse(alice, token.replace('f', 'g'))
  for (const made of ['x', 's1_2', `f${'A'.repeat(5000)}.${'A'.repeat(16)}`, 'f.', '{}']) await refuse(alice, made)
  // Whoever can compute a seal may write anything into a token, and still gets nothing but an answer or an error.
  const seal = (payload: string) => {
    const filter = [['rooms', [roomId]]]
    const parts = [alice.userId, 'word', ['body', 'name', 'topic'], 'recent', filter, payload]
    return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 16)
  }
  const forge = (value: unknown) => {
    const payload = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
    return `f${payload}.${seal(payload)}`
  }
  for (const value of ['nonsense', [], [[1]], [['a', 0], [], []], [[1, 2], [1, 'x', 3], []], [[1.5, 0], [], []]]) {
    await refuse(alice, forge(value))
  }
  const far = Number.MAX_SAFE_INTEGER
  assert.equal((await search(alice, 'word', criteria, forge([[far, 0], [], []]))).results.length, 2)
  assert.deepEqual((await search(alice, 'word', criteria, forge([[-far, 0], [], []]))).results, [])
  const elsewhere = [[far, 0], [], ['room_id', '!elsewhere:localhost']]
  assert.deepEqual((await search(alice, 'word', criteria, forge(elsewhere))).results, [])
  const more = await search(alice, 'word', { ...criteria, filter: { ...criteria.filter, limit: 50 } }, token)
  assert.equal(more.results.length, 3)
})
