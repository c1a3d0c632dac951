import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { at } from './helpers/client.ts'
import { ignore } from './helpers/relations.ts'
import { act, createRoom, errorOf, join, publicRoom, type SeenEvent, send, setState, v3 } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import { sync } from './helpers/sync.ts'

interface RoomInfo {
  room_id: string
  membership?: string
  invite?: SeenEvent
  messages?: { start: string; end: string; chunk: SeenEvent[] }
  state?: SeenEvent[]
  visibility: string
  account_data: { type: string; content: JsonObject }[]
}
interface Initial {
  end: string
  presence: JsonObject[]
  rooms: RoomInfo[]
  account_data: { type: string }[]
}
interface Stream {
  start: string
  end: string
  chunk: SeenEvent[]
}

let server: TestServer
let alice: TestUser
let bob: TestUser

before(async () => {
  server = await createTestServer()
  ;[alice, bob] = [await server.user('alice'), await server.user('bob')]
})
after(() => server.stop())

const bodies = (events: readonly SeenEvent[]) => events.map(({ type, content }) => content.body ?? type)
const initialSync = (user: TestUser, query: Record<string, string | number | boolean> = {}) =>
  user.get<Initial>(`${v3}/initialSync`, query)
const listen = (user: TestUser, query: Record<string, string | number> = {}) => user.get<Stream>(`${v3}/events`, query)
const roomPath = (roomId: string) => at`/_matrix/client/v3/rooms/${roomId}/initialSync`
const roomOf = ({ rooms }: Initial, roomId: string) => rooms.find((room) => room.room_id === roomId)

it('the first answer holds rooms with messages and state, invitations, and account data', async () => {
  const carol = await server.user('carol')
  const roomId = await publicRoom(alice, [carol], { visibility: 'public' })
  for (const body of ['one', 'two', 'three']) await send(alice, roomId, body)
  const invitedTo = await createRoom(alice, { invite: [carol.userId] })
  await carol.put(at`/_matrix/client/v3/user/${carol.userId}/account_data/org.example`, { a: 1 })
  await carol.put(at`/_matrix/client/v3/user/${carol.userId}/rooms/${roomId}/tags/m.favourite`, { order: 1 })
  const answer = await initialSync(carol, { limit: 2 })
  assert.equal(answer.rooms.length, 2)
  const room = roomOf(answer, roomId)
  assert.deepEqual([room?.membership, room?.visibility], ['join', 'public'])
  assert.deepEqual(bodies(room?.messages?.chunk ?? []), ['two', 'three'])
  assert.ok(room?.messages?.chunk.every((event) => event.room_id === roomId))
  assert.ok(room?.state?.some(({ type, state_key }) => type === 'm.room.member' && state_key === carol.userId))
  assert.deepEqual(room?.account_data, [{ type: 'm.tag', content: { tags: { 'm.favourite': { order: 1 } } } }])
  const invited = roomOf(answer, invitedTo)
  assert.deepEqual([invited?.membership, invited?.visibility], ['invite', 'private'])
  assert.deepEqual(invited?.invite?.content, { membership: 'invite', displayname: 'carol' })
  assert.equal(invited?.messages, undefined)
  const types = answer.account_data.map(({ type }) => type)
  assert.ok(types.includes('org.example') && types.includes('m.push_rules'))
  const earlier = await carol.get<Stream>(at`/_matrix/client/v3/rooms/${roomId}/messages`, {
    dir: 'b',
    from: room?.messages?.start,
    limit: 1,
  })
  assert.deepEqual(bodies(earlier.chunk), ['one'])
  assert.deepEqual(bodies(roomOf(await initialSync(carol, { limit: 0 }), roomId)?.messages?.chunk ?? []), [])
  for (const query of ['limit=-1', 'limit=x', 'archived=x']) {
    assert.equal(await errorOf(carol, 'GET', `${v3}/initialSync?${query}`, undefined, 400), 'M_INVALID_PARAM')
  }
})

it('rooms that were left are there on request, as they were then, but not when forgotten', async () => {
  const dora = await server.user('dora')
  const roomId = await publicRoom(alice, [dora])
  const forgotten = await publicRoom(alice, [dora])
  const rejected = await createRoom(alice, { invite: [dora.userId], name: 'secret' })
  await send(alice, roomId, 'before')
  for (const each of [roomId, forgotten, rejected]) await act(dora, each, 'leave')
  await act(dora, forgotten, 'forget')
  await send(alice, roomId, 'after')
  await setState(alice, roomId, 'm.room.name', { name: 'later' })
  assert.deepEqual((await initialSync(dora)).rooms, [])
  const answer = await initialSync(dora, { archived: true, limit: 2 })
  assert.deepEqual(new Set(answer.rooms.map((room) => room.room_id)), new Set([roomId, rejected]))
  const room = roomOf(answer, roomId)
  assert.equal(room?.membership, 'leave')
  assert.deepEqual(bodies(room?.messages?.chunk ?? []), ['before', 'm.room.member'])
  assert.ok(room?.state?.every(({ type }) => type !== 'm.room.name'))
  assert.deepEqual(roomOf(answer, rejected), {
    room_id: rejected,
    membership: 'leave',
    visibility: 'private',
    account_data: [],
  })
  const one = await dora.get<RoomInfo>(roomPath(roomId))
  assert.deepEqual(bodies(one.messages?.chunk.slice(-1) ?? []), ['m.room.member'])
  for (const closed of [forgotten, rejected]) await errorOf(dora, 'GET', roomPath(closed), undefined, 403)
})

it('events are told in their order across rooms, from a token on', async () => {
  const eve = await server.user('eve')
  const rooms = [await publicRoom(alice, [eve]), await publicRoom(alice, [eve])]
  const { end } = await initialSync(eve)
  const sent: string[] = []
  for (let i = 0; i < 6; i++) sent.push(await send(alice, rooms[i % 2] ?? '', `message ${i}`))
  await send(alice, await publicRoom(alice, []), 'elsewhere')
  const first = await listen(eve, { from: end })
  assert.deepEqual([first.start, first.chunk.map(({ event_id: id }) => id)], [end, sent])
  assert.deepEqual((await listen(eve, { from: first.end })).chunk, [])
  const { next_batch: since } = await sync(eve)
  const last = await send(alice, rooms[0] ?? '', 'last')
  assert.deepEqual(
    (await listen(eve, { from: since })).chunk.map(({ event_id: id }) => id),
    [last],
  )
  assert.deepEqual((await listen(eve)).chunk, [])
  for (const query of ['from=x', 'timeout=x', 'timeout=-1']) {
    assert.equal(await errorOf(eve, 'GET', `${v3}/events?${query}`, undefined, 400), 'M_INVALID_PARAM')
  }
})

it('long histories come in pages, each event once', async () => {
  const frank = await server.user('frank')
  const rooms = [await publicRoom(alice, [frank]), await publicRoom(alice, [frank])]
  let { end } = await initialSync(frank)
  const sent = new Set<string>()
  await Promise.all(
    Array.from({ length: 260 }, async (_, i) => sent.add(await send(alice, rooms[i % 2] ?? '', String(i)))),
  )
  const found: string[] = []
  for (let pages = 0; pages < 10; pages++) {
    const page = await listen(frank, { from: end })
    if (page.chunk.length === 0) break
    found.push(...page.chunk.map(({ event_id: id }) => id))
    end = page.end
  }
  assert.deepEqual(new Set(found), sent)
  assert.equal(found.length, sent.size)
})

it('a request waits for the next event, and what comes is what one may see', async () => {
  const gina = await server.user('gina')
  const roomId = await publicRoom(alice, [gina])
  const { end } = await initialSync(gina)
  const waiting = listen(gina, { from: end, timeout: 60_000 })
  const sent = await send(alice, roomId, 'hello')
  assert.deepEqual(
    (await waiting).chunk.map(({ event_id: id }) => id),
    [sent],
  )
  await ignore(gina, [bob])
  await join(bob, roomId)
  const { end: later } = await initialSync(gina)
  await send(bob, roomId, 'ignored')
  await act(bob, await createRoom(bob), 'invite', { user_id: gina.userId })
  const invitedTo = await createRoom(alice, { invite: [gina.userId], name: 'secret' })
  await send(alice, invitedTo, 'not for those who are only invited')
  await act(alice, roomId, 'kick', { user_id: gina.userId })
  await send(alice, roomId, 'not for those who are gone')
  const { chunk } = await listen(gina, { from: later })
  assert.deepEqual(
    chunk.map(({ content, room_id }) => [room_id, content.membership]),
    [
      [invitedTo, 'invite'],
      [roomId, 'leave'],
    ],
  )
})

it('one event is found by its id alone, by those who may see it', async () => {
  const roomId = await createRoom(alice)
  const eventId = await send(alice, roomId, 'hello')
  const path = (id: string) => at`/_matrix/client/v3/events/${id}`
  const event = await alice.get(path(eventId))
  assert.deepEqual([event.room_id, event.event_id], [roomId, eventId])
  assert.equal(await errorOf(bob, 'GET', path(eventId), undefined, 404), 'M_NOT_FOUND')
  assert.equal(await errorOf(alice, 'GET', path('$unknown'), undefined, 404), 'M_NOT_FOUND')
})
