/** Events that are sent later: https://github.com/matrix-org/matrix-spec-proposals/pull/4140 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createTestClock, type TestClock } from '../src/util/clock.ts'
import { at } from './helpers/client.ts'
import { testOnEngines } from './helpers/engines.ts'
import { act, createRoom, errorOf, getEvent, getState, publicRoom, send, timeline, v3 } from './helpers/rooms.ts'
import { createTestServer, password, type TestServer, type TestUser } from './helpers/server.ts'

const unstable = '/_matrix/client/unstable/org.matrix.msc4140'
const stable = '/_matrix/client/v1/delayed_events'
const gone = 'org.matrix.msc3401.call.member'

let clock: TestClock
let server: TestServer
let alice: TestUser
let bob: TestUser
let txn = 0

before(async () => {
  clock = createTestClock(Date.now())
  server = await createTestServer({
    clock,
    config: { voip: { delayed_events: { max_scheduled: 5, max_delay: '1h' } }, registration: { guests: true } },
  })
  alice = await server.user('alice')
  bob = await server.user('bob')
})
after(() => server.stop())

const messageAt = (roomId: string, id = `t${txn++}`) => at`/_matrix/client/v3/rooms/${roomId}/send/m.room.message/${id}`
const text = (body: string) => ({ msgtype: 'm.text', body })

async function later(user: TestUser, roomId: string, body: string, delay: number, id?: string): Promise<string> {
  const query = { 'org.matrix.msc4140.delay': delay }
  const { body: answer } = await user.request('PUT', messageAt(roomId, id), { query, body: text(body), expect: 200 })
  return String(answer.delay_id)
}

async function pass(ms: number, at = server): Promise<void> {
  clock.advance(ms)
  await at.context.delayed.drain()
}

const texts = async (user: TestUser, roomId: string) =>
  (await timeline(user, roomId)).flatMap(({ content }) => Object(content).body ?? [])
const manage = (user: TestUser, delayId: string, action: string, status = 200) =>
  user.request('POST', `${unstable}/delayed_events/${delayId}/${action}`, { body: {}, expect: status })
const waiting = async (user: TestUser) =>
  (await user.get<{ delayed_events: Record<string, unknown>[] }>(`${unstable}/delayed_events`)).delayed_events
const one = (user: TestUser, delayId: string) => user.get<Record<string, unknown>>(`${stable}/${delayId}`)

test('a message is sent when its delay is over, once', async () => {
  const roomId = await createRoom(alice)
  const delayId = await later(alice, roomId, 'later', 10_000, 'same')
  assert.equal(await later(alice, roomId, 'later', 10_000, 'same'), delayId)
  const [told] = await waiting(alice)
  assert.deepEqual(
    [told?.delay_id, told?.room_id, told?.type, told?.delay, told?.running_since, told?.content],
    [delayId, roomId, 'm.room.message', 10_000, clock.now(), text('later')],
  )
  await pass(9_999)
  assert.deepEqual(await texts(alice, roomId), [])
  await pass(1)
  await pass(60_000)
  assert.deepEqual(await texts(alice, roomId), ['later'])
  assert.deepEqual(await waiting(alice), [])
  const { event_id: eventId, finalised_ts: finalised } = await one(alice, delayId)
  assert.equal(finalised, clock.now() - 60_000)
  // Who sent it recognises it, others do not.
  const elsewhere = await server.login('alice')
  for (const user of [alice, elsewhere]) {
    const { unsigned } = await getEvent(user, roomId, String(eventId))
    assert.deepEqual([unsigned?.delay_id, unsigned?.['org.matrix.msc4140.delay_id']], [delayId, delayId])
  }
  await act(alice, roomId, 'invite', { user_id: bob.userId })
  await act(bob, roomId, 'join')
  const seen = await getEvent(bob, roomId, String(eventId))
  assert.equal(seen.content.body, 'later')
  assert.ok(!JSON.stringify(seen).includes(delayId))
})

test('the same transaction id in another room is another request', async () => {
  const rooms = [await createRoom(alice), await createRoom(alice)]
  const ids = await Promise.all(rooms.map((roomId) => later(alice, roomId, roomId, 1_000, 'reused')))
  assert.notEqual(ids[0], ids[1])
  await pass(1_000)
  for (const roomId of rooms) assert.deepEqual(await texts(alice, roomId), [roomId])
})

test('a state event is put off by restarts, and sent when these stop', async () => {
  const roomId = await createRoom(alice)
  const path = at`/_matrix/client/v3/rooms/${roomId}/state/${gone}/${'_alice'}`
  await alice.put(path, { device_id: 'A' })
  const query = { 'org.matrix.msc4140.delay': 8_000 }
  const { body } = await alice.request('PUT', path, { query, body: {}, expect: 200 })
  for (let i = 0; i < 3; i++) {
    await pass(5_000)
    await manage(alice, String(body.delay_id), 'restart')
  }
  assert.deepEqual(await getState(alice, roomId, gone, '_alice'), { device_id: 'A' })
  await pass(8_000)
  assert.deepEqual(await getState(alice, roomId, gone, '_alice'), {})
  await manage(alice, String(body.delay_id), 'restart', 404)
})

test('a delayed event is sent at once, or cancelled; nothing else becomes of it then', async () => {
  const roomId = await createRoom(alice)
  const sent = await later(alice, roomId, 'at once', 60_000)
  const cancelled = await later(alice, roomId, 'never', 60_000)
  await manage(alice, sent, 'send')
  await manage(alice, sent, 'send')
  assert.equal((await manage(alice, sent, 'cancel', 409)).body.errcode, 'M_UNKNOWN')
  await manage(alice, cancelled, 'cancel')
  await manage(alice, cancelled, 'cancel')
  await manage(alice, cancelled, 'send', 409)
  assert.equal(await errorOf(alice, 'POST', `${stable}/${cancelled}/restart`, {}, 409), 'M_UNKNOWN')
  await pass(120_000)
  assert.deepEqual(await texts(alice, roomId), ['at once'])
})

test('whoever was given the id may end it, on the old paths without a token', async () => {
  const roomId = await createRoom(alice)
  const delayId = await later(alice, roomId, 'delegated', 60_000)
  assert.equal(await errorOf(bob, 'POST', `${stable}/${delayId}/send`, {}, 404), 'M_NOT_FOUND')
  assert.equal(await errorOf(bob, 'GET', `${stable}/${delayId}`, undefined, 404), 'M_NOT_FOUND')
  await server.client.request('POST', `${stable}/${delayId}/send`, { body: {}, expect: 401 })
  await server.client.request('POST', `${unstable}/delayed_events/${delayId}`, {
    body: { action: 'send' },
    expect: 200,
  })
  assert.deepEqual(await texts(alice, roomId), ['delegated'])
  assert.deepEqual(await waiting(bob), [])
})

test('the second form has its own endpoint, for messages and state', async () => {
  const roomId = await createRoom(alice)
  for (const prefix of [v3, unstable]) {
    const path = (type: string) => at`/rooms/${roomId}/delayed_event/${type}/${`t${txn++}`}`
    await alice.put(prefix + path('m.room.message'), { delay_ms: 1000, content: text(prefix) })
    await alice.put(prefix + path('m.room.topic'), { delay_ms: 1000, state_key: '', content: { topic: prefix } })
    await pass(1000)
    assert.equal((await getState(alice, roomId, 'm.room.topic')).topic, prefix)
    assert.ok((await texts(alice, roomId)).includes(prefix))
  }
})

test('the rules of the room decide when the event is sent, not before', async () => {
  const roomId = await publicRoom(alice, [bob])
  const delayId = await later(bob, roomId, 'too late', 10_000)
  await act(bob, roomId, 'leave')
  await pass(10_000)
  assert.deepEqual(await texts(alice, roomId), [])
  const { error, event_id: eventId } = await one(bob, delayId)
  assert.equal(Object(error).errcode, 'M_FORBIDDEN')
  assert.equal(eventId, undefined)
  // It is cancelled by its error, and cannot be more so.
  await manage(bob, delayId, 'cancel')
  await bob.post(`${stable}/${delayId}/cancel`)
  for (const action of ['send', 'restart']) {
    assert.equal(await errorOf(bob, 'POST', `${stable}/${delayId}/${action}`, {}, 409), 'M_UNKNOWN')
  }
  const early = await later(bob, roomId, 'on time', 10_000)
  await act(bob, roomId, 'join')
  await pass(10_000)
  assert.deepEqual(await texts(alice, roomId), ['on time'])
  assert.equal(typeof (await one(bob, early)).event_id, 'string')
})

test('bad requests are refused, and too much is too much', async () => {
  const roomId = await createRoom(bob)
  const { capabilities } = await bob.get<{ capabilities: Record<string, unknown> }>(`${v3}/capabilities`)
  const limits = { max_delay_ms: 3_600_000, max_scheduled: 5 }
  assert.deepEqual(capabilities['m.delayed_events'], limits)
  assert.deepEqual(capabilities['org.matrix.msc4140.delayed_events'], limits)
  const tooLong = await bob.request('PUT', messageAt(roomId), {
    query: { 'org.matrix.msc4140.delay': 3_600_001 },
    body: text('x'),
    expect: 400,
  })
  assert.equal(tooLong.body['org.matrix.msc4140.errcode'], 'M_MAX_DELAY_EXCEEDED')
  assert.equal(tooLong.body['org.matrix.msc4140.max_delay'], 3_600_000)
  for (const bad of ['-1', '0', '1.5', 'soon']) {
    const query = { 'org.matrix.msc4140.delay': bad }
    await bob.request('PUT', messageAt(roomId), { query, body: text('x'), expect: 400 })
  }
  const delayed = at`/_matrix/client/v3/rooms/${roomId}/delayed_event/m.room.message/${'x'}`
  assert.equal(await errorOf(bob, 'PUT', delayed, { delay_ms: 3_600_001, content: {} }, 403), 'M_FORBIDDEN')
  await bob.request('PUT', delayed, { body: { content: {} }, expect: 400 })
  const huge = { delay_ms: 1000, content: text('x'.repeat(65_536)) }
  assert.equal(await errorOf(bob, 'PUT', delayed, huge, 413), 'M_TOO_LARGE')
  assert.equal(await errorOf(bob, 'POST', `${unstable}/delayed_events/nope/send`, {}, 404), 'M_NOT_FOUND')
  for (let i = 0; i < 5; i++) await later(bob, roomId, `${i}`, 60_000)
  const full = await bob.request('PUT', messageAt(roomId), {
    query: { 'org.matrix.msc4140.delay': 1000 },
    body: text('one more'),
    expect: 429,
  })
  assert.equal(full.body.errcode, 'M_LIMIT_EXCEEDED')
  assert.equal(full.headers.get('retry-after'), '60')
  const [first] = await waiting(bob)
  await manage(bob, String(first?.delay_id), 'jump', 404)
  await pass(60_000)
  assert.equal((await texts(bob, roomId)).length, 5)
})

test('what became of delayed events is listed, the last first', async () => {
  const carol = await server.user('carol')
  const roomId = await publicRoom(alice, [carol])
  const sent = await later(carol, roomId, 'by the delay', 1_000)
  await pass(1_000)
  const early = await later(carol, roomId, 'before the delay', 60_000)
  await pass(1)
  await manage(carol, early, 'send')
  const cancelled = await later(carol, roomId, 'never', 60_000)
  await pass(1)
  await manage(carol, cancelled, 'cancel')
  const failed = await later(carol, roomId, 'from outside', 1_000)
  await act(carol, roomId, 'leave')
  await pass(1_000)
  const waits = await later(carol, roomId, 'waits', 60_000)
  type List = Record<'scheduled' | 'finalised', Record<string, Record<string, unknown>>[] | undefined>
  const get = (query: Record<string, string | string[]> = {}) => carol.get<List>(`${unstable}/delayed_events`, query)
  const all = await get()
  assert.deepEqual(
    all.finalised?.map(({ delayed_event: event, outcome, reason }) => [event?.delay_id, outcome, reason]),
    [
      [failed, 'cancel', 'error'],
      [cancelled, 'cancel', 'action'],
      [early, 'send', 'action'],
      [sent, 'send', 'delay'],
    ],
  )
  const [first, second, , last] = all.finalised ?? []
  assert.equal(first?.error?.errcode, 'M_FORBIDDEN')
  assert.deepEqual([second?.error, second?.event_id], [undefined, undefined])
  assert.equal(last?.event_id, (await one(carol, sent)).event_id)
  const scheduled = await get({ status: 'scheduled' })
  assert.deepEqual([scheduled.scheduled?.map((event) => event.delay_id), scheduled.finalised], [[waits], undefined])
  const finalised = await get({ status: 'finalised', delay_id: [early, waits] })
  assert.deepEqual(finalised, { finalised: all.finalised?.slice(2, 3) })
  await carol.request('GET', `${unstable}/delayed_events`, { query: { status: 'odd' }, expect: 400 })
})

test('where nothing may be delayed clients are told so, and not to try again', async () => {
  for (const delayed_events of [{ max_scheduled: 0 }, { max_delay: 0 }]) {
    await using none = await createTestServer({ clock, config: { voip: { delayed_events } } })
    const dave = await none.user('dave')
    const roomId = await createRoom(dave)
    const { unstable_features: features } = await dave.get<{ unstable_features: Record<string, boolean> }>(
      '/_matrix/client/versions',
    )
    assert.deepEqual([features['org.matrix.msc4140'], features['org.matrix.msc4140.stable']], [false, false])
    const query = { 'org.matrix.msc4140.delay': 1 }
    const { body } = await dave.request('PUT', messageAt(roomId), { query, body: text('x'), expect: 403 })
    assert.equal(body.errcode, 'M_FORBIDDEN')
    const path = at`/_matrix/client/v3/rooms/${roomId}/delayed_event/m.room.message/${'x'}`
    assert.equal(await errorOf(dave, 'PUT', path, { delay_ms: 1, content: {} }, 403), 'M_FORBIDDEN')
  }
})

test('what is due while the server is down is sent at its start, in order', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'ringback-'))
  try {
    await using first = await createTestServer({ clock, dataDir })
    const carol = await first.user('carol')
    const roomId = await createRoom(carol)
    await later(carol, roomId, 'second', 20_000)
    await later(carol, roomId, 'first', 10_000)
    await send(carol, roomId, 'now')
    await first.stop()
    clock.advance(60_000)
    await using again = await createTestServer({ clock, dataDir })
    await again.context.drain()
    assert.deepEqual(await texts(await again.login('carol'), roomId), ['now', 'first', 'second'])
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
})

testOnEngines('delayed events of an account that ends are forgotten', async (_t, { engine }) => {
  await using other = await createTestServer({ engine, clock })
  const dave = await other.user('dave')
  const roomId = await createRoom(dave)
  await later(dave, roomId, 'due', 10_000)
  await pass(10_000, other)
  assert.deepEqual(await texts(dave, roomId), ['due'])
  await later(dave, roomId, 'from the beyond', 10_000)
  const cancelled = await later(dave, roomId, 'never', 10_000)
  await manage(dave, cancelled, 'cancel')
  assert.equal((await waiting(dave)).length, 1)
  const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'dave' }, password }
  await dave.post(`${v3}/account/deactivate`, { auth })
  const rows = await other.context.db.read((reader) => reader.qb.selectFrom('delayed_events').selectAll().execute())
  assert.deepEqual(rows, [])
})

test('a guest delays what they may send, and cannot come in that way', async () => {
  const open = [{ type: 'm.room.guest_access', state_key: '', content: { guest_access: 'can_join' } }]
  const roomId = await publicRoom(alice, [], { initial_state: open })
  const closed = await publicRoom(alice, [], { initial_state: [] })
  const made = await server.client.post<{ user_id: string; access_token: string }>(`${v3}/register?kind=guest`, {})
  const guest = { ...server.client.as(made.access_token), userId: made.user_id }
  const path = (at: string, type: string) => `${v3}/rooms/${at}/delayed_event/${type}/g${txn++}`
  await guest.request('POST', `${v3}/rooms/${roomId}/join`, { body: {}, expect: 200 })
  await guest.put(path(roomId, 'm.room.message'), { delay_ms: 1000, content: text('hello') })
  const joining = { delay_ms: 1000, state_key: guest.userId, content: { membership: 'join' } }
  const { delay_id: delayId } = await guest.put<{ delay_id: string }>(path(closed, 'm.room.member'), joining)
  await pass(1000)
  assert.deepEqual(await texts(alice, roomId), ['hello'])
  assert.equal(Object((await guest.get(`${stable}/${delayId}`)).error).errcode, 'M_GUEST_ACCESS_FORBIDDEN')
})

test('a redaction is delayed too, and what is too large is refused when its time comes', async () => {
  const roomId = await createRoom(alice)
  const target = await send(alice, roomId, 'regretted')
  const path = (type: string) => at`/_matrix/client/v3/rooms/${roomId}/delayed_event/${type}/${`r${txn++}`}`
  await alice.put(path('m.room.redaction'), { delay_ms: 1000, content: { redacts: target } })
  const large = { delay_ms: 1000, content: text('x'.repeat(65_500)) }
  const { delay_id: delayId } = await alice.put<{ delay_id: string }>(path('m.room.message'), large)
  await pass(1000)
  assert.deepEqual((await getEvent(alice, roomId, target)).content, {})
  assert.equal(Object((await one(alice, delayId)).error).errcode, 'M_TOO_LARGE')
  assert.equal(await errorOf(alice, 'POST', `${stable}/${delayId}/send`, {}, 409), 'M_UNKNOWN')
})

test('one that is restarted while it is being sent is not sent', async () => {
  const roomId = await createRoom(alice)
  const delayId = await later(alice, roomId, 'not yet', 10_000)
  clock.advance(10_000)
  // The restart is written before the event that is on its way.
  await server.context.delayed.restart(delayId).catch(() => {})
  await server.context.delayed.drain()
  const { event_id: eventId, running_since: since } = await one(alice, delayId)
  assert.equal((await texts(alice, roomId)).length, eventId === undefined ? 0 : 1)
  assert.equal(since, eventId === undefined ? clock.now() : clock.now() - 10_000)
})
