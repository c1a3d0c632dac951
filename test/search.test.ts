import assert from 'node:assert/strict'
import { at } from './helpers/client.ts'
import { testOnEngines } from './helpers/engines.ts'
import { act, createRoom, errorOf, join, publicRoom, send, setState, v3 } from './helpers/rooms.ts'
import { findRecent, idsOf, search, searchBody, searchPath } from './helpers/search.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

const people = async (server: TestServer) =>
  [await server.user('alice'), await server.user('bob'), await server.user('carol')] as const

let txn = 0
const redact = (user: TestUser, roomId: string, eventId: string) => {
  txn += 1
  return user.put<{ event_id: string }>(at`/_matrix/client/v3/rooms/${roomId}/redact/${eventId}/${`x${txn}`}`, {})
}

const edit = (user: TestUser, roomId: string, eventId: string, body: string) =>
  send(user, roomId, {
    msgtype: 'm.text',
    body: `* ${body}`,
    'm.new_content': { msgtype: 'm.text', body },
    'm.relates_to': { rel_type: 'm.replace', event_id: eventId },
  })

testOnEngines('texts are found as soon as they were sent, by their words', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice] = await people(server)
  const roomId = await createRoom(alice, { name: 'The Wine Cellar', topic: 'Bordeaux and Burgundy' })
  const cases: [string, string[], string[]][] = [
    [
      'Fromage à la crème',
      ['creme', 'CRÈME fromage', 'la "fromage"', 'fromage!!!'],
      ['crem', 'fromage brie', 'lacreme'],
    ],
    ['foo_bar foo-bar baz.qux', ['foo', 'bar', 'qux'], ['foobar']],
    ['東京タワーに行く', ['東京', 'タワー', '京タ'], ['京東', '東タ']],
    ['한국어 검색', ['검색'], ['색']],
    ['Ελληνικά Ёлка', ['ελληνικα', 'елка'], ['ε']],
    ["it's 'quoted' AND (odd)", ['quoted and', 'it s', 'odd'], ['oddity']],
  ]
  for (const [body, terms, others] of cases) {
    const sent = await send(alice, roomId, body)
    for (const term of terms) assert.deepEqual(await findRecent(alice, term), [sent], term)
    for (const term of others) assert.deepEqual(await findRecent(alice, term), [], term)
  }
  const byKey = async (term: string, ...keys: string[]) => (await search(alice, term, { keys })).results
  const [[name], [topic]] = [await byKey('cellar', 'content.name'), await byKey('burgundy')]
  assert.deepEqual([name?.result.type, topic?.result.type], ['m.room.name', 'm.room.topic'])
  assert.deepEqual(await byKey('cellar', 'content.body', 'content.topic'), [])
  assert.deepEqual(await byKey('burgundy', 'content.body'), [])
  assert.equal((await byKey('burgundy', 'content.topic', 'content.name')).length, 1)
  await setState(alice, roomId, 'm.room.topic', {
    topic: 'x',
    'm.topic': { 'm.text': [{ body: 'Rioja' }, { body: '<b>Porto</b>', mimetype: 'text/html' }] },
  })
  assert.equal((await byKey('rioja')).length, 1)
  assert.equal((await byKey('porto')).length, 0)
  await send(alice, roomId, { body: 'not a message' }, 'org.example.note')
  await send(alice, roomId, { msgtype: 'm.text', body: 7 })
  assert.deepEqual(await findRecent(alice, 'not'), [])
})

testOnEngines('results are ranked or recent, with highlights, context, groups and state', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob] = await people(server)
  const [one, two] = [await publicRoom(alice, [bob], { name: 'One' }), await publicRoom(alice, [bob])]
  const dense = await send(bob, one, 'Cheese cheese CHEESE')
  await send(alice, one, 'between')
  const plain = await send(alice, two, 'some cheese for a mouse')
  const sparse = await send(bob, one, `cheese ${'and other things '.repeat(20)}`)
  const ranked = await search(alice, 'cheese')
  assert.deepEqual(idsOf(ranked), [dense, plain, sparse])
  assert.equal(ranked.count, 3)
  assert.deepEqual(ranked.highlights, ['cheese'])
  assert.ok(ranked.results.every(({ rank }, i) => i === 0 || rank < (ranked.results[i - 1]?.rank ?? 0)))
  assert.ok(ranked.results.every(({ context }) => context === undefined))
  assert.equal(ranked.next_batch, undefined)
  assert.deepEqual(await findRecent(alice, 'cheese'), [sparse, plain, dense])

  const groupings = { group_by: [{ key: 'room_id' }, { key: 'sender' }] }
  const { groups, state } = await search(alice, 'cheese', { groupings, include_state: true })
  assert.deepEqual(groups, {
    room_id: { [one]: { order: 1, results: [dense, sparse] }, [two]: { order: 2, results: [plain] } },
    sender: { [bob.userId]: { order: 3, results: [dense, sparse] }, [alice.userId]: { order: 4, results: [plain] } },
  })
  assert.deepEqual(Object.keys(state ?? {}).sort(), [one, two].sort())
  assert.ok(state?.[one]?.some(({ type, content }) => type === 'm.room.name' && content.name === 'One'))

  await bob.put(at`/_matrix/client/v3/profile/${bob.userId}/displayname`, { displayname: 'Robert' })
  const event_context = { before_limit: 1, after_limit: 2, include_profile: true }
  const { results } = await search(alice, 'between', { event_context })
  const context = results[0]?.context
  assert.deepEqual(
    [context?.events_before.map(({ event_id: id }) => id), context?.events_after[0]?.event_id],
    [[dense], sparse],
  )
  assert.equal(context?.events_after[1]?.content.displayname, 'Robert')
  assert.deepEqual(context?.profile_info, {
    [alice.userId]: { displayname: 'alice' },
    [bob.userId]: { displayname: 'bob' },
  })
  const page = (dir: string, from = '') =>
    alice.get<{ chunk: { event_id: string }[] }>(at`/_matrix/client/v3/rooms/${one}/messages`, { dir, from, limit: 1 })
  const [full] = (await search(alice, 'between', { event_context: { before_limit: 0, after_limit: 0 } })).results
  assert.deepEqual([full?.context?.events_before, full?.context?.events_after], [[], []])
  assert.equal((await page('b', full?.context?.start)).chunk[0]?.event_id, dense)
  assert.equal((await page('f', full?.context?.end)).chunk[0]?.event_id, sparse)
  const [defaults] = (await search(alice, 'between', { event_context: {} })).results
  assert.deepEqual([defaults?.context?.events_before.length, defaults?.context?.events_after.length], [5, 2])
})

testOnEngines('a filter narrows a search', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob] = await people(server)
  const [one, two] = [await publicRoom(alice, [bob], { name: 'apple' }), await publicRoom(alice, [bob])]
  const a = await send(alice, one, 'apple')
  const b = await send(bob, one, { msgtype: 'm.image', body: 'apple.jpg', url: 'mxc://localhost/apple' })
  const c = await send(bob, two, 'apple')
  const by = (filter: object) => findRecent(alice, 'apple', { filter, keys: ['content.body'] })
  assert.deepEqual(await by({}), [c, b, a])
  assert.deepEqual(await by({ rooms: [one] }), [b, a])
  assert.deepEqual(await by({ rooms: [] }), [])
  assert.deepEqual(await by({ not_rooms: [one] }), [c])
  assert.deepEqual(await by({ rooms: [one, '!elsewhere:localhost'], not_rooms: [two] }), [b, a])
  assert.deepEqual(await by({ senders: [bob.userId] }), [c, b])
  assert.deepEqual(await by({ senders: [] }), [])
  assert.deepEqual(await by({ not_senders: [bob.userId] }), [a])
  assert.deepEqual(await by({ contains_url: true }), [b])
  assert.deepEqual(await by({ contains_url: false, rooms: [one] }), [a])
  assert.deepEqual(await by({ types: ['m.room.name'] }), [])
  assert.deepEqual(await by({ not_types: ['m.room.*'] }), [])
  assert.deepEqual(await by({ limit: 1 }), [c])
  assert.deepEqual(await by({ limit: 0 }), [])
  assert.equal((await search(alice, 'apple', { filter: { types: ['m.room.na*'] } })).results.length, 1)
})

testOnEngines(
  'edits are found in the place of what they edit; what is redacted is not found',
  async (_t, { engine }) => {
    await using server = await createTestServer({ engine })
    const [alice, bob, carol] = await people(server)
    const roomId = await publicRoom(alice, [bob, carol])
    const first = await send(alice, roomId, 'the original words')
    const other = await send(alice, roomId, 'words of another')
    await act(carol, roomId, 'leave')
    await edit(bob, roomId, first, 'somebody else edits')
    const changed = await edit(alice, roomId, first, 'quite different words')
    assert.deepEqual(await findRecent(bob, 'different'), [first])
    assert.deepEqual(await findRecent(bob, 'words'), [other, first])
    assert.deepEqual(await findRecent(bob, 'original'), [])
    assert.deepEqual(await findRecent(bob, 'somebody'), [])
    const [hit] = (await search(bob, 'different')).results
    assert.equal(
      (hit?.result.unsigned?.['m.relations'] as Record<string, { event_id: string } | undefined> | undefined)?.[
        'm.replace'
      ]?.event_id,
      changed,
    )
    // Who left before the edit knows only what stood there before.
    assert.deepEqual(await findRecent(carol, 'different'), [])
    assert.deepEqual(await findRecent(carol, 'original'), [first])
    await redact(alice, roomId, changed)
    assert.deepEqual(await findRecent(bob, 'different'), [])
    assert.deepEqual(await findRecent(bob, 'original'), [first])
    await edit(alice, roomId, first, 'back again')
    await redact(alice, roomId, first)
    await redact(alice, roomId, other)
    for (const term of ['original', 'again', 'words']) assert.deepEqual(await findRecent(bob, term), [], term)
  },
)

testOnEngines('nobody finds what they may not see', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob, carol] = await people(server)
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  const early = await send(alice, roomId, 'secret early')
  assert.deepEqual(await findRecent(bob, 'secret'), [])
  assert.deepEqual(await findRecent(bob, 'secret', { filter: { rooms: [roomId] } }), [])
  await setState(alice, roomId, 'm.room.history_visibility', { history_visibility: 'joined' })
  const hidden = await send(alice, roomId, 'secret hidden')
  await join(bob, roomId)
  const shown = await send(alice, roomId, 'secret shown')
  const seen = await search(bob, 'secret', { order_by: 'recent', event_context: { include_profile: true } })
  assert.deepEqual([idsOf(seen), seen.count], [[shown, early], 2])
  const around = seen.results.flatMap(({ context }) => [
    ...(context?.events_before ?? []),
    ...(context?.events_after ?? []),
  ])
  assert.ok(around.every(({ event_id: id }) => id !== hidden))
  await act(bob, roomId, 'leave')
  await send(alice, roomId, 'secret after the leave')
  assert.deepEqual(await findRecent(bob, 'secret'), [shown, early])
  await act(alice, roomId, 'ban', { user_id: bob.userId })
  assert.deepEqual(await findRecent(bob, 'secret'), [shown, early])
  await act(alice, roomId, 'unban', { user_id: bob.userId })
  await act(bob, roomId, 'forget')
  assert.deepEqual(await findRecent(bob, 'secret'), [])
  assert.equal((await findRecent(alice, 'secret')).length, 4)

  const invited = await createRoom(alice, { invite: [carol.userId], name: 'secret' })
  assert.deepEqual(await findRecent(carol, 'secret', { filter: { rooms: [invited] } }), [])
  await join(carol, invited)
  await send(alice, invited, 'secret spam')
  assert.equal((await findRecent(carol, 'secret')).length, 2)
  await carol.put(at`/_matrix/client/v3/user/${carol.userId}/account_data/m.ignored_user_list`, {
    ignored_users: { [alice.userId]: {} },
  })
  assert.equal((await findRecent(carol, 'spam')).length, 0)
  await setState(alice, invited, 'm.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' })
  assert.deepEqual(await findRecent(alice, 'spam'), [])
})

testOnEngines('who searches a room also finds what was written in those that it replaced', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob, carol] = await people(server)
  const old = await publicRoom(alice, [bob], { room_version: '10' })
  const before = await send(alice, old, 'needle before')
  const upgrade = at`/_matrix/client/v3/rooms/${old}/upgrade`
  const { replacement_room: middle } = await alice.post<{ replacement_room: string }>(upgrade, { new_version: '11' })
  await join(bob, middle)
  const { replacement_room: created } = await alice.post<{ replacement_room: string }>(
    at`/_matrix/client/v3/rooms/${middle}/upgrade`,
    { new_version: '12' },
  )
  for (const user of [bob, carol]) await join(user, created)
  const after = await send(bob, created, 'needle after')
  const of = (user: TestUser) => findRecent(user, 'needle', { filter: { rooms: [created] } })
  assert.deepEqual(await of(bob), [after, before])
  assert.deepEqual(await of(carol), [after])
  assert.deepEqual(await findRecent(bob, 'needle', { filter: { rooms: [created], not_rooms: [old] } }), [after])
  assert.deepEqual(await findRecent(bob, 'needle', { filter: { rooms: [old] } }), [before])
})

testOnEngines('operators, quotes and odd requests are harmless or refused', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob] = await people(server)
  const roomId = await createRoom(alice)
  const sent = await send(alice, roomId, 'alpha beta near r1 u0 words place gamma')
  const harmless = [
    'alpha AND beta',
    'alpha beta',
    'NEAR(alpha beta)',
    '"alpha',
    "alpha'",
    '(beta',
    'alpha*',
    '-gamma alpha',
    '^alpha',
    'alpha:*',
  ]
  for (const term of [
    ...harmless,
    'words : alpha',
    '{words} : beta',
    'alpha & beta | !',
    "beta'; drop table events;--",
    'alpha \\ beta',
  ]) {
    const found = await search(alice, term)
    assert.ok(found.results.length === 0 || idsOf(found)[0] === sent, term)
  }
  for (const term of [
    'alpha beta',
    '"alpha',
    "alpha'",
    'alpha*',
    '^alpha',
    'alpha:*',
    'alpha \\ beta',
    '<alpha> <-> beta',
  ]) {
    assert.deepEqual(idsOf(await search(alice, term)), [sent], term)
  }
  for (const term of [
    '',
    ' ',
    '"',
    '\\',
    '*',
    'NOT',
    'OR',
    'alpha OR omega',
    '😀',
    '%',
    '_',
    '\u0301',
    'x'.repeat(5000),
    'a '.repeat(20_000),
  ]) {
    assert.deepEqual(
      (await search(alice, term, { groupings: { group_by: [{ key: 'sender' }] } })).results,
      [],
      term.slice(0, 20),
    )
  }
  // The words by which the index knows rooms and senders belong to it alone.
  assert.deepEqual(await findRecent(bob, 'r1'), [])
  assert.deepEqual(await findRecent(alice, 'r1'), [sent])
  const refuse = async (criteria: object, errcode: string) =>
    assert.equal(await errorOf(alice, 'POST', searchPath, searchBody('alpha', criteria), 400), errcode)
  await refuse({ keys: ['content.formatted_body'] }, 'M_BAD_JSON')
  await refuse({ order_by: 'random' }, 'M_BAD_JSON')
  await refuse({ search_term: 5 }, 'M_BAD_JSON')
  await refuse({ filter: { rooms: 'all' } }, 'M_BAD_JSON')
  await refuse({ filter: { limit: -1 } }, 'M_BAD_JSON')
  await refuse({ groupings: { group_by: [{ key: 'type' }] } }, 'M_BAD_JSON')
  await refuse({ event_context: { before_limit: -1 } }, 'M_BAD_JSON')
  assert.equal(await errorOf(alice, 'POST', searchPath, {}, 400), 'M_MISSING_PARAM')
  assert.deepEqual(await alice.post(searchPath, { search_categories: {} }), { search_categories: {} })
  assert.deepEqual(await alice.post(searchPath, { search_categories: { room_events: null } }), {
    search_categories: {},
  })
  const nulls = { keys: null, filter: null, order_by: null, event_context: null, include_state: null, groupings: null }
  assert.deepEqual(idsOf(await search(alice, 'alpha', nulls)), [sent])
  const answer = await server.client.request('POST', `${v3}/search`, { body: searchBody('alpha'), expect: 401 })
  assert.equal(answer.body.errcode, 'M_MISSING_TOKEN')
})
