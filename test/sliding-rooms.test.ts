import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { at } from './helpers/client.ts'
import { act, createRoom, join, publicRoom, send, setState } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import { elementList, type SlidingRoom, sliding, stateNames } from './helpers/sliding.ts'
import { bodiesOf, type SyncEvent } from './helpers/sync.ts'

let server: TestServer
let alice: TestUser
let count = 0
before(async () => {
  server = await createTestServer()
  alice = await server.user('alice')
})
after(() => server.stop())

const newUser = () => server.user(`user${++count}`)
const list = (more: object = {}) => ({ lists: { all: elementList(99, { timeline_limit: 10, ...more }) } })
const typesOf = (events: readonly SyncEvent[] | undefined) => (events ?? []).map(({ type }) => type)
const membersOf = (room: SlidingRoom | undefined) =>
  (room?.required_state ?? [])
    .filter(({ type }) => type === 'm.room.member')
    .map(({ state_key: key }) => key)
    .sort()

test('name, avatar, heroes and counts come at first and when they change', async () => {
  const user = await newUser()
  const other = await newUser()
  const room = await createRoom(user, { invite: [other.userId] })
  const first = await sliding(user, list())
  const shown = first.rooms[room]
  assert.equal(shown?.name, undefined)
  assert.deepEqual(shown?.heroes, [{ user_id: other.userId, displayname: other.userId.slice(1).split(':')[0] }])
  assert.equal(shown?.joined_count, 1)
  assert.equal(shown?.invited_count, 1)
  await send(user, room, 'nothing of that')
  const message = (await sliding(user, list(), first.pos)).rooms[room]
  assert.deepEqual([message?.heroes, message?.joined_count, message?.name, message?.avatar], Array(4).fill(undefined))
  await join(other, room)
  await setState(user, room, 'm.room.avatar', { url: 'mxc://localhost/a' })
  const joined = await sliding(user, list(), first.pos)
  assert.equal(joined.rooms[room]?.joined_count, 2)
  assert.equal(joined.rooms[room]?.invited_count, 0)
  assert.equal(joined.rooms[room]?.avatar, 'mxc://localhost/a')
  assert.equal(joined.rooms[room]?.heroes?.length, 1)
  await setState(user, room, 'm.room.name', { name: 'Named' })
  const named = await sliding(user, list(), joined.pos)
  assert.equal(named.rooms[room]?.name, 'Named')
  assert.equal(named.rooms[room]?.heroes, undefined)
  await setState(user, room, 'm.room.name', {})
  await setState(user, room, 'm.room.avatar', {})
  const plain = await sliding(user, list(), named.pos)
  assert.equal(plain.rooms[room]?.name, undefined)
  assert.equal(plain.rooms[room]?.avatar, null)
  assert.equal(plain.rooms[room]?.heroes?.length, 1)
})

test('members come with what they say, each once, and all changes where nothing is missed', async () => {
  const user = await newUser()
  const [a, b, c] = [await newUser(), await newUser(), await newUser()]
  const room = await publicRoom(user, [a, b, c], { name: 'Members' })
  await send(a, room, 'first')
  const first = await sliding(user, list({ timeline_limit: 1 }))
  assert.deepEqual(membersOf(first.rooms[room]), [user.userId, a.userId].sort())
  await send(a, room, 'again')
  const again = await sliding(user, list({ timeline_limit: 1 }), first.pos)
  assert.deepEqual(membersOf(again.rooms[room]), [], 'the device has her')
  await send(b, room, 'new here')
  const second = await sliding(user, list({ timeline_limit: 1 }), again.pos)
  assert.deepEqual(membersOf(second.rooms[room]), [b.userId])
  const lost = await sliding(user, list({ timeline_limit: 1 }), again.pos)
  assert.deepEqual(membersOf(lost.rooms[room]), [b.userId], 'the answer may have been lost')
  await act(c, room, 'leave')
  const left = await sliding(user, list({ timeline_limit: 1 }), lost.pos)
  assert.deepEqual(membersOf(left.rooms[room]), [c.userId])
  await c.put(at`/_matrix/client/v3/profile/${c.userId}/displayname`, { displayname: 'Unseen' })
  await join(c, room)
  for (const body of ['x', 'y', 'z']) await send(b, room, body)
  const gap = await sliding(user, list({ timeline_limit: 1 }), left.pos)
  assert.equal(gap.rooms[room]?.limited, true)
  assert.deepEqual(membersOf(gap.rooms[room]), [], 'members of a gap are asked for otherwise')
  await act(user, room, 'kick', { user_id: a.userId })
  const kicked = await sliding(user, list({ timeline_limit: 1 }), gap.pos)
  assert.deepEqual(membersOf(kicked.rooms[room]), [a.userId], 'whom the timeline speaks of')
})

test('state is sent as far as it is asked for, and again when more is', async () => {
  const user = await newUser()
  const room = await createRoom(user, { name: 'State', topic: 'Topic' })
  for (const key of ['a', 'b']) await setState(user, room, 'net.example.x', { key }, key)
  const lists = (required_state: string[][]) => ({
    lists: { all: elementList(9, { required_state, timeline_limit: 0 }) },
  })
  const cases: [string[][], string[]][] = [
    [[], []],
    [[['m.room.name', '']], ['m.room.name']],
    [[['net.example.x', '*']], ['net.example.x a', 'net.example.x b']],
    [[['*', 'a']], ['net.example.x a']],
    [[['m.room.member', '$ME']], [`m.room.member ${user.userId}`]],
    [[['*', '$ME']], [`m.room.member ${user.userId}`]],
    [[['m.room.nothing', '']], []],
  ]
  for (const [asked, expected] of cases) {
    const answer = await sliding(user, lists(asked))
    assert.deepEqual(stateNames(answer.rooms[room]?.required_state), expected, JSON.stringify(asked))
  }
  const all = await sliding(user, lists([['*', '*']]))
  assert.ok(stateNames(all.rooms[room]?.required_state).length > 8)
  const lazy = await sliding(
    user,
    lists([
      ['*', '*'],
      ['m.room.member', '$LAZY'],
    ]),
  )
  assert.deepEqual(membersOf(lazy.rooms[room]), [])

  const first = await sliding(user, lists([['m.room.name', '']]))
  const more = await sliding(
    user,
    lists([
      ['m.room.name', ''],
      ['m.room.topic', ''],
    ]),
    first.pos,
    { timeout: 10_000 },
  )
  assert.deepEqual(stateNames(more.rooms[room]?.required_state), ['m.room.topic'])
  assert.deepEqual(more.rooms[room]?.timeline, [])
  const less = await sliding(user, lists([['m.room.name', '']]), more.pos)
  assert.deepEqual(less.rooms, {})
  await setState(user, room, 'm.room.topic', { topic: 'unseen' })
  const unseen = await sliding(user, lists([['m.room.name', '']]), less.pos)
  assert.deepEqual(stateNames(unseen.rooms[room]?.required_state), [])
  const seen = await sliding(user, lists([['m.room.topic', '']]), unseen.pos)
  assert.deepEqual(
    seen.rooms[room]?.required_state.map(({ content }) => content.topic),
    ['unseen'],
  )
})

test('an invitation shows what an invited user may know, and joining shows the room', async () => {
  const user = await newUser()
  const first = await sliding(user, list())
  const room = await createRoom(alice, { name: 'Party', topic: 'Cake', initial_state: [] })
  await setState(alice, room, 'net.example.secret', { x: 1 })
  await act(alice, room, 'invite', { user_id: user.userId })
  const invited = await sliding(user, list({ required_state: [['*', '*']] }), first.pos, { timeout: 10_000 })
  const shown = invited.rooms[room]
  assert.equal(shown?.membership, 'invite')
  assert.equal(shown?.initial, true)
  assert.deepEqual([shown?.timeline, shown?.required_state, shown?.joined_count], [[], [], undefined])
  const names = stateNames(shown?.invite_state)
  for (const type of ['m.room.name', 'm.room.create', `m.room.member ${user.userId}`])
    assert.ok(names.includes(type), type)
  assert.ok(!names.includes('net.example.secret'))
  assert.ok(shown?.invite_state?.every((event) => event.event_id === undefined))
  await setState(alice, room, 'm.room.name', { name: 'Other' })
  const quiet = await sliding(user, list(), invited.pos)
  assert.deepEqual(quiet.rooms, {}, 'what happens in there is not theirs to know')
  await join(user, room)
  const joined = await sliding(user, list(), quiet.pos)
  assert.equal(joined.rooms[room]?.initial, true)
  assert.equal(joined.rooms[room]?.name, 'Other')
  assert.equal(joined.rooms[room]?.invite_state, undefined)
  assert.ok(typesOf(joined.rooms[room]?.required_state).includes('m.room.create'))
})

test('an invitation that was turned down or taken back is gone', async () => {
  const user = await newUser()
  const rooms: string[] = []
  for (const name of ['refused', 'withdrawn']) rooms.push(await createRoom(alice, { name, invite: [user.userId] }))
  const [refused = '', withdrawn = ''] = rooms
  const first = await sliding(user, list())
  assert.equal(Object.keys(first.rooms).length, 2)
  await act(user, refused, 'leave')
  await act(alice, withdrawn, 'kick', { user_id: user.userId })
  await setState(alice, refused, 'm.room.name', { name: 'secret' })
  const second = await sliding(user, list(), first.pos)
  for (const room of rooms) {
    const shown = second.rooms[room]
    assert.equal(shown?.membership, 'leave')
    assert.equal(shown?.invite_state, undefined, 'clients would take that for an invitation')
    assert.deepEqual(stateNames(shown?.required_state), [`m.room.member ${user.userId}`])
    assert.deepEqual(typesOf(shown?.timeline), ['m.room.member'])
    assert.equal(shown?.name, undefined)
  }
  const anew = await sliding(user, list())
  assert.deepEqual(anew.rooms, {})
})

test('invitations by ignored users do not show', async () => {
  const user = await newUser()
  const pest = await newUser()
  await user.put(at`/_matrix/client/v3/user/${user.userId}/account_data/m.ignored_user_list`, {
    ignored_users: { [pest.userId]: {} },
  })
  const spam = await createRoom(pest, { invite: [user.userId] })
  const shared = await publicRoom(alice, [user, pest])
  await send(pest, shared, 'spam')
  await send(alice, shared, 'ham')
  const answer = await sliding(user, {
    ...list(),
    room_subscriptions: { [spam]: { timeline_limit: 1, required_state: [] } },
  })
  assert.deepEqual(Object.keys(answer.rooms), [shared])
  assert.deepEqual(bodiesOf(answer.rooms[shared]?.timeline).filter(Boolean), ['ham'])
  assert.equal(answer.lists.all?.count, 1)
})

test('a knock stands in the list until it is answered', async () => {
  const user = await newUser()
  const room = await createRoom(alice, {
    name: 'Door',
    initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }],
  })
  const first = await sliding(user, list())
  await user.post(at`/_matrix/client/v3/knock/${room}`, {})
  const knocked = await sliding(user, list(), first.pos)
  assert.equal(knocked.rooms[room]?.membership, 'knock')
  const own = knocked.rooms[room]?.invite_state?.find(({ state_key: key }) => key === user.userId)
  assert.equal(own?.content.membership, 'knock')
  await act(alice, room, 'invite', { user_id: user.userId })
  const invited = await sliding(user, list(), knocked.pos)
  assert.equal(invited.rooms[room]?.membership, 'invite')
})

test('who leaves or is put out sees what there was until then, and nothing after it', async () => {
  for (const action of ['leave', 'kick', 'ban']) {
    const user = await newUser()
    const room = await publicRoom(alice, [user], { name: 'Way out' })
    const first = await sliding(user, list())
    await send(alice, room, 'last words')
    await setState(alice, room, 'm.room.topic', { topic: 'before' })
    if (action === 'leave') await act(user, room, 'leave')
    else await act(alice, room, action, { user_id: user.userId })
    await send(alice, room, 'afterwards')
    await setState(alice, room, 'm.room.topic', { topic: 'after' })
    const out = await sliding(user, list(), first.pos)
    const shown = out.rooms[room]
    assert.equal(shown?.membership, action === 'ban' ? 'ban' : 'leave')
    assert.deepEqual(typesOf(shown?.timeline), ['m.room.message', 'm.room.topic', 'm.room.member'])
    assert.deepEqual(bodiesOf(shown?.timeline.slice(0, 1)), ['last words'])
    assert.deepEqual(stateNames(shown?.required_state), [`m.room.member ${user.userId}`, 'm.room.topic'])
    assert.equal(shown?.joined_count, undefined)
    const later = await sliding(user, list(), out.pos)
    assert.deepEqual(later.rooms, {}, action)
    // A new connection hears of those who were put out, who may not know it.
    const anew = await sliding(user, { conn_id: 'anew', ...list() })
    if (action === 'leave') assert.deepEqual(anew.rooms, {})
    else {
      assert.equal(anew.rooms[room]?.initial, true)
      assert.ok(!bodiesOf(anew.rooms[room]?.timeline).includes('afterwards'))
      const topic = anew.rooms[room]?.required_state.find(({ type }) => type === 'm.room.topic')
      assert.equal(topic?.content.topic, 'before')
    }
    await user.post(at`/_matrix/client/v3/rooms/${room}/forget`, {})
    const forgotten = await sliding(user, { conn_id: 'forgotten', ...list() })
    assert.deepEqual([forgotten.rooms, forgotten.lists.all?.count], [{}, 0])
  }
})

test('who comes back gets the room anew', async () => {
  const user = await newUser()
  const room = await publicRoom(alice, [user], { name: 'Again' })
  const first = await sliding(user, list())
  await act(user, room, 'leave')
  const left = await sliding(user, list(), first.pos)
  await setState(alice, room, 'm.room.topic', { topic: 'meanwhile' })
  await join(user, room)
  const back = await sliding(user, list(), left.pos)
  assert.equal(back.rooms[room]?.initial, true)
  assert.ok(typesOf(back.rooms[room]?.required_state).includes('m.room.topic'))
  assert.ok(typesOf(back.rooms[room]?.required_state).includes('m.room.create'))
})

test('history that the user may not see stays hidden', async () => {
  const user = await newUser()
  const room = await createRoom(alice, {
    preset: 'public_chat',
    initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'joined' } }],
  })
  await send(alice, room, 'before')
  await join(user, room)
  await send(alice, room, 'since')
  const answer = await sliding(user, list({ timeline_limit: 50 }))
  const bodies = bodiesOf(answer.rooms[room]?.timeline)
  assert.ok(bodies.includes('since') && !bodies.includes('before'))
})

test('unread messages are counted, and reading them elsewhere is told', async () => {
  const user = await newUser()
  const room = await publicRoom(alice, [user])
  const first = await sliding(user, list())
  assert.equal(first.rooms[room]?.notification_count, 0)
  await send(alice, room, { msgtype: 'm.text', body: 'you', 'm.mentions': { user_ids: [user.userId] } })
  const event = await send(alice, room, 'and more')
  const second = await sliding(user, list(), first.pos)
  assert.equal(second.rooms[room]?.notification_count, 2)
  assert.equal(second.rooms[room]?.highlight_count, 1)
  await user.post(at`/_matrix/client/v3/rooms/${room}/receipt/m.read/${event}`, {})
  const read = await sliding(user, list(), second.pos)
  assert.equal(read.rooms[room]?.notification_count, 0)
  assert.deepEqual(read.rooms[room]?.timeline, [])
  await alice.post(at`/_matrix/client/v3/rooms/${room}/receipt/m.read/${event}`, {})
  assert.deepEqual((await sliding(user, list(), read.pos)).rooms, {}, 'what others read changes no count')
})

test('an upgraded room shows its tombstone, and the new one comes when it is joined', async () => {
  const user = await newUser()
  const room = await publicRoom(alice, [user], { name: 'Old', room_version: '11' })
  const first = await sliding(user, list())
  const { replacement_room: next } = await alice.post<{ replacement_room: string }>(
    at`/_matrix/client/v3/rooms/${room}/upgrade`,
    { new_version: '12' },
  )
  const upgraded = await sliding(user, list(), first.pos)
  const tombstone = upgraded.rooms[room]?.required_state.find(({ type }) => type === 'm.room.tombstone')
  assert.equal(tombstone?.content.replacement_room, next)
  await join(user, next)
  const joined = await sliding(user, list(), upgraded.pos)
  const create = joined.rooms[next]?.required_state.find(({ type }) => type === 'm.room.create')
  assert.equal(Object(create?.content.predecessor).room_id, room)
})

test('transaction ids come to the device that sent, and redacted events come redacted', async () => {
  const user = await newUser()
  const room = await createRoom(user)
  const first = await sliding(user, list())
  const path = at`/_matrix/client/v3/rooms/${room}/send/m.room.message/mine`
  const { event_id: id } = await user.put<{ event_id: string }>(path, { msgtype: 'm.text', body: 'oops' })
  const own = await sliding(user, list(), first.pos)
  assert.equal(own.rooms[room]?.timeline[0]?.unsigned.transaction_id, 'mine')
  await user.put(at`/_matrix/client/v3/rooms/${room}/redact/${id}/r`, {})
  const redacted = await sliding(user, list(), first.pos)
  assert.deepEqual(redacted.rooms[room]?.timeline[0]?.content, {})
  assert.deepEqual(typesOf(redacted.rooms[room]?.timeline), ['m.room.message', 'm.room.redaction'])
})

test('an invitation that one does not want to hear of is not heard of when it is taken back, also where one was before', async () => {
  const bob = await newUser()
  const roomId = await publicRoom(alice, [bob])
  const quiet = { ignored_users: [alice.userId] }
  await bob.put(
    at`/_matrix/client/v3/user/${bob.userId}/account_data/org.matrix.msc4155.invite_permission_config`,
    quiet,
  )
  await act(alice, roomId, 'kick', { user_id: bob.userId })
  const all = { lists: { all: { ranges: [[0, 9]], timeline_limit: 5, required_state: [] } } }
  const first = await sliding(bob, all)
  assert.deepEqual(Object.keys(first.rooms), [roomId])
  await act(alice, roomId, 'invite', { user_id: bob.userId })
  const second = await sliding(bob, all, first.pos)
  assert.deepEqual(second.rooms, {})
  await act(alice, roomId, 'kick', { user_id: bob.userId })
  const third = await sliding(bob, all, second.pos)
  assert.deepEqual(third.rooms, {})
  assert.deepEqual((await sliding(bob, { ...all, conn_id: 'other' })).rooms, {})
  await bob.put(at`/_matrix/client/v3/user/${bob.userId}/account_data/org.matrix.msc4155.invite_permission_config`, {})
  await act(alice, roomId, 'invite', { user_id: bob.userId })
  assert.deepEqual(Object.keys((await sliding(bob, all, third.pos)).rooms), [roomId])
})
