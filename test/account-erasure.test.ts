import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { at } from './helpers/client.ts'
import { type Engine, engines, skipEngine } from './helpers/engines.ts'
import { act, createRoom, getEvent, send, setState, timeline, v3 } from './helpers/rooms.ts'
import { createTestServer, password, type TestServer, type TestUser } from './helpers/server.ts'

interface Scene {
  server: TestServer
  /** Has the account erased. */
  alice: TestUser
  /** Was there before. */
  bob: TestUser
  /** Comes afterwards. */
  carol: TestUser
  roomId: string
  eventId: string
}

async function scene(fn: (it: Scene) => Promise<void>, engine: Engine = 'sqlite'): Promise<void> {
  await using server = await createTestServer({ engine })
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  await alice.put(at`/_matrix/client/v3/profile/${alice.userId}/displayname`, { displayname: 'Alice Real Name' })
  const roomId = await createRoom(alice, { preset: 'public_chat', name: 'Kept name' })
  await act(bob, roomId, 'join')
  const eventId = await send(alice, roomId, 'a secret zebra')
  await fn({ server, alice, bob, carol, roomId, eventId })
}

async function deactivate({ server, alice }: Scene, erase: boolean): Promise<void> {
  const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: alice.userId }, password }
  await alice.post(`${v3}/account/deactivate`, { erase, auth })
  await server.context.jobs.drain()
}

const search = async (user: TestUser) => {
  const body = { search_categories: { room_events: { search_term: 'zebra' } } }
  const { search_categories } = await user.post<{ search_categories: { room_events: { count: number } } }>(
    `${v3}/search`,
    body,
  )
  return search_categories.room_events.count
}

const everything = async (user: TestUser, roomId: string, eventId: string) =>
  JSON.stringify([
    await timeline(user, roomId),
    await getEvent(user, roomId, eventId),
    await user.get(at`/_matrix/client/v3/rooms/${roomId}/context/${eventId}`),
    await user.get(`${v3}/sync`),
    await user.get(at`/_matrix/client/v3/rooms/${roomId}/state`),
    await user.get(at`/_matrix/client/v3/rooms/${roomId}/members`),
  ])

for (const engine of engines) {
  test(
    `who comes after an erasure sees redacted events, who was there sees all (${engine})`,
    { skip: skipEngine(engine) },
    () =>
      scene(async (it) => {
        const { bob, carol, roomId, eventId } = it
        await deactivate(it, true)
        await act(carol, roomId, 'join')
        const seen = await everything(carol, roomId, eventId)
        assert.doesNotMatch(seen, /zebra|Alice Real Name/)
        assert.match(seen, /Kept name/)
        assert.deepEqual((await getEvent(carol, roomId, eventId)).content, {})
        assert.equal(await search(carol), 0)
        assert.match(await everything(bob, roomId, eventId), /zebra/)
        assert.equal(await search(bob), 1)
      }, engine),
  )
}

test('without erasure nothing is hidden', () =>
  scene(async (it) => {
    const { carol, roomId, eventId } = it
    await deactivate(it, false)
    await act(carol, roomId, 'join')
    assert.match(await everything(carol, roomId, eventId), /zebra/)
  }))

test('a stay that ended before the message, and one that began after the erasure, show nothing of it', () =>
  scene(async (it) => {
    const { server, alice, bob, roomId } = it
    const dave = await server.user('dave')
    await act(dave, roomId, 'join')
    await act(dave, roomId, 'leave')
    const later = await send(alice, roomId, 'later')
    const early = await send(bob, roomId, 'of another')
    await deactivate(it, true)
    await act(dave, roomId, 'join')
    assert.deepEqual((await getEvent(dave, roomId, later)).content, {})
    const shared = await getEvent(dave, roomId, it.eventId)
    assert.equal(shared.content.body, 'a secret zebra', 'it was there to be read in that stay')
    assert.equal((await getEvent(dave, roomId, early)).content.body, 'of another')
    await act(bob, roomId, 'leave')
    await act(bob, roomId, 'join')
    assert.equal((await getEvent(bob, roomId, later)).content.body, 'later', 'once seen, it stays')
  }))

test('edits, threads and previous contents give nothing away', () =>
  scene(async (it) => {
    const { alice, bob, carol, roomId, eventId } = it
    await send(alice, roomId, {
      msgtype: 'm.text',
      body: '* zebra edited',
      'm.new_content': { msgtype: 'm.text', body: 'zebra edited' },
      'm.relates_to': { rel_type: 'm.replace', event_id: eventId },
    })
    const root = await send(bob, roomId, 'root')
    const inThread: JsonObject = {
      msgtype: 'm.text',
      body: 'zebra in a thread',
      'm.relates_to': { rel_type: 'm.thread', event_id: root },
    }
    await send(alice, roomId, inThread)
    await setState(alice, roomId, 'm.room.topic', { topic: 'kept topic' })
    await deactivate(it, true)
    await act(carol, roomId, 'join')
    const seen = await everything(carol, roomId, root)
    assert.doesNotMatch(seen, /zebra|Alice Real Name/)
    assert.match(seen, /kept topic/)
    const threads = await carol.get(at`/_matrix/client/v1/rooms/${roomId}/threads`)
    const related = await carol.get(at`/_matrix/client/v1/rooms/${roomId}/relations/${root}`)
    assert.doesNotMatch(JSON.stringify([threads, related]), /zebra/)
    assert.match(await everything(bob, roomId, root), /zebra in a thread/)
  }))

test('an erasure takes with it what belongs to the account alone, and the room is left even after a crash', () =>
  scene(async (it) => {
    const { server, alice } = it
    const { db, accounts, jobs } = server.context
    await alice.put(at`/_matrix/client/v3/user/${alice.userId}/account_data/org.example`, { a: 1 })
    await alice.post(at`/_matrix/client/v3/user/${alice.userId}/filter`, { room: {} })
    await db.write('add', (tx) =>
      accounts.threepids.add(tx, alice.userId, { address: 'alice@example.org', validatedTs: 0 }),
    )
    const queued = await db.write('deactivate', async (tx) => {
      await accounts.users.deactivate(tx, alice.userId, true)
      return tx.qb.selectFrom('jobs').select('kind').execute()
    })
    assert.ok(
      queued.some(({ kind }) => kind === 'rooms.leave'),
      'what is left to do is on disk with its cause',
    )
    await jobs.drain()
    const tables = [
      'profile_fields',
      'account_data',
      'filters',
      'threepids',
      'devices',
      'sessions',
      'pushers',
      'device_keys',
      'openid_tokens',
    ] as const
    for (const table of tables) {
      const rows = await db.read((reader) =>
        reader.qb.selectFrom(table).selectAll().where('user_id', '=', alice.userId).execute(),
      )
      assert.deepEqual(rows, [], table)
    }
    const profile = at`/_matrix/client/v3/profile/${alice.userId}`
    await server.client.request('GET', profile, { expect: 404 })
    const taken = await server.client.request('GET', `${v3}/register/available`, { query: { username: 'alice' } })
    assert.equal(taken.body.errcode, 'M_USER_IN_USE')
  }))
