/** Events that stay at hand for a while: https://github.com/matrix-org/matrix-spec-proposals/pull/4354 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { after, before, test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { createTestClock, type TestClock } from '../src/util/clock.ts'
import { at } from './helpers/client.ts'
import { testOnEngines } from './helpers/engines.ts'
import { act, createRoom, errorOf, getEvent, join, publicRoom, send, setState, statePath } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import { sliding, v4Path } from './helpers/sliding.ts'
import { type SyncEvent, sync } from './helpers/sync.ts'

const today = 'org.matrix.msc4354.sticky_duration_ms'
const member = 'org.matrix.msc4143.rtc.member'
const hour = 3_600_000

let clock: TestClock
let server: TestServer
let alice: TestUser
let bob: TestUser
let txn = 0

before(async () => {
  clock = createTestClock(Date.now())
  server = await createTestServer({ clock })
  alice = await server.user('alice')
  bob = await server.user('bob')
})
after(() => server.stop())

interface Sticky extends SyncEvent {
  sticky?: unknown
  msc4354_sticky?: unknown
}

async function stick(user: TestUser, roomId: string, name: string, ms = hour, query: object = { [today]: ms }) {
  const path = at`/_matrix/client/v3/rooms/${roomId}/send/${member}/${`s${txn++}`}`
  const content = { msc4354_sticky_key: name, body: name }
  return String((await user.request('PUT', path, { query: { ...query }, body: content, expect: 200 })).body.event_id)
}

const firstOnly = { room: { timeline: { limit: 1 } } }

/** The sticky section of a room and the position after it. */
async function look(user: TestUser, roomId: string, since?: string, filter: object = firstOnly) {
  const body = await sync(user, { ...(since === undefined ? {} : { since }), filter })
  const section = body.rooms?.join?.[roomId] as Record<string, { events: Sticky[] }> | undefined
  assert.deepEqual(section?.msc4354_sticky, section?.sticky)
  return { events: section?.sticky?.events ?? [], next: body.next_batch, timeline: section?.timeline?.events ?? [] }
}
const names = (events: readonly { content: JsonObject }[]) => events.map(({ content }) => content.body)

test('an event says how long it is sticky, and how long it is so yet', async () => {
  const roomId = await createRoom(alice)
  const unstable = (await getEvent(alice, roomId, await stick(alice, roomId, 'a', 10_000))) as unknown as Sticky
  assert.deepEqual([unstable.msc4354_sticky, unstable.sticky], [{ duration_ms: 10_000 }, undefined])
  const stableId = await stick(alice, roomId, 'b', 0, { sticky_duration_ms: 10_000 })
  clock.advance(4_000)
  const stable = (await getEvent(alice, roomId, stableId)) as unknown as Sticky
  assert.deepEqual([stable.sticky, stable.msc4354_sticky], [{ duration_ms: 10_000 }, undefined])
  assert.equal(stable.unsigned.sticky_duration_ttl_ms, 6_000)
  assert.equal(stable.unsigned.msc4354_sticky_duration_ttl_ms, 6_000)
  clock.advance(6_000)
  assert.equal((await getEvent(alice, roomId, stableId)).unsigned?.sticky_duration_ttl_ms, 0)
  const plain = await getEvent(alice, roomId, await send(alice, roomId, 'plain'))
  assert.deepEqual(
    Object.keys({ ...plain, ...plain.unsigned }).filter((key) => key.includes('sticky')),
    [],
  )
})

test('what the timeline leaves out comes in the sticky section, once', async () => {
  const roomId = await publicRoom(alice, [bob])
  const { next } = await look(bob, roomId)
  for (const name of ['one', 'two', 'three']) await stick(alice, roomId, name)
  await send(alice, roomId, 'last')
  const limited = await look(bob, roomId, next)
  assert.deepEqual([names(limited.timeline), names(limited.events)], [['last'], ['one', 'two', 'three']])
  assert.equal(limited.events[0]?.unsigned.msc4354_sticky_duration_ttl_ms, hour)
  assert.equal(limited.events[0]?.room_id, undefined)
  assert.deepEqual((await look(bob, roomId, limited.next)).events, [])
  await stick(alice, roomId, 'four')
  const whole = await look(bob, roomId, limited.next)
  assert.deepEqual([names(whole.timeline), names(whole.events)], [['four'], []])
  // A filter of the timeline does not keep it away, one of rooms does.
  const filter = { room: { timeline: { types: ['m.room.message'] } } }
  assert.deepEqual(names((await look(bob, roomId, limited.next, filter)).events), ['four'])
  assert.deepEqual((await look(bob, roomId, limited.next, { room: { not_rooms: [roomId] } })).events, [])
  assert.deepEqual(names((await look(bob, roomId)).events), ['one', 'two', 'three'])
})

test('who joins gets all that has not expired, whatever the history visibility is', async () => {
  const visibility = { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'joined' } }
  const roomId = await publicRoom(alice, [], { initial_state: [visibility] })
  const { next } = await look(bob, roomId)
  await stick(alice, roomId, 'short', 10_000)
  const long = await stick(alice, roomId, 'long', 20_000)
  const secret = await send(alice, roomId, 'secret')
  clock.advance(10_000)
  await join(bob, roomId)
  const seen = await look(bob, roomId, next, {})
  assert.deepEqual(names(seen.events), ['long'])
  assert.ok(!names(seen.timeline).includes('secret'))
  // Whoever comes into a call sees whose hands are raised.
  const hand = { 'm.relates_to': { rel_type: 'm.annotation', event_id: long, key: '🖐️' } }
  const raised = await send(alice, roomId, hand, 'm.reaction')
  const paths = [
    at`/_matrix/client/v3/rooms/${roomId}/event/${long}`,
    at`/_matrix/client/v3/rooms/${roomId}/context/${long}`,
    at`/_matrix/client/v1/rooms/${roomId}/relations/${long}/m.annotation`,
  ]
  const answers = await Promise.all(paths.map((path) => bob.request('GET', path, { expect: 200 })))
  assert.deepEqual([answers[0]?.body.event_id, Object(answers[1]?.body.event).event_id], [long, long])
  assert.deepEqual(
    Object(answers[2]?.body).chunk.map((event: SyncEvent) => event.event_id),
    [raised],
  )
  assert.equal(
    await errorOf(bob, 'GET', at`/_matrix/client/v3/rooms/${roomId}/event/${secret}`, undefined, 404),
    'M_NOT_FOUND',
  )
  clock.advance(10_000)
  for (const path of paths) assert.equal(await errorOf(bob, 'GET', path, undefined, 404), 'M_NOT_FOUND')
  assert.deepEqual((await look(bob, roomId)).events, [])
  // Outside the room there is nothing.
  await stick(alice, roomId, 'later')
  await act(bob, roomId, 'leave')
  const unseen = at`/_matrix/client/v3/rooms/${roomId}/event/${await stick(alice, roomId, 'without bob')}`
  assert.equal(await errorOf(bob, 'GET', unseen, undefined, 404), 'M_NOT_FOUND')
  const left = await sync(bob, { filter: { room: { include_leave: true } } })
  assert.equal('sticky' in Object(left.rooms?.leave?.[roomId]), false)
})

test('a redaction ends it, and whom one ignores one does not hear', async () => {
  const roomId = await publicRoom(alice, [bob])
  const gone = await stick(alice, roomId, 'gone')
  await stick(alice, roomId, 'here')
  await send(alice, roomId, 'last')
  await alice.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${gone}/${`r${txn++}`}`, {})
  assert.deepEqual(names((await look(bob, roomId)).events), ['here'])
  assert.equal('msc4354_sticky' in (await getEvent(bob, roomId, gone)), false)
  const ignoring = at`/_matrix/client/v3/user/${bob.userId}/account_data/m.ignored_user_list`
  await bob.put(ignoring, { ignored_users: { [alice.userId]: {} } })
  assert.deepEqual((await look(bob, roomId)).events, [])
  await bob.put(ignoring, { ignored_users: {} })
})

test('state is sticky too, also when it says the same again, and so are delayed events', async () => {
  const roomId = await publicRoom(alice, [bob])
  const put = (query: object) =>
    alice.request('PUT', statePath(roomId, 'org.example.call', 'k'), {
      query: { ...query },
      body: { a: 1 },
      expect: 200,
    })
  const first = (await put({ [today]: 10_000 })).body.event_id
  clock.advance(5_000)
  const second = (await put({ [today]: 10_000 })).body.event_id
  assert.notEqual(first, second)
  assert.equal((await put({})).body.event_id, second)
  await put({ [today]: 20_000, 'org.matrix.msc4140.delay': 1_000 })
  const delayed = at`/_matrix/client/v3/rooms/${roomId}/delayed_event/${member}/${`d${txn++}`}`
  const query = { sticky_duration_ms: 20_000 }
  await alice.request('PUT', delayed, { query, body: { delay_ms: 2_000, content: { body: 'leave' } }, expect: 200 })
  clock.advance(2_000)
  await server.context.delayed.drain()
  await send(alice, roomId, 'last')
  const { events } = await look(bob, roomId)
  assert.deepEqual(
    events.map(({ type, unsigned }) => [type, unsigned.sticky_duration_ttl_ms]),
    [
      ['org.example.call', 3_000],
      ['org.example.call', 8_000],
      ['org.example.call', 20_000],
      [member, 20_000],
    ],
  )
})

test('bad durations are refused, and a flood stays bounded', async () => {
  const roomId = await publicRoom(alice, [bob])
  const path = () => at`/_matrix/client/v3/rooms/${roomId}/send/${member}/${`b${txn++}`}`
  for (const key of [today, 'sticky_duration_ms']) {
    for (const bad of ['-1', '1.5', 'x', String(hour + 1)]) {
      const { body } = await alice.request('PUT', path(), { query: { [key]: bad }, body: {}, expect: 400 })
      assert.equal(body.errcode, 'M_INVALID_PARAM', bad)
    }
  }
  await stick(alice, roomId, 'nothing', 0)
  await stick(bob, roomId, 'other')
  for (let i = 0; i < 105; i++) {
    await stick(alice, roomId, `flood ${i}`)
    clock.advance(1_000)
  }
  await send(alice, roomId, 'last')
  const { events } = await look(bob, roomId)
  assert.deepEqual(names(events), ['other', ...Array.from({ length: 100 }, (_, i) => `flood ${i + 5}`)])
})

const extension = 'org.matrix.msc4354.sticky_events'
interface Answer {
  next_batch: string
  rooms: Record<string, { events: Sticky[] }>
}

test('sliding sync has an extension with a token of its own', async () => {
  const dora = await server.user('dora')
  const rooms = [await publicRoom(alice, [dora]), await publicRoom(alice, [dora])] as const
  const other = await publicRoom(alice, [])
  await stick(alice, other, 'not there')
  let pos: string | undefined
  const ask = async (asked: object = {}, timeline = 0, key: string = extension) => {
    const answer = await sliding(
      dora,
      {
        lists: { all: { ranges: [[0, 0]], timeline_limit: timeline, required_state: [] } },
        extensions: { [key]: { enabled: true, ...asked } },
      },
      pos,
    )
    pos = answer.pos
    assert.deepEqual(Object(answer.extensions)[extension], Object(answer.extensions).sticky_events)
    return Object(answer.extensions)[extension] as Answer | undefined
  }
  const told = (answer: Answer | undefined) =>
    rooms.map((roomId) => names(answer?.rooms[roomId]?.events ?? [])).concat(answer?.rooms[other] ? [['other']] : [])
  for (const [i, roomId] of rooms.entries()) for (const name of ['a', 'b']) await stick(alice, roomId, `${name}${i}`)
  // All rooms at first, also outside the window.
  const first = await ask()
  assert.deepEqual(told(first), [
    ['a0', 'b0'],
    ['a1', 'b1'],
  ])
  let since = first?.next_batch
  assert.equal(await ask({ since }), undefined)
  await stick(alice, rooms[0], 'c0')
  // The room comes into the window, and is new there: the client may not have known it when it was told.
  const moved = await ask({ since })
  assert.deepEqual(told(moved), [['a0', 'b0', 'c0'], []])
  since = moved?.next_batch
  // A lost answer is repeated.
  await stick(alice, rooms[1], 'c1')
  assert.deepEqual(told(await ask({ since }))[1], ['c1'])
  assert.deepEqual(told(await ask({ since }, 0, 'sticky_events'))[1], ['c1'])
  since = (await ask({ since }))?.next_batch
  // Pages.
  for (const name of ['x', 'y', 'z']) await stick(alice, rooms[1], name)
  const page = await ask({ since, limit: 2 })
  assert.deepEqual(told(page)[1], ['x', 'y'])
  const rest = await ask({ since: page?.next_batch, limit: 2 })
  assert.deepEqual(told(rest)[1], ['z'])
  since = rest?.next_batch
  // What the timeline shows is not said twice.
  await stick(alice, rooms[1], 'shown')
  const shown = await ask({ since }, 1)
  assert.deepEqual(told(shown), [[], []])
  since = shown?.next_batch
  assert.equal(await ask({ since }, 1), undefined)
  // Another room is joined.
  await join(dora, other)
  const joined = await ask({ since })
  assert.deepEqual(names(joined?.rooms[other]?.events ?? []), ['not there'])
  const bad = { extensions: { [extension]: { enabled: true, since: 'nonsense' } } }
  await dora.request('POST', v4Path, { body: bad, expect: 400 })
})

testOnEngines('sticky events outlive a restart', async (_t, { engine }) => {
  const dataDir = await mkdtemp(joinPath(tmpdir(), 'ringback-'))
  const options = { clock, engine, ...(engine === 'sqlite' ? { dataDir } : {}) }
  try {
    let roomId = ''
    let next = ''
    const begin = async (running: TestServer) => {
      const [carol, dave] = [await running.user('carol'), await running.user('dave')]
      roomId = await publicRoom(carol, [dave])
      next = (await look(dave, roomId)).next
      await stick(carol, roomId, 'kept')
      await setState(carol, roomId, 'm.room.topic', { topic: 'x' })
      await send(carol, roomId, 'last')
      return dave
    }
    const first = await createTestServer(options)
    let dave: TestUser
    try {
      dave = await begin(first)
      if (engine !== 'sqlite') {
        assert.deepEqual(names((await look(dave, roomId, next)).events), ['kept'])
        assert.deepEqual(names((await look(dave, roomId)).events), ['kept'])
        return
      }
    } finally {
      await first.stop()
    }
    await using again = await createTestServer(options)
    dave = await again.login('dave')
    assert.deepEqual(names((await look(dave, roomId, next)).events), ['kept'])
    clock.advance(hour)
    assert.deepEqual((await look(dave, roomId, next)).events, [])
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
})
