import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { at } from './helpers/client.ts'
import { testOnEngines } from './helpers/engines.ts'
import { createRoom, errorOf, publicRoom, send, v3 } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import { sync } from './helpers/sync.ts'

let server: TestServer
let alice: TestUser
let roomId: string

before(async () => {
  server = await createTestServer()
  alice = await server.user('alice')
  roomId = await createRoom(alice)
})
after(() => server.stop())

const prefixes = ['/_matrix/client/v3', '/_matrix/client/unstable/org.matrix.msc3391']
const rest = (userId: string, type: string, room?: string) =>
  room === undefined ? at`/user/${userId}/account_data/${type}` : at`/user/${userId}/rooms/${room}/account_data/${type}`
const path = (type: string, room?: string) => `${v3}${rest(alice.userId, type, room)}`

testOnEngines('deleted data is gone, and told as empty to clients that know of it', async (_t, { engine }) => {
  await using own = await createTestServer({ engine })
  const user = await own.user('user')
  const room = await createRoom(user)
  const ofUser = (type: string, where?: string) => rest(user.userId, type, where)
  const told = async (since?: string) => {
    const answer = await sync(user, since === undefined ? {} : { since })
    const mine = (events: { type: string; content: object }[] = []) =>
      events.filter(({ type }) => type.startsWith('org.example')).map(({ type, content }) => [type, content])
    return {
      next: answer.next_batch,
      global: mine(answer.account_data?.events),
      room: mine(answer.rooms?.join?.[room]?.account_data?.events),
    }
  }
  for (const where of [undefined, room]) {
    for (const type of ['org.example.a', 'org.example.b', 'org.example.c'])
      await user.put(v3 + ofUser(type, where), { a: 1 })
  }
  const { next, global } = await told()
  assert.equal(global.length, 3)
  for (const where of [undefined, room]) {
    await user.delete(`${prefixes[0]}${ofUser('org.example.a', where)}`)
    await user.delete(`${prefixes[1]}${ofUser('org.example.b', where)}`)
    await user.put(v3 + ofUser('org.example.c', where), {})
    for (const type of ['org.example.a', 'org.example.b', 'org.example.c'])
      await user.request('GET', v3 + ofUser(type, where), { expect: 404 })
  }
  const gone = ['org.example.a', 'org.example.b', 'org.example.c'].map((type) => [type, {}])
  const news = await told(next)
  assert.deepEqual([news.global, news.room], [gone, gone])
  const fresh = await told()
  assert.deepEqual([fresh.global, fresh.room], [[], []])
  // Nothing happens to what is not there.
  for (const prefix of prefixes) {
    assert.deepEqual(await user.delete(prefix + ofUser('org.example.a')), {})
    assert.deepEqual(await user.delete(prefix + ofUser('org.example.none', room)), {})
  }
  const after = await told(news.next)
  assert.deepEqual([after.global, after.room], [[], []])
  await user.put(v3 + ofUser('org.example.a'), { again: true })
  assert.deepEqual((await told(after.next)).global, [['org.example.a', { again: true }]])
})

it('what the server manages is read, but neither set nor deleted', async () => {
  for (const type of ['m.fully_read', 'm.push_rules']) {
    for (const room of [undefined, roomId]) {
      assert.equal(await errorOf(alice, 'PUT', path(type, room), { a: 1 }, 405), 'M_BAD_JSON')
      for (const prefix of prefixes) {
        const target = prefix + rest(alice.userId, type, room)
        assert.equal(await errorOf(alice, 'DELETE', target, undefined, 405), 'M_BAD_JSON')
      }
    }
  }
  const eventId = await send(alice, roomId, 'hello')
  await alice.post(at`/_matrix/client/v3/rooms/${roomId}/read_markers`, { 'm.fully_read': eventId })
  assert.deepEqual(await alice.get(path('m.fully_read', roomId)), { event_id: eventId })
  const { global } = await alice.get<{ global: object }>(`${v3}/pushrules/`)
  assert.deepEqual(await alice.get(path('m.push_rules')), { global })
})

it('others’ data is neither read nor deleted', async () => {
  const bob = await server.user('bob')
  await alice.put(path('org.example.private'), { a: 1 })
  for (const prefix of prefixes) {
    for (const room of [undefined, roomId]) {
      const target = prefix + rest(alice.userId, 'org.example.private', room)
      assert.equal(await errorOf(bob, 'DELETE', target, undefined, 403), 'M_FORBIDDEN')
    }
  }
  assert.deepEqual(await alice.get(path('org.example.private')), { a: 1 })
  assert.equal(await errorOf(alice, 'DELETE', path('x', 'no room'), undefined, 400), 'M_INVALID_PARAM')
})

it('rooms are marked unread for all devices of a user, and for nobody else', async () => {
  const bob = await server.user('bob2')
  const room = await publicRoom(alice, [bob])
  const phone = await server.login('alice')
  let since = (await sync(phone)).next_batch
  const { next_batch: bobSince } = await sync(bob)
  for (const type of ['m.marked_unread', 'com.famedly.marked_unread']) {
    for (const unread of [true, false]) {
      await alice.put(path(type, room), { unread })
      const answer = await sync(phone, { since, timeout: 30_000 })
      assert.deepEqual(answer.rooms?.join?.[room]?.account_data?.events, [{ type, content: { unread } }])
      since = answer.next_batch
    }
  }
  assert.equal((await sync(bob, { since: bobSince })).rooms, undefined)
  const fresh = (await sync(phone)).rooms?.join?.[room]?.account_data?.events ?? []
  assert.deepEqual(fresh.map(({ type }) => type).sort(), ['com.famedly.marked_unread', 'm.marked_unread'])
})
