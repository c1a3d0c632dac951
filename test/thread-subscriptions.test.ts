import assert from 'node:assert/strict'
import { at } from './helpers/client.ts'
import { testOnEngines } from './helpers/engines.ts'
import { react, reply } from './helpers/relations.ts'
import { act, createRoom, errorOf, publicRoom, send } from './helpers/rooms.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'
import { sync } from './helpers/sync.ts'

const subscriptionPath = (roomId: string, root: string) =>
  at`/_matrix/client/unstable/io.element.msc4306/rooms/${roomId}/thread/${root}/subscription`
const changesPath = '/_matrix/client/unstable/io.element.msc4308/thread_subscriptions'

interface Changes {
  subscribed?: Record<string, Record<string, { automatic: boolean; bump_stamp: number }>>
  unsubscribed?: Record<string, Record<string, { bump_stamp: number }>>
  end?: string
}

/** What the changes say, by root, in no order. */
function flat({ subscribed = {}, unsubscribed = {} }: Changes): Record<string, boolean | 'none'> {
  const of = <T, R>(rooms: Record<string, Record<string, T>>, show: (value: T) => R) =>
    Object.values(rooms).flatMap((threads) => Object.entries(threads).map(([root, value]) => [root, show(value)]))
  return Object.fromEntries([...of(subscribed, ({ automatic }) => automatic), ...of(unsubscribed, () => 'none')])
}

testOnEngines('a thread is followed by choice or by the client itself, and choice wins', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  const root = await send(alice, roomId, 'root')
  const path = subscriptionPath(roomId, root)
  const features = await server.client.get<{ unstable_features: Record<string, boolean> }>('/_matrix/client/versions')
  assert.equal(features.unstable_features['org.matrix.msc4306'], true)
  assert.equal(await errorOf(bob, 'GET', path, undefined, 404), 'M_NOT_FOUND')
  assert.deepEqual(await bob.delete(path), {})
  // Whoever writes the first reply subscribes meanwhile, before there is a thread.
  assert.deepEqual(await bob.put(path, {}), {})
  assert.deepEqual(await bob.get(path), { automatic: false })
  assert.equal(await errorOf(alice, 'GET', path, undefined, 404), 'M_NOT_FOUND')
  const cause = await reply(alice, roomId, root)
  await bob.put(path, { automatic: cause })
  assert.deepEqual(await bob.get(path), { automatic: false })
  await alice.put(path, { automatic: cause })
  assert.deepEqual(await alice.get(path), { automatic: true })
  await alice.put(path, { automatic: null })
  assert.deepEqual(await alice.get(path), { automatic: false })
  assert.deepEqual(await alice.delete(path), {})
  assert.deepEqual(await alice.delete(path), {})
  assert.equal(await errorOf(alice, 'GET', path, undefined, 404), 'M_NOT_FOUND')
})

testOnEngines('clients subscribe nobody again for what was there before they unsubscribed', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  const root = await send(alice, roomId, 'root')
  const path = subscriptionPath(roomId, root)
  const first = await reply(alice, roomId, root)
  await bob.put(path, { automatic: first })
  const unseen = await reply(alice, roomId, root)
  await bob.delete(path)
  const conflict = async (cause: string) => errorOf(bob, 'PUT', path, { automatic: cause }, 409)
  for (const cause of [first, unseen, first]) {
    assert.equal(await conflict(cause), 'IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION')
  }
  const later = await reply(alice, roomId, root)
  await bob.put(path, { automatic: later })
  assert.deepEqual(await bob.get(path), { automatic: true })
  await bob.delete(path)
  assert.equal(await conflict(later), 'IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION')
  await bob.put(path, {})
  assert.deepEqual(await bob.get(path), { automatic: false })
})

testOnEngines('what cannot be followed is not found, and causes are of the thread', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await publicRoom(alice, [bob])
  const root = await send(alice, roomId, 'root')
  const inThread = await reply(alice, roomId, root)
  const elsewhere = await createRoom(alice)
  const foreign = await reply(alice, elsewhere, await send(alice, elsewhere, 'root'))
  const put = (user: TestUser, room: string, event: string, body: object, status: number) =>
    errorOf(user, 'PUT', subscriptionPath(room, event), body, status)
  for (const [room, event] of [
    [roomId, '$unknown'],
    [roomId, inThread],
    [roomId, foreign],
    ['!unknown:localhost', root],
    [elsewhere, root],
  ] as const) {
    assert.equal(await put(bob, room, event, {}, 404), 'M_NOT_FOUND')
    assert.equal(await errorOf(bob, 'DELETE', subscriptionPath(room, event), undefined, 404), 'M_NOT_FOUND')
    assert.equal(await errorOf(bob, 'GET', subscriptionPath(room, event), undefined, 404), 'M_NOT_FOUND')
  }
  assert.equal(await put(carol, roomId, root, {}, 404), 'M_NOT_FOUND')
  for (const cause of [root, foreign, await send(alice, roomId, 'main'), '$unknown', 'no event id', '']) {
    assert.equal(await put(bob, roomId, root, { automatic: cause }, 400), 'IO.ELEMENT.MSC4306.M_NOT_IN_THREAD')
  }
  assert.equal(await put(bob, roomId, root, { automatic: true }, 400), 'M_BAD_JSON')
  const reaction = await react(alice, roomId, inThread)
  await bob.put(subscriptionPath(roomId, root), { automatic: reaction })
  await act(alice, roomId, 'ban', { user_id: bob.userId })
  assert.deepEqual(await bob.get(subscriptionPath(roomId, root)), { automatic: true })
})

testOnEngines('all changes are listed once, the latest first, page by page', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const rooms = [await publicRoom(alice, [bob]), await publicRoom(alice, [bob])]
  const roots: { roomId: string; root: string }[] = []
  for (const roomId of [...rooms, ...rooms, ...rooms]) roots.push({ roomId, root: await send(alice, roomId, 'root') })
  for (const { roomId, root } of roots) await bob.put(subscriptionPath(roomId, root), {})
  const before = (await sync(bob)).next_batch
  const [one, two, three] = roots
  assert.ok(one && two && three)
  await bob.delete(subscriptionPath(one.roomId, one.root))
  const cause = await reply(alice, two.roomId, two.root)
  await bob.delete(subscriptionPath(two.roomId, two.root))
  await bob.put(subscriptionPath(two.roomId, two.root), {})
  const later = await reply(alice, one.roomId, one.root)
  await bob.put(subscriptionPath(one.roomId, one.root), { automatic: later })
  await bob.delete(subscriptionPath(three.roomId, three.root))
  const list = (query: object) => bob.get<Changes>(changesPath, { dir: 'b', ...query })
  const found: Record<string, boolean | 'none'>[] = []
  for (let from: string | undefined, first = true; first || from !== undefined; first = false) {
    const page = await list({ from, limit: 2 })
    found.push(flat(page))
    from = page.end
  }
  assert.deepEqual(found, [
    { [three.root]: 'none', [one.root]: true },
    { [two.root]: false, [roots[5]?.root ?? '']: false },
    { [roots[4]?.root ?? '']: false, [roots[3]?.root ?? '']: false },
  ])
  const since = await list({ to: before })
  assert.deepEqual(flat(since), { [three.root]: 'none', [one.root]: true, [two.root]: false })
  assert.ok(!('end' in since))
  const stamp = since.subscribed?.[one.roomId]?.[one.root]?.bump_stamp
  assert.ok(Number.isSafeInteger(stamp))
  assert.deepEqual(await alice.get(changesPath, { dir: 'b' }), {})
  for (const query of ['', 'dir=f', 'dir=b&limit=0', 'dir=b&from=x', 'dir=b&to=x']) {
    await bob.request('GET', `${changesPath}?${query}`, { expect: 400 })
  }
  assert.ok(cause)
  const password = 'correct horse battery staple'
  const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'bob' }, password }
  await bob.post('/_matrix/client/v3/account/deactivate', { auth })
  const left = await server.context.db.read(({ qb }) => qb.selectFrom('thread_subscriptions').selectAll().execute())
  assert.deepEqual(left, [])
})

testOnEngines('a change wakes whoever waits for it', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const alice = await server.user('alice')
  const roomId = await createRoom(alice)
  const root = await send(alice, roomId, 'root')
  const woken: string[] = []
  server.context.streams.subscribe(({ users = [] }) => void woken.push(...users))
  await alice.put(subscriptionPath(roomId, root), {})
  assert.deepEqual(woken, [alice.userId])
})
