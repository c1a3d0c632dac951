import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at } from './helpers/client.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { act, createRoom, errorOf, publicRoom, send, setState, v3 } from './helpers/rooms.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'

const eventPath = (roomId: string, eventId: string) => at`/_matrix/client/v3/rooms/${roomId}/report/${eventId}`
const roomPath = (roomId: string) => at`/_matrix/client/v3/rooms/${roomId}/report`
const userPath = (userId: string) => at`/_matrix/client/v3/users/${userId}/report`
const listPath = '/_synapse/admin/v1/event_reports'

interface Listed {
  total: number
  next_token?: number
  event_reports?: Record<string, unknown>[]
  room_reports?: Record<string, unknown>[]
  user_reports?: Record<string, unknown>[]
}

for (const engine of engines) {
  test(`reports reach the administrators (${engine})`, { skip: skipEngine(engine) }, async () => {
    await using server = await createTestServer({ engine })
    const [root, alice, bob] = [
      await server.user('root', { admin: true }),
      await server.user('alice'),
      await server.user('bob'),
    ]
    const roomId = await publicRoom(alice, [bob], { name: 'Hall', room_alias_name: 'hall' })
    const eventId = await send(alice, roomId, 'rude')
    assert.deepEqual(await bob.post(eventPath(roomId, eventId), { reason: 'It is rude' }), {})
    await bob.post(eventPath(roomId, eventId), { score: -100 })
    await root.post(roomPath(roomId), { reason: 'All of it' })
    await bob.post(userPath(alice.userId), { reason: '' })
    await bob.post(userPath('@far:elsewhere.example'), { reason: 'spam' })
    const { event_reports: events = [], total, next_token: next } = await root.get<Listed>(listPath)
    assert.equal(total, 2)
    assert.equal(next, undefined)
    assert.deepEqual(
      events.map(({ reason }) => reason),
      [null, 'It is rude'],
    )
    const { id, received_ts: ts, ...report } = events[1] ?? {}
    assert.ok(Number(ts) > 0)
    assert.deepEqual(report, {
      room_id: roomId,
      name: 'Hall',
      canonical_alias: '#hall:localhost',
      event_id: eventId,
      user_id: bob.userId,
      sender: alice.userId,
      reason: 'It is rude',
      score: null,
    })
    const detail = await root.get<{ event_json: { content: { body: string } } }>(`${listPath}/${id}`)
    assert.equal(detail.event_json.content.body, 'rude')
    const { room_reports: rooms = [] } = await root.get<Listed>('/_synapse/admin/v1/room_reports')
    assert.deepEqual(
      rooms.map(({ room_id, user_id, reason, name }) => ({ room_id, user_id, reason, name })),
      [{ room_id: roomId, user_id: root.userId, reason: 'All of it', name: 'Hall' }],
    )
    const { user_reports: users = [] } = await root.get<Listed>('/_synapse/admin/v1/user_reports', { dir: 'f' })
    assert.deepEqual(
      users.map(({ target_user_id: target, reason }) => [target, reason]),
      [
        [alice.userId, ''],
        ['@far:elsewhere.example', 'spam'],
      ],
    )
    await root.delete(`${listPath}/${id}`)
    assert.equal(await errorOf(root, 'GET', `${listPath}/${id}`, undefined, 404), 'M_NOT_FOUND')
    assert.equal(await errorOf(root, 'DELETE', `${listPath}/${id}`, undefined, 404), 'M_NOT_FOUND')
    assert.equal((await root.get<Listed>(listPath)).total, 1)
  })

  test(`the list has pages, an order and filters (${engine})`, { skip: skipEngine(engine) }, async () => {
    await using server = await createTestServer({ engine })
    const [root, alice, bob] = [
      await server.user('root', { admin: true }),
      await server.user('alice'),
      await server.user('bob'),
    ]
    const rooms = [await publicRoom(alice, [bob]), await publicRoom(alice, [bob])]
    for (const reason of ['1', '2', '3', '4', '5']) {
      const [author, reporter] = Number(reason) % 2 === 0 ? [alice, bob] : [bob, alice]
      const roomId = rooms[Number(reason) > 3 ? 1 : 0] ?? ''
      await reporter.post(eventPath(roomId, await send(author, roomId, 'x')), { reason })
    }
    const list = async (query: Record<string, string | number> = {}) => {
      const { event_reports: reports = [], total, next_token: next } = await root.get<Listed>(listPath, query)
      return { reasons: reports.map(({ reason }) => reason).join(''), total, next }
    }
    assert.deepEqual(await list(), { reasons: '54321', total: 5, next: undefined })
    assert.deepEqual(await list({ dir: 'f', limit: 2 }), { reasons: '12', total: 5, next: 2 })
    assert.deepEqual(await list({ dir: 'f', limit: 2, from: 2 }), { reasons: '34', total: 5, next: 4 })
    assert.deepEqual(await list({ dir: 'f', limit: 2, from: 4 }), { reasons: '5', total: 5, next: undefined })
    assert.deepEqual(await list({ from: 9 }), { reasons: '', total: 5, next: undefined })
    assert.deepEqual(await list({ user_id: 'bob' }), { reasons: '42', total: 2, next: undefined })
    assert.deepEqual(await list({ event_sender_user_id: bob.userId }), { reasons: '531', total: 3, next: undefined })
    assert.deepEqual(await list({ room_id: rooms[1] ?? '' }), { reasons: '54', total: 2, next: undefined })
    assert.deepEqual(await list({ user_id: '%' }), { reasons: '', total: 0, next: undefined })
    assert.deepEqual(await list({ user_id: 'b_b' }), { reasons: '', total: 0, next: undefined })
    for (const query of ['limit=-1', 'from=-1', 'dir=x', 'from=x', 'limit=1e9']) {
      assert.equal(await errorOf(root, 'GET', `${listPath}?${query}`, undefined, 400), 'M_INVALID_PARAM')
    }
    assert.equal(await errorOf(root, 'GET', `${listPath}/x`, undefined, 400), 'M_INVALID_PARAM')
    for (const path of [listPath, `${listPath}/1`]) {
      assert.equal(await errorOf(bob, 'GET', path, undefined, 403), 'M_FORBIDDEN')
    }
  })
}

test('events are reported by members who can see them, and by nobody else', async () => {
  await using server = await createTestServer()
  const [root, alice, bob, carol] = [
    await server.user('root', { admin: true }),
    await server.user('alice'),
    await server.user('bob'),
    await server.user('carol'),
  ]
  const hidden = { type: 'm.room.history_visibility', content: { history_visibility: 'joined' } }
  const roomId = await publicRoom(alice, [carol], { initial_state: [hidden] })
  const before = await send(alice, roomId, 'before bob')
  const other = await send(alice, await publicRoom(alice, []), 'elsewhere')
  await act(bob, roomId, 'join')
  const after = await send(alice, roomId, 'after')
  const fail = (user: TestUser, room: string, eventId: string) =>
    errorOf(user, 'POST', eventPath(room, eventId), { reason: 'x' }, 404)
  assert.equal(await fail(bob, roomId, before), 'M_NOT_FOUND')
  assert.equal(await fail(bob, roomId, other), 'M_NOT_FOUND')
  assert.equal(await fail(bob, roomId, '$unknown'), 'M_NOT_FOUND')
  assert.equal(await fail(bob, roomId, 'junk'), 'M_NOT_FOUND')
  assert.equal(await fail(bob, '!unknown:localhost', after), 'M_NOT_FOUND')
  assert.equal(await fail(root, roomId, after), 'M_NOT_FOUND')
  await act(carol, roomId, 'leave')
  assert.equal(await fail(carol, roomId, after), 'M_NOT_FOUND')
  await alice.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${after}/1`)
  await bob.post(eventPath(roomId, after), { reason: 'what it was' })
  const state = await setState(alice, roomId, 'm.room.topic', { topic: 'rude' })
  await bob.post(eventPath(roomId, state), {})
  assert.equal((await root.get<Listed>(listPath)).total, 2)
})

test('rooms are reported by anybody, users without a word on who exists', async () => {
  await using server = await createTestServer()
  const [root, alice, bob] = [
    await server.user('root', { admin: true }),
    await server.user('alice'),
    await server.user('bob'),
  ]
  const closed = await createRoom(alice)
  await bob.post(roomPath(closed), { reason: '' })
  assert.equal(await errorOf(bob, 'POST', roomPath('!unknown:localhost'), { reason: 'x' }, 404), 'M_NOT_FOUND')
  assert.equal(await errorOf(bob, 'POST', roomPath('junk'), { reason: 'x' }, 404), 'M_NOT_FOUND')
  assert.deepEqual(await bob.post(userPath('@nobody:localhost'), { reason: 'x' }), {})
  assert.deepEqual(await bob.post(userPath(alice.userId), { reason: 'x' }), {})
  assert.equal(await errorOf(bob, 'POST', userPath('alice'), { reason: 'x' }, 400), 'M_INVALID_PARAM')
  assert.equal((await root.get<Listed>('/_synapse/admin/v1/user_reports')).total, 1)
})

test('what is no report is refused', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  const eventId = await send(alice, roomId, 'x')
  for (const path of [roomPath(roomId), userPath(alice.userId)]) {
    assert.equal(await errorOf(bob, 'POST', path, {}, 400), 'M_MISSING_PARAM')
  }
  for (const path of [eventPath(roomId, eventId), roomPath(roomId), userPath(alice.userId)]) {
    assert.equal(await errorOf(bob, 'POST', path, { reason: 1 }, 400), 'M_BAD_JSON')
    assert.equal(await errorOf(bob, 'POST', path, { reason: 'x'.repeat(10_001) }, 413), 'M_TOO_LARGE')
    await server.client.request('POST', path, { body: { reason: 'x' }, expect: 401 })
  }
})

test('nobody floods the administrators', async () => {
  await using server = await createTestServer({
    config: { rate_limits: { enabled: true, report: { burst: 3, per_second: 0.001 } } },
  })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  for (let i = 0; i < 3; i++) await bob.post(userPath(alice.userId), { reason: 'x' })
  const { body } = await bob.request('POST', userPath(alice.userId), { body: { reason: 'x' }, expect: 429 })
  assert.equal(body.errcode, 'M_LIMIT_EXCEEDED')
  await alice.post(userPath(bob.userId), { reason: 'x' })
  await alice.get(`${v3}/account/whoami`)
})
