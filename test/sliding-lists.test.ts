import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { at } from './helpers/client.ts'
import { act, createRoom, join, publicRoom, send, setState } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import { elementList, elementSubscription, type SlidingBody, sliding, stateNames } from './helpers/sliding.ts'
import { bodiesOf } from './helpers/sync.ts'

let server: TestServer
let bob: TestUser
before(async () => {
  server = await createTestServer()
  bob = await server.user('bob')
})
after(() => server.stop())

/** Somebody with this many rooms, the newest first. */
async function userWithRooms(name: string, count: number): Promise<{ user: TestUser; rooms: string[] }> {
  const user = await server.user(name)
  const rooms: string[] = []
  for (let i = 0; i < count; i++) rooms.unshift(await createRoom(user, { name: `${name} ${i}`, preset: 'public_chat' }))
  return { user, rooms }
}

const roomsOf = (answer: SlidingBody) => Object.keys(answer.rooms).sort()

test('a growing window brings each room once, the latest first', async () => {
  const { user, rooms } = await userWithRooms('grower', 12)
  const first = await sliding(user, { lists: { all: elementList(4) } })
  assert.deepEqual(first.lists, { all: { count: 12 } })
  assert.deepEqual(roomsOf(first), rooms.slice(0, 5).sort())
  assert.ok(Object.values(first.rooms).every((room) => room.initial && room.timeline.length === 1 && room.limited))
  const second = await sliding(user, { lists: { all: elementList(8) } }, first.pos)
  assert.deepEqual(roomsOf(second), rooms.slice(5, 9).sort())
  const third = await sliding(user, { lists: { all: elementList(19) } }, second.pos)
  assert.deepEqual(roomsOf(third), rooms.slice(9).sort())
  const idle = await sliding(user, { lists: { all: elementList(19) } }, third.pos)
  assert.deepEqual(idle.rooms, {})
  assert.deepEqual(idle.lists, { all: { count: 12 } })
  const shrunk = await sliding(user, { lists: { all: elementList(4) } }, idle.pos)
  assert.deepEqual(shrunk.rooms, {})
})

test('whatever happens in a room moves it to the top, and only people move its bump stamp', async () => {
  const { user, rooms } = await userWithRooms('mover', 4)
  const [newest = '', , , oldest = ''] = rooms
  const first = await sliding(user, { lists: { all: elementList(0) } })
  assert.deepEqual(roomsOf(first), [newest])
  await setState(user, oldest, 'm.room.topic', { topic: 'moved' })
  const second = await sliding(user, { lists: { all: elementList(0) } }, first.pos)
  assert.deepEqual(roomsOf(second), [oldest])
  const stamp = second.rooms[oldest]?.bump_stamp ?? 0
  assert.ok(stamp < (first.rooms[newest]?.bump_stamp ?? 0), 'a topic is no activity')
  await send(user, oldest, 'here')
  const third = await sliding(user, { lists: { all: elementList(0) } }, second.pos)
  assert.ok((third.rooms[oldest]?.bump_stamp ?? 0) > (first.rooms[newest]?.bump_stamp ?? 0))
})

test('a room that has left the window comes back with what was missed, and not as a new one', async () => {
  const { user, rooms } = await userWithRooms('looker', 3)
  const [a = '', b = ''] = rooms
  const list = { ranges: [[0, 0]], timeline_limit: 20, required_state: [['m.room.topic', '']] }
  const first = await sliding(user, { lists: { all: list } })
  assert.deepEqual(roomsOf(first), [a])
  await send(user, a, 'missed 1')
  await setState(user, a, 'm.room.topic', { topic: 'missed' })
  await send(user, b, 'newer')
  const second = await sliding(user, { lists: { all: list } }, first.pos)
  assert.deepEqual(roomsOf(second), [b])
  const third = await sliding(user, { lists: { all: { ...list, ranges: [[0, 2]] } } }, second.pos)
  const back = third.rooms[a]
  assert.equal(back?.initial, undefined)
  assert.deepEqual(
    back?.timeline.map(({ type }) => type),
    ['m.room.message', 'm.room.topic'],
  )
  assert.deepEqual(stateNames(back?.required_state), ['m.room.topic'])
  assert.equal(back?.limited, false)
  assert.equal(third.rooms[b], undefined)
})

test('several ranges and lists overlap without sending a room twice', async () => {
  const { user, rooms } = await userWithRooms('overlap', 6)
  const lists = {
    some: {
      ...elementList(0),
      ranges: [
        [0, 1],
        [3, 3],
        [1, 2],
      ],
    },
    more: { ...elementList(0), ranges: [[3, 4]], timeline_limit: 3, required_state: [['m.room.member', '*']] },
  }
  const answer = await sliding(user, { lists })
  assert.deepEqual(roomsOf(answer), rooms.slice(0, 5).sort())
  const both = answer.rooms[rooms[3] ?? '']
  assert.equal(both?.timeline.length, 3, 'the larger limit')
  assert.ok(stateNames(both?.required_state).includes('m.room.create'), 'the state of both')
  assert.equal(answer.rooms[rooms[4] ?? '']?.required_state.length, 1)
})

test('a subscription shows more of a room at once, and holds until it is ended', async () => {
  const { user, rooms } = await userWithRooms('reader', 3)
  const room = rooms.at(-1) ?? ''
  await setState(user, room, 'm.room.pinned_events', { pinned: [] })
  for (const body of ['one', 'two', 'three']) await send(user, room, body)
  const first = await sliding(user, { lists: { all: elementList(9) } })
  assert.equal(first.rooms[room]?.timeline.length, 1)
  const opened = await sliding(
    user,
    { lists: { all: elementList(9) }, room_subscriptions: { [room]: elementSubscription } },
    first.pos,
    { timeout: 10_000 },
  )
  assert.deepEqual(roomsOf(opened), [room])
  const shown = opened.rooms[room]
  assert.equal(shown?.initial, undefined)
  assert.ok((shown?.timeline.length ?? 0) > 3)
  assert.deepEqual(bodiesOf(shown?.timeline.slice(-3)), ['one', 'two', 'three'])
  assert.equal(shown?.unstable_expanded_timeline, true)
  assert.equal(shown?.num_live, 0)
  assert.deepEqual(stateNames(shown?.required_state), ['m.room.pinned_events'])

  // Clients send a subscription once.
  await setState(user, room, 'm.room.pinned_events', { pinned: ['$x'] })
  const pinned = await sliding(user, { lists: {} }, opened.pos)
  assert.deepEqual(stateNames(pinned.rooms[room]?.required_state), ['m.room.pinned_events'])
  const ended = await sliding(user, { lists: {}, unsubscribe_rooms: [room] }, pinned.pos)
  await send(user, room, 'unseen')
  const after = await sliding(user, { lists: {} }, ended.pos)
  assert.deepEqual(after.rooms, {})
  const listed = await sliding(user, { lists: { all: elementList(9) } }, after.pos)
  assert.deepEqual(bodiesOf(listed.rooms[room]?.timeline), ['unseen'])
})

test('subscriptions reach rooms outside of every window, but no rooms of others', async () => {
  const { user, rooms } = await userWithRooms('subscriber', 3)
  const strange = await createRoom(bob, { name: 'private' })
  const known = rooms[2] ?? ''
  const subscriptions = Object.fromEntries(
    [known, strange, '!none:localhost', 'x'].map((id) => [id, elementSubscription]),
  )
  const answer = await sliding(user, { lists: { all: elementList(0) }, room_subscriptions: subscriptions })
  assert.deepEqual(roomsOf(answer), [rooms[0] ?? '', known].sort())
})

test('more events than the limit leave a gap that /messages closes', async () => {
  const { user, rooms } = await userWithRooms('gapped', 1)
  const room = rooms[0] ?? ''
  const list = { all: { ...elementList(0), timeline_limit: 2 } }
  const first = await sliding(user, { lists: list })
  const sent: string[] = []
  for (let i = 0; i < 5; i++) sent.push(await send(user, room, `${i}`))
  const answer = await sliding(user, { lists: list }, first.pos)
  const shown = answer.rooms[room]
  assert.equal(shown?.limited, true)
  assert.equal(shown?.num_live, 2)
  const path = at`/_matrix/client/v3/rooms/${room}/messages`
  const query = { dir: 'b', from: shown?.prev_batch, to: first.pos, limit: 50 }
  const { chunk } = await user.get<{ chunk: { event_id: string }[] }>(path, query)
  const ids = [...chunk.reverse(), ...(shown?.timeline ?? [])].map(({ event_id: id }) => id)
  assert.deepEqual(ids, sent)
})

test('lists are filtered by what the user and the rooms say of them', async () => {
  const user = await server.user('filterer')
  const plain = await createRoom(user, { name: 'Garden party' })
  const encryption = { type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } }
  const secret = await createRoom(user, { name: 'Secret', initial_state: [encryption] })
  const space = await createRoom(user, { name: 'Space', creation_content: { type: 'm.space' } })
  const direct = await createRoom(user, { is_direct: true })
  const invited = await createRoom(bob, { name: 'Come in', invite: [user.userId] })
  await setState(user, space, 'm.space.child', { via: ['localhost'] }, plain)
  await setState(user, space, 'm.space.child', {}, secret)
  const data = at`/_matrix/client/v3/user/${user.userId}/`
  await user.put(`${data}account_data/m.direct`, { [bob.userId]: [direct], odd: 'x' })
  await user.put(`${data}${at`rooms/${plain}/tags/`}m.favourite`, {})
  await user.put(`${data}${at`rooms/${secret}/tags/`}m.favourite`, {})
  await user.put(`${data}${at`rooms/${secret}/tags/`}m.lowpriority`, {})
  const cases: [object, string[]][] = [
    [{}, [plain, secret, space, direct, invited]],
    [{ is_dm: true }, [direct]],
    [{ is_dm: false, is_invite: false }, [plain, secret, space]],
    [{ is_encrypted: true }, [secret]],
    [{ is_encrypted: false }, [plain, space, direct, invited]],
    [{ is_invite: true }, [invited]],
    [{ room_types: ['m.space'] }, [space]],
    [{ room_types: [null], is_invite: null }, [plain, secret, direct, invited]],
    [{ room_types: ['m.space', null], not_room_types: ['m.space'] }, [plain, secret, direct, invited]],
    [{ tags: ['m.favourite', 'u.x'] }, [plain, secret]],
    [{ tags: ['m.favourite'], not_tags: ['m.lowpriority'] }, [plain]],
    [{ not_tags: ['m.favourite'] }, [space, direct, invited]],
    [{ spaces: [space, '!unknown:localhost'] }, [plain]],
    [{ spaces: [plain] }, []],
    [{ room_name_like: 'PART' }, [plain]],
  ]
  const lists = Object.fromEntries(cases.map(([filters], i) => [`l${i}`, elementList(9, { filters })]))
  const all = await sliding(user, { lists })
  for (const [i, [filters, expected]] of cases.entries()) {
    const { lists, rooms } = await sliding(user, { conn_id: `${i}`, lists: { one: elementList(9, { filters }) } })
    assert.deepEqual(Object.keys(rooms).sort(), [...expected].sort(), JSON.stringify(filters))
    assert.equal(lists.one?.count, expected.length)
    assert.equal(all.lists[`l${i}`]?.count, expected.length)
  }
})

test('what filters look at may change while the client looks', async () => {
  const user = await server.user('changer')
  const room = await createRoom(user, { name: 'First' })
  const other = await createRoom(user, { name: 'Other' })
  const lists = {
    secret: elementList(9, { filters: { is_encrypted: true } }),
    fast: elementList(9, { filters: { tags: ['m.favourite'] } }),
    direct: elementList(9, { filters: { is_dm: true } }),
  }
  const first = await sliding(user, { lists })
  assert.deepEqual(first.rooms, {})
  await setState(user, room, 'm.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' })
  const second = await sliding(user, { lists }, first.pos)
  assert.deepEqual(roomsOf(second), [room])
  const data = at`/_matrix/client/v3/user/${user.userId}/`
  await user.put(`${data}${at`rooms/${other}/tags/`}m.favourite`, {})
  const third = await sliding(user, { lists }, second.pos)
  assert.deepEqual(roomsOf(third), [other])
  assert.deepEqual(
    Object.entries(third.lists).map(([name, { count }]) => [name, count]),
    [
      ['secret', 1],
      ['fast', 1],
      ['direct', 0],
    ],
  )
  await user.put(`${data}account_data/m.direct`, { [bob.userId]: [room] })
  const fourth = await sliding(user, { lists }, third.pos)
  assert.deepEqual(roomsOf(fourth), [room])
  assert.equal(fourth.rooms[room]?.is_dm, true)
  assert.equal(fourth.lists.direct?.count, 1)
  await user.put(`${data}account_data/m.direct`, {})
  const fifth = await sliding(user, { lists }, fourth.pos)
  assert.equal(fifth.rooms[room]?.is_dm, false)
})

test('rooms that others joined and left come and go by name', async () => {
  const { user, rooms } = await userWithRooms('follower', 1)
  const first = await sliding(user, { lists: { all: elementList(9) } })
  const shared = await publicRoom(bob, [], { name: 'Shared' })
  await join(user, shared)
  const second = await sliding(user, { lists: { all: elementList(9) } }, first.pos)
  assert.deepEqual(roomsOf(second), [shared])
  assert.equal(second.rooms[shared]?.initial, true)
  assert.equal(second.rooms[shared]?.num_live, 1)
  assert.equal(second.lists.all?.count, 2)
  await act(user, shared, 'leave')
  const third = await sliding(user, { lists: { all: elementList(9) } }, second.pos)
  assert.equal(third.rooms[shared]?.membership, 'leave')
  const again = await sliding(user, { conn_id: 'new', lists: { all: elementList(9) } })
  assert.deepEqual(roomsOf(again), rooms)
})
