import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { at } from './helpers/client.ts'
import { createRoom, errorOf, publicRoom, send } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import { elementList, elementSubscription, sliding, slidingPath } from './helpers/sliding.ts'

let server: TestServer
let alice: TestUser
let count = 0
before(async () => {
  server = await createTestServer()
  alice = await server.user('alice')
})
after(() => server.stop())

const newUser = () => server.user(`user${++count}`)
const lists = { all: elementList(99) }
const dataPath = (user: TestUser) => at`/_matrix/client/v3/user/${user.userId}/`
let txn = 0
const tell = (from: TestUser, to: TestUser, mark: number, device = to.deviceId) =>
  from.put(at`/_matrix/client/v3/sendToDevice/m.test/${`${++txn}`}`, {
    messages: { [to.userId]: { [device]: { mark } } },
  })
const marks = (events: readonly object[] | undefined) =>
  (events ?? []).map((event) => Object(Reflect.get(event, 'content')).mark)

test('messages for the device come until they are acknowledged, at most as many as are wanted', async () => {
  const user = await newUser()
  const ask = (since?: string, limit?: number, pos?: string) =>
    sliding(user, { conn_id: 'encryption', extensions: { to_device: { enabled: true, since, limit } } }, pos)
  const first = await ask()
  assert.deepEqual(first.extensions.to_device?.events, [])
  assert.equal(typeof first.extensions.to_device?.next_batch, 'string')
  for (const mark of [1, 2, 3]) await tell(alice, user, mark)
  const two = await ask(undefined, 2, first.pos)
  assert.deepEqual(marks(two.extensions.to_device?.events), [1, 2])
  const same = await ask(undefined, 2, two.pos)
  assert.deepEqual(marks(same.extensions.to_device?.events), [1, 2], 'the client has not said that it has them')
  const rest = await ask(two.extensions.to_device?.next_batch, 2, same.pos)
  assert.deepEqual(marks(rest.extensions.to_device?.events), [3])
  const anew = await ask(undefined, 10)
  assert.deepEqual(marks(anew.extensions.to_device?.events), [3], 'what was acknowledged is gone')
  const done = await ask(rest.extensions.to_device?.next_batch, 10, anew.pos)
  assert.deepEqual(done.extensions.to_device?.events, [])
  assert.deepEqual(marks((await ask()).extensions.to_device?.events), [])
  const wrong = { extensions: { to_device: { enabled: true, since: 'x' } } }
  assert.equal(await errorOf(user, 'POST', slidingPath, wrong, 400), 'M_INVALID_PARAM')
})

test('a device hears of its keys and of the devices of others', async () => {
  const [user, other] = [await newUser(), await newUser()]
  await publicRoom(user, [other])
  const body = { conn_id: 'encryption', extensions: { e2ee: { enabled: true } } }
  const first = await sliding(user, body)
  assert.equal(first.extensions.e2ee?.device_lists, undefined)
  assert.deepEqual(first.extensions.e2ee?.device_unused_fallback_key_types, [])
  await user.post('/_matrix/client/v3/keys/upload', {
    one_time_keys: { 'curve25519:A': 'a' },
    fallback_keys: {},
  })
  const keys = { algorithms: [], device_id: other.deviceId, user_id: other.userId, keys: {}, signatures: {} }
  await other.post('/_matrix/client/v3/keys/upload', { device_keys: keys })
  const second = await sliding(user, body, first.pos)
  assert.equal(second.extensions.e2ee?.device_one_time_keys_count.curve25519, 1)
  assert.deepEqual(second.extensions.e2ee?.device_lists, { changed: [other.userId], left: [] })
  const third = await sliding(user, body, second.pos)
  assert.deepEqual(third.extensions.e2ee?.device_lists, { changed: [], left: [] })
})

test('account data comes whole at first, then as it changes, with that of rooms when they come', async () => {
  const user = await newUser()
  const [a, b] = [await createRoom(user), await createRoom(user)]
  await user.put(`${dataPath(user)}account_data/net.example.x`, { x: 1 })
  await user.put(`${dataPath(user)}${at`rooms/${a}/account_data/net.example.room`}`, { in: 'a' })
  await user.put(`${dataPath(user)}${at`rooms/${b}/account_data/net.example.room`}`, { in: 'b' })
  const extensions = { account_data: { enabled: true } }
  const first = await sliding(user, { lists: { all: elementList(0) }, extensions })
  const data = first.extensions.account_data
  assert.ok(data?.global.some(({ type }) => type === 'm.push_rules'))
  assert.ok(data?.global.some(({ type }) => type === 'net.example.x'))
  assert.deepEqual(data?.rooms, { [b]: [{ type: 'net.example.room', content: { in: 'b' } }] })
  const second = await sliding(user, { lists, extensions }, first.pos)
  assert.deepEqual(second.extensions.account_data, {
    global: [],
    rooms: { [a]: [{ type: 'net.example.room', content: { in: 'a' } }] },
  })
  await user.put(`${dataPath(user)}account_data/net.example.x`, { x: 2 })
  await user.put(`${dataPath(user)}${at`rooms/${a}/account_data/net.example.room`}`, { in: 'A' })
  const third = await sliding(user, { lists, extensions }, second.pos)
  assert.deepEqual(third.rooms, {})
  assert.deepEqual(third.extensions.account_data, {
    global: [{ type: 'net.example.x', content: { x: 2 } }],
    rooms: { [a]: [{ type: 'net.example.room', content: { in: 'A' } }] },
  })
  assert.deepEqual((await sliding(user, { lists, extensions }, third.pos)).extensions, {})
})

test('account data of a room that is out of sight comes when the room does', async () => {
  const user = await newUser()
  const [a, b] = [await createRoom(user), await createRoom(user)]
  const extensions = { account_data: { enabled: true } }
  const all = await sliding(user, { lists, extensions })
  await user.put(`${dataPath(user)}${at`rooms/${a}/account_data/net.example.room`}`, { x: 1 })
  const top = { lists: { all: elementList(0) }, extensions }
  const narrow = await sliding(user, top, all.pos)
  assert.deepEqual([narrow.rooms, narrow.extensions], [{}, {}])
  const wide = await sliding(user, { lists, extensions }, narrow.pos)
  assert.deepEqual(Object.keys(wide.extensions.account_data?.rooms ?? {}), [a])
  assert.deepEqual(wide.rooms[b], undefined)
})

test('an extension that is turned on later, or for other rooms, begins with all that there is', async () => {
  const user = await newUser()
  const room = await createRoom(user)
  await user.put(`${dataPath(user)}account_data/net.example.x`, { x: 1 })
  await user.put(`${dataPath(user)}${at`rooms/${room}/account_data/net.example.room`}`, { y: 1 })
  const first = await sliding(user, { lists })
  assert.deepEqual(first.extensions, {})
  const on = { account_data: { enabled: true, lists: [] } }
  const second = await sliding(user, { lists, extensions: on }, first.pos)
  assert.ok(second.extensions.account_data?.global.some(({ type }) => type === 'net.example.x'))
  assert.deepEqual(second.extensions.account_data?.rooms, {})
  const third = await sliding(user, { lists, extensions: { account_data: { enabled: true } } }, second.pos)
  assert.deepEqual(third.extensions.account_data?.global, [])
  assert.deepEqual(Object.keys(third.extensions.account_data?.rooms ?? {}), [room])
})

test('receipts come for what is shown and for the user, then as they are set', async () => {
  const [user, other, third] = [await newUser(), await newUser(), await newUser()]
  const room = await publicRoom(user, [other, third])
  const old = await send(user, room, 'old')
  const shown = await send(user, room, 'shown')
  const read = (who: TestUser, event: string, type = 'm.read') =>
    who.post(at`/_matrix/client/v3/rooms/${room}/receipt/${type}/${event}`, {})
  await read(other, shown)
  await read(third, old)
  await read(user, old, 'm.read.private')
  const extensions = { receipts: { enabled: true } }
  const first = await sliding(user, { lists, extensions })
  const content = first.extensions.receipts?.rooms[room]?.content
  assert.deepEqual(Object.keys(content ?? {}).sort(), [old, shown].sort())
  assert.deepEqual(Object.keys(Object(content?.[old])), ['m.read.private'], 'only the own one of what is not shown')
  await read(third, shown)
  await read(other, shown, 'm.read.private')
  const second = await sliding(user, { lists, extensions }, first.pos)
  assert.deepEqual(second.rooms, {})
  const news = second.extensions.receipts?.rooms[room]?.content
  assert.deepEqual(Object.keys(Object(Object(news?.[shown])['m.read'])), [third.userId])
  assert.equal(Object(news?.[shown])['m.read.private'], undefined, 'private receipts of others')
  const expanded = await sliding(
    user,
    { lists, extensions, room_subscriptions: { [room]: elementSubscription } },
    second.pos,
  )
  assert.ok(Object.keys(expanded.extensions.receipts?.rooms[room]?.content ?? {}).includes(old))
})

test('who types is told while it lasts, in the rooms that are asked for', async () => {
  const [user, other] = [await newUser(), await newUser()]
  const room = await publicRoom(user, [other])
  const elsewhere = await publicRoom(user, [other])
  const type = (roomId: string, typing: boolean) =>
    other.put(at`/_matrix/client/v3/rooms/${roomId}/typing/${other.userId}`, { typing, timeout: 30_000 })
  await type(room, true)
  const extensions = { typing: { enabled: true, lists: [], rooms: [room] } }
  const first = await sliding(user, { lists, extensions })
  assert.deepEqual(first.extensions.typing, {
    rooms: { [room]: { type: 'm.typing', content: { user_ids: [other.userId] } } },
  })
  await type(elsewhere, true)
  assert.deepEqual((await sliding(user, { lists, extensions }, first.pos)).extensions, {})
  await type(room, false)
  const second = await sliding(user, { lists, extensions }, first.pos)
  assert.deepEqual(second.extensions.typing?.rooms[room]?.content, { user_ids: [] })
})

test('scopes choose by list and by subscription', async () => {
  const user = await newUser()
  const [a, b, c] = [await createRoom(user), await createRoom(user), await createRoom(user)]
  const byId = [a, b, c]
  for (const room of byId)
    await user.put(`${dataPath(user)}${at`rooms/${room}/account_data/net.example.room`}`, { x: 1 })
  const body = {
    lists: { top: elementList(0), next: { ...elementList(1), ranges: [[1, 1]] } },
    room_subscriptions: { [a]: elementSubscription },
  }
  const cases: [object, string[]][] = [
    [{}, byId],
    [{ lists: ['top'] }, [c, a]],
    [{ lists: ['top'], rooms: [] }, [c]],
    [{ lists: [], rooms: ['*'] }, [a]],
    [{ lists: [], rooms: [b] }, [b]],
    [{ lists: [], rooms: ['!other:localhost'] }, []],
    [{ lists: ['none'], rooms: [] }, []],
  ]
  for (const [scope, expected] of cases) {
    const extensions = { account_data: { enabled: true, ...scope } }
    const answer = await sliding(user, { ...body, extensions })
    const rooms = Object.keys(answer.extensions.account_data?.rooms ?? {})
    assert.deepEqual(rooms.sort(), [...expected].sort(), JSON.stringify(scope))
  }
})

test('threads that the user follows come at first and as they change', async () => {
  const user = await newUser()
  const room = await createRoom(user)
  const roots: string[] = []
  for (const body of ['a', 'b', 'c']) roots.push(await send(user, room, body))
  const path = (root: string) =>
    at`/_matrix/client/unstable/io.element.msc4306/rooms/${room}/thread/${root}/subscription`
  for (const root of roots) await user.put(path(root), {})
  const name = 'io.element.msc4308.thread_subscriptions'
  const ask = async (pos?: string) => {
    const answer = await sliding(user, { extensions: { [name]: { enabled: true, limit: 2 } } }, pos)
    return { pos: answer.pos, threads: Object(Reflect.get(answer.extensions, name)) }
  }
  const first = await ask()
  assert.deepEqual(Object.keys(first.threads.subscribed[room]).sort(), roots.slice(1).sort())
  const rest = await user.get<{ subscribed: Record<string, object> }>(
    '/_matrix/client/unstable/io.element.msc4308/thread_subscriptions',
    { dir: 'b', from: first.threads.prev_batch },
  )
  assert.deepEqual(Object.keys(rest.subscribed[room] ?? {}), [roots[0]])
  await user.delete(path(roots[1] ?? ''))
  const second = await ask(first.pos)
  assert.deepEqual(Object.keys(second.threads.unsubscribed[room]), [roots[1]])
  assert.equal(second.threads.subscribed, undefined)
  assert.deepEqual((await ask(second.pos)).threads, {})
})
