import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { at } from './helpers/client.ts'
import { act, createRoom, join, publicRoom, send } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import { elementExtensions, elementList, type SlidingBody, type SlidingOptions, sliding } from './helpers/sliding.ts'
import { bodiesOf } from './helpers/sync.ts'

let server: TestServer
let alice: TestUser
let count = 0
before(async () => {
  server = await createTestServer()
  alice = await server.user('alice')
})
after(() => server.stop())

const newUser = () => server.user(`user${++count}`)
const wait = 60_000
const request: SlidingOptions = {
  lists: { all: elementList(9) },
  extensions: {
    ...elementExtensions,
    to_device: { enabled: true },
    e2ee: { enabled: true },
    receipts: { enabled: true },
  },
}

test('a request that waits is answered by all that concerns the user', async () => {
  const user = await newUser()
  const room = await publicRoom(alice, [user])
  let { pos } = await sliding(user, request)
  const woken = async (cause: () => Promise<unknown>): Promise<SlidingBody> => {
    const waiting = sliding(user, request, pos, { timeout: wait })
    await cause()
    const answer = await waiting
    pos = answer.pos
    return answer
  }
  let event = ''
  const message = await woken(async () => {
    event = await send(alice, room, 'hello')
  })
  assert.deepEqual(bodiesOf(message.rooms[room]?.timeline), ['hello'])
  const typed = await woken(() =>
    alice.put(at`/_matrix/client/v3/rooms/${room}/typing/${alice.userId}`, { typing: true, timeout: 30_000 }),
  )
  assert.deepEqual(typed.rooms, {})
  assert.deepEqual(Object.keys(typed.extensions.typing?.rooms ?? {}), [room])
  const read = await woken(() => alice.post(at`/_matrix/client/v3/rooms/${room}/receipt/m.read/${event}`, {}))
  assert.deepEqual(Object.keys(read.extensions.receipts?.rooms ?? {}), [room])
  const data = await woken(() => user.put(at`/_matrix/client/v3/user/${user.userId}/account_data/x.y`, { z: 1 }))
  assert.deepEqual(data.extensions.account_data?.global, [{ type: 'x.y', content: { z: 1 } }])
  const device = await woken(() =>
    alice.put(at`/_matrix/client/v3/sendToDevice/m.x/1`, { messages: { [user.userId]: { '*': {} } } }),
  )
  assert.equal(device.extensions.to_device?.events.length, 1)
  const since = device.extensions.to_device?.next_batch
  request.extensions = { ...request.extensions, to_device: { enabled: true, since } }
  const invited = await woken(() => createRoom(alice, { invite: [user.userId] }))
  assert.deepEqual(
    Object.values(invited.rooms).map(({ membership }) => membership),
    ['invite'],
  )
  const kicked = await woken(() => act(alice, room, 'kick', { user_id: user.userId }))
  assert.equal(kicked.rooms[room]?.membership, 'leave')
})

test('what does not concern the lists does not answer, and nothing of it is lost', async () => {
  const user = await newUser()
  const [a, b] = [await createRoom(user), await createRoom(user)]
  const invites = { lists: { all: elementList(9, { filters: { is_invite: true } }) } }
  const both = await sliding(user, { conn_id: 'c', lists: { all: elementList(9) } })
  const first = await sliding(user, { conn_id: 'c', ...invites }, both.pos)
  const waiting = sliding(user, { conn_id: 'c', ...invites }, first.pos, { timeout: wait })
  await send(user, a, 'one')
  await send(user, b, 'two')
  const invitation = await createRoom(alice, { invite: [user.userId] })
  const answer = await waiting
  assert.deepEqual(Object.keys(answer.rooms), [invitation])
  const all = await sliding(user, { conn_id: 'c', lists: { all: elementList(9) } }, answer.pos)
  assert.deepEqual(bodiesOf(all.rooms[a]?.timeline), ['one'])
  assert.deepEqual(bodiesOf(all.rooms[b]?.timeline), ['two'])
  assert.equal(all.rooms[a]?.initial, undefined)
})

test('time runs out with an empty answer, and no time does not wait', async () => {
  const user = await newUser()
  await createRoom(user)
  const lists = { all: elementList(9) }
  const first = await sliding(user, { lists }, undefined, { timeout: wait })
  for (const query of [{}, { timeout: 0 }, { timeout: 20 }]) {
    const idle = await sliding(user, { lists }, first.pos, query)
    assert.deepEqual(idle.rooms, {})
    assert.deepEqual(idle.lists, { all: { count: 1 } })
  }
})

test('a request that the client gives up changes nothing', async () => {
  const user = await newUser()
  const rooms = [await createRoom(user), await createRoom(user)]
  const first = await sliding(user, { lists: { all: elementList(0) } })
  const controller = new AbortController()
  const url = `${server.url}/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?pos=${encodeURIComponent(first.pos)}&timeout=${wait}`
  const given = fetch(url, {
    method: 'POST',
    body: JSON.stringify({ lists: { all: elementList(0) } }),
    headers: { authorization: `Bearer ${user.accessToken}` },
    signal: controller.signal,
  }).catch((error: unknown) => error)
  while (server.context.sync.waiters.size === 0) await new Promise((resolve) => setImmediate(resolve))
  controller.abort()
  await given
  while (server.context.sync.waiters.size > 0) await new Promise((resolve) => setImmediate(resolve))
  const wider = await sliding(user, { lists: { all: elementList(9) } }, first.pos)
  assert.deepEqual(Object.keys(wider.rooms), [rooms[0]])
})

test('a session that ends while it waits is told so', async () => {
  const user = await newUser()
  const first = await sliding(user, request)
  const waiting = user.request(
    'POST',
    `/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?pos=${encodeURIComponent(first.pos)}&timeout=${wait}`,
    { body: request, expect: 401 },
  )
  while (server.context.sync.waiters.size === 0) await new Promise((resolve) => setImmediate(resolve))
  await user.post('/_matrix/client/v3/logout')
  assert.equal((await waiting).body.errcode, 'M_UNKNOWN_TOKEN')
})

test('who joins while others wait is told on', async () => {
  const user = await newUser()
  const room = await publicRoom(alice, [])
  const first = await sliding(user, { lists: { all: elementList(9) } })
  const waiting = sliding(user, { lists: { all: elementList(9) } }, first.pos, { timeout: wait })
  await join(user, room)
  const joined = await waiting
  assert.equal(joined.rooms[room]?.initial, true)
})
