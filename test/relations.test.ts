import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { at } from './helpers/client.ts'
import {
  bundleOf,
  edit,
  ignore,
  listIds,
  type RelationsPage,
  react,
  redact,
  relate,
  relationsPath,
  reply,
} from './helpers/relations.ts'
import { act, createRoom, errorOf, getEvent, publicRoom, send, setState } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import { type SyncEvent, sync } from './helpers/sync.ts'

let server: TestServer
let alice: TestUser
let bob: TestUser
let roomId: string

before(async () => {
  server = await createTestServer()
  ;[alice, bob] = [await server.user('alice'), await server.user('bob')]
  roomId = await publicRoom(alice, [bob])
})
after(() => server.stop())

it('lists what relates to an event, by relation and type, each once in both directions', async () => {
  const parent = await send(alice, roomId, 'parent')
  const references: string[] = []
  for (let i = 0; i < 5; i++) references.push(await relate(bob, roomId, 'm.reference', parent))
  const last = await edit(alice, roomId, parent)
  const page = (dir: string, relType?: string, type?: string) =>
    listIds(alice, relationsPath(roomId, parent, relType, type), { dir, limit: 2 })
  assert.deepEqual(await page('f'), [...references, last])
  assert.deepEqual(await page('b'), [last, ...references.toReversed()])
  assert.deepEqual(await page('f', 'm.reference'), references)
  assert.deepEqual(await page('f', 'm.reference', 'org.example.child'), references)
  assert.deepEqual(await page('f', 'm.reference', 'm.room.message'), [])
  assert.deepEqual(bundleOf(await getEvent(bob, roomId, parent))['m.reference'], {
    chunk: references.map((id) => ({ event_id: id })),
  })
})

it('lets a filter ask for what others relate to, by relation and sender, wherever events are listed', async () => {
  const room = await publicRoom(alice, [bob])
  const [threaded, liked, plain] = [
    await send(alice, room, 'threaded'),
    await send(alice, room, 'liked'),
    await send(alice, room, 'plain'),
  ]
  await reply(bob, room, threaded)
  await react(alice, room, liked)
  const taken = await react(bob, room, plain)
  await redact(bob, room, taken)
  const cases: [object, string[]][] = [
    [{ related_by_rel_types: ['m.thread'] }, [threaded]],
    [{ related_by_rel_types: ['m.thread', 'm.annotation'] }, [threaded, liked]],
    [{ related_by_senders: [bob.userId] }, [threaded]],
    [{ related_by_senders: [bob.userId], related_by_rel_types: ['m.annotation'] }, []],
    [{ related_by_rel_types: [] }, []],
  ]
  const idsOf = (events: SyncEvent[] | undefined) => (events ?? []).map(({ event_id: id }) => id)
  for (const [filter, expected] of cases) {
    const name = JSON.stringify(filter)
    const path = at`/_matrix/client/v3/rooms/${room}/messages`
    const { chunk } = await bob.get<{ chunk: SyncEvent[] }>(path, { dir: 'f', filter: name })
    assert.deepEqual(idsOf(chunk), expected, name)
    const timeline = (await sync(bob, { filter: { room: { rooms: [room], timeline: filter } } })).rooms?.join?.[room]
      ?.timeline
    assert.deepEqual(idsOf(timeline?.events), expected, name)
    assert.equal(timeline?.limited, false)
  }
  for (const [relType, count] of [
    ['m.thread', 1],
    ['m.annotation', 0],
  ] as const) {
    const filter = { rooms: [room], related_by_rel_types: [relType] }
    const { search_categories: found } = await bob.post<{ search_categories: { room_events: { count: number } } }>(
      '/_matrix/client/v3/search',
      { search_categories: { room_events: { search_term: 'threaded', filter } } },
    )
    assert.equal(found.room_events.count, count, relType)
  }
})

it('goes from and to the places that tokens of other requests name', async () => {
  const parent = await send(alice, roomId, 'parent')
  const first = await react(alice, roomId, parent)
  const { next_batch: middle } = await sync(alice)
  const second = await react(bob, roomId, parent)
  const path = relationsPath(roomId, parent)
  const list = async (query: Record<string, string>) => {
    const page = await alice.get<RelationsPage>(path, query)
    return page.chunk.map(({ event_id: id }) => id)
  }
  assert.deepEqual(await list({ from: middle }), [first])
  assert.deepEqual(await list({ to: middle }), [second])
  assert.deepEqual(await list({ from: middle, dir: 'f' }), [second])
  assert.deepEqual(await list({ to: middle, dir: 'f' }), [first])
  const { end = '' } = await alice.get<{ end?: string }>(at`/_matrix/client/v3/rooms/${roomId}/messages`, {
    dir: 'b',
    limit: 1,
  })
  assert.deepEqual(await list({ from: end }), [first])
  const page = await alice.get<RelationsPage>(path, { limit: 1 })
  assert.ok(!('prev_batch' in page) && !('recursion_depth' in page))
  const next = await alice.get<RelationsPage>(path, { limit: 1, from: page.next_batch })
  assert.ok(!('next_batch' in next))
  assert.deepEqual(await list({ from: next.prev_batch ?? '', dir: 'f' }), [second])
})

it('follows relations of relations as far as three steps, and says so', async () => {
  const a = await send(alice, roomId, 'a')
  const b = await reply(bob, roomId, a)
  await send(alice, roomId, 'c')
  const d = await edit(alice, roomId, a)
  const e = await react(alice, roomId, b)
  await send(alice, roomId, 'f')
  const g = await reply(bob, roomId, a)
  const list = (dir: string, relType?: string, type?: string) =>
    listIds(bob, relationsPath(roomId, a, relType, type), { dir, limit: 2, recurse: true })
  assert.deepEqual(await list('f'), [b, d, e, g])
  assert.deepEqual(await list('b'), [g, e, d, b])
  assert.deepEqual(await list('f', 'm.thread'), [b, g])
  // It matches, but only by way of an event that does not.
  assert.deepEqual(await list('f', 'm.annotation', 'm.reaction'), [])
  const page = (recurse: boolean) => bob.get<RelationsPage>(relationsPath(roomId, a), { recurse })
  assert.equal((await page(true)).recursion_depth, 3)
  assert.equal((await page(false)).chunk.length, 3)
  assert.ok(Number((await page(false)).recursion_depth) >= 1)
})

it('long chains are followed for three steps, and end where an event is redacted', async () => {
  const chain = [await send(alice, roomId, 'start')]
  for (let i = 0; i < 8; i++) chain.push(await relate(bob, roomId, 'm.reference', chain[i] ?? ''))
  const [start = '', one = '', two = '', three = ''] = chain
  const list = (from: string) => listIds(alice, relationsPath(roomId, from), { dir: 'f', recurse: true })
  assert.deepEqual(await list(start), [one, two, three])
  await redact(bob, roomId, two)
  assert.deepEqual(await list(start), [one])
  assert.deepEqual(await list(one), [])
  assert.deepEqual(await list(two), chain.slice(3, 6))
})

it('a relation to an event of another room, or to none, is shown with nothing', async () => {
  const elsewhere = await createRoom(alice)
  const secret = await send(alice, elsewhere, 'secret')
  const across = await relate(bob, roomId, 'm.reference', secret)
  await reply(bob, roomId, secret)
  await relate(bob, roomId, 'm.reference', '$nobody-knows-this-event')
  for (const odd of ['no event id', '', '!room:localhost']) await relate(bob, roomId, 'm.reference', odd)
  assert.deepEqual(bundleOf(await getEvent(alice, elsewhere, secret)), {})
  assert.deepEqual(await listIds(alice, relationsPath(elsewhere, secret)), [])
  for (const [place, parent] of [
    [roomId, secret],
    [roomId, '$nobody-knows-this-event'],
    [roomId, 'no event id'],
    [elsewhere, across],
    ['!unknown:localhost', secret],
  ] as const) {
    assert.equal(await errorOf(alice, 'GET', relationsPath(place, parent), undefined, 404), 'M_NOT_FOUND')
  }
})

it('wrong requests are refused', async () => {
  const parent = await send(alice, roomId, 'parent')
  for (const query of ['dir=x', 'limit=many', 'from=abc', 'to=s1', 'recurse=perhaps']) {
    const path = `${relationsPath(roomId, parent)}?${query}`
    assert.equal(await errorOf(alice, 'GET', path, undefined, 400), 'M_INVALID_PARAM', query)
  }
  for (const limit of [-5, 0, 1e6]) await alice.get(relationsPath(roomId, parent), { limit })
})

it('forgets the relation of what was redacted, and keeps what relates to a redacted event', async () => {
  const parent = await send(alice, roomId, 'parent')
  const child = await relate(bob, roomId, 'm.reference', parent)
  const kept = await relate(bob, roomId, 'm.reference', parent)
  await redact(bob, roomId, child)
  await redact(alice, roomId, parent)
  assert.deepEqual(await listIds(alice, relationsPath(roomId, parent)), [kept])
})

it('shows nothing by ignored users but their state', async () => {
  const carol = await server.user('carol')
  await carol.post(at`/_matrix/client/v3/join/${roomId}`)
  const parent = await send(alice, roomId, 'parent')
  const heard = await relate(alice, roomId, 'm.reference', parent)
  await relate(bob, roomId, 'm.reference', parent)
  await setState(alice, roomId, 'm.room.power_levels', { state_default: 0 })
  const relation = { 'm.relates_to': { rel_type: 'm.reference', event_id: parent } }
  const state = await setState(bob, roomId, 'org.example.state', relation)
  await ignore(carol, [bob])
  assert.deepEqual(await listIds(carol, relationsPath(roomId, parent)), [state, heard])
  assert.equal(bundleOf(await getEvent(carol, roomId, parent))['m.reference']?.chunk.length, 1)
})

it('tells strangers nothing, and those who left what there was until then', async () => {
  const [dora, eve] = [await server.user('dora'), await server.user('eve')]
  const parent = await send(alice, roomId, 'parent')
  await errorOf(dora, 'GET', relationsPath(roomId, parent), undefined, 404)
  await eve.post(at`/_matrix/client/v3/join/${roomId}`)
  const seen = await relate(bob, roomId, 'm.reference', parent)
  await act(eve, roomId, 'leave')
  await relate(bob, roomId, 'm.reference', parent)
  assert.deepEqual(await listIds(eve, relationsPath(roomId, parent)), [seen])
  assert.deepEqual(bundleOf(await getEvent(eve, roomId, parent))['m.reference'], { chunk: [{ event_id: seen }] })
})
