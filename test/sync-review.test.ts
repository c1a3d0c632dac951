/** What sync must not lose, repeat or reveal, each tried by a real request. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { at } from './helpers/client.ts'
import { act, createRoom, getEvent, join, publicRoom, send, setState, statePath } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import { bodiesOf, type SyncEvent, sync, typesOf } from './helpers/sync.ts'

let server: TestServer
let alice: TestUser
let bob: TestUser
let carol: TestUser

before(async () => {
  server = await createTestServer()
  alice = await server.user('alice')
  bob = await server.user('bob')
  carol = await server.user('carol')
})
after(() => server.stop())

const membersIn = (events: readonly SyncEvent[] | undefined) =>
  (events ?? []).filter(({ type }) => type === 'm.room.member').map(({ state_key }) => state_key)

describe('lazily loaded members', () => {
  const state = { lazy_load_members: true }
  const only = (roomId: string, timeline: object = {}) => ({ room: { rooms: [roomId], state, timeline } })

  it('come again when the answer that held them was lost', async () => {
    const roomId = await publicRoom(alice, [bob, carol], { name: 'named' })
    const filter = only(roomId, { limit: 1 })
    const { next_batch: since } = await sync(bob, { filter })
    await send(alice, roomId, 'hi')
    for (let i = 0; i < 2; i++) {
      const { rooms } = await sync(bob, { since, filter })
      assert.deepEqual(membersIn(rooms?.join?.[roomId]?.state?.events), [alice.userId])
    }
    const { next_batch: later } = await sync(bob, { since, filter })
    await send(alice, roomId, 'again')
    const { rooms } = await sync(bob, { since: later, filter })
    assert.deepEqual(membersIn(rooms?.join?.[roomId]?.state?.events), [])
  })

  it('are told of when they came, went or changed in a gap', async () => {
    const roomId = await publicRoom(alice, [bob, carol], { name: 'named' })
    const filter = only(roomId, { limit: 2 })
    const { next_batch: since } = await sync(bob, { filter })
    await act(carol, roomId, 'leave')
    for (let i = 0; i < 4; i++) await send(alice, roomId, `m${i}`)
    const section = (await sync(bob, { since, filter })).rooms?.join?.[roomId]
    assert.equal(section?.timeline.limited, true)
    const left = section?.state?.events.find(({ state_key }) => state_key === carol.userId)
    assert.equal(left?.content.membership, 'leave')
  })

  it('are there for senders whose own arrival a filter hides', async () => {
    const roomId = await publicRoom(alice, [bob], { name: 'named' })
    const filter = only(roomId, { types: ['m.room.message'], limit: 5 })
    const { next_batch: since } = await sync(bob, { filter })
    await send(alice, roomId, 'before')
    await join(carol, roomId)
    await send(carol, roomId, 'hello')
    for (const body of [await sync(bob, { since, filter }), await sync(bob, { filter })]) {
      const section = body.rooms?.join?.[roomId]
      assert.deepEqual(bodiesOf(section?.timeline.events), ['before', 'hello'])
      assert.ok(membersIn(section?.state?.events).includes(carol.userId))
    }
  })

  it('hold everybody who speaks in the state after the timeline', async () => {
    const roomId = await publicRoom(alice, [bob], { name: 'named' })
    const filter = only(roomId)
    const { next_batch: since } = await sync(bob, { filter })
    await join(carol, roomId)
    await send(carol, roomId, 'hello')
    const { rooms } = await sync(bob, { since, filter, use_state_after: true })
    assert.ok(membersIn(rooms?.join?.[roomId]?.state_after?.events).includes(carol.userId))
    assert.equal(rooms?.join?.[roomId]?.state, undefined)
  })
})

describe('filters inside a room', () => {
  it('may leave out one part of some rooms', async () => {
    const roomId = await publicRoom(alice, [bob])
    await send(alice, roomId, 'hello')
    await alice.put(at`/_matrix/client/v3/rooms/${roomId}/typing/${alice.userId}`, { typing: true, timeout: 60_000 })
    await bob.put(at`/_matrix/client/v3/user/${bob.userId}/rooms/${roomId}/account_data/x.y`, { z: 1 })
    const of = async (room: object) => (await sync(bob, { filter: { room } })).rooms?.join?.[roomId]
    const elsewhere = { rooms: ['!other:localhost'] }
    const here = { not_rooms: [roomId] }
    const full = await of({})
    assert.ok(full?.timeline.events.length && full.ephemeral?.events.length && full.account_data?.events.length)
    for (const none of [elsewhere, here]) {
      assert.deepEqual((await of({ timeline: none }))?.timeline.events, [])
      assert.deepEqual((await of({ timeline: none }))?.timeline.limited, false)
      assert.deepEqual((await of({ state: none }))?.state?.events, [])
      assert.deepEqual((await of({ ephemeral: none }))?.ephemeral?.events, [])
      assert.deepEqual((await of({ account_data: none }))?.account_data?.events, [])
    }
    const state = (await of({ timeline: here }))?.state?.events
    assert.ok(typesOf(state).includes('m.room.create'))
  })
})

describe('invitations and knocks', () => {
  it('say what somebody outside may know, and who invites', async () => {
    const { next_batch: since } = await sync(bob)
    const roomId = await createRoom(alice, { name: 'party', topic: 'secret plans', invite: [bob.userId] })
    await setState(alice, roomId, 'org.example.private', { secret: true })
    for (const body of [await sync(bob, { since }), await sync(bob)]) {
      const events = body.rooms?.invite?.[roomId]?.invite_state.events ?? []
      const types = typesOf(events)
      for (const type of ['m.room.create', 'm.room.name', 'm.room.join_rules']) assert.ok(types.includes(type), type)
      assert.ok(!types.includes('org.example.private') && !types.includes('m.room.power_levels'))
      assert.deepEqual(new Set(membersIn(events)), new Set([alice.userId, bob.userId]))
      assert.ok(events.every((event) => event.room_id === undefined))
    }
    await act(bob, roomId, 'leave')
  })

  it('of a knock begin, and end in the leave section', async () => {
    const roomId = await createRoom(alice, {
      name: 'door',
      initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }],
    })
    let { next_batch: since } = await sync(bob)
    const step = async () => {
      const body = await sync(bob, { since })
      since = body.next_batch
      return body.rooms
    }
    await bob.post(at`/_matrix/client/v3/knock/${roomId}`, { reason: 'please' })
    const knocked = (await step())?.knock?.[roomId]?.knock_state.events
    assert.ok(typesOf(knocked).includes('m.room.name'))
    await act(bob, roomId, 'leave')
    assert.deepEqual(typesOf((await step())?.leave?.[roomId]?.timeline.events), ['m.room.member'])
    await bob.post(at`/_matrix/client/v3/knock/${roomId}`, { reason: 'please' })
    assert.ok((await step())?.knock?.[roomId])
    await act(alice, roomId, 'kick', { user_id: bob.userId, reason: 'no' })
    const denied = (await step())?.leave?.[roomId]
    assert.deepEqual(typesOf(denied?.timeline.events), ['m.room.member'])
    assert.deepEqual(denied?.state?.events, [])
    await bob.post(at`/_matrix/client/v3/knock/${roomId}`, { reason: 'please' })
    await act(alice, roomId, 'invite', { user_id: bob.userId })
    const invited = await step()
    assert.ok(invited?.invite?.[roomId] && !invited.knock)
    await join(bob, roomId)
    const joined = (await step())?.join?.[roomId]
    const own = joined?.timeline.events.findLast(({ state_key }) => state_key === bob.userId)
    assert.equal((own?.unsigned.prev_content as { membership?: string } | undefined)?.membership, 'invite')
    assert.equal(own?.unsigned.prev_sender, alice.userId)
  })
})

describe('who is out', () => {
  it('reads what there was until then, even if a ban follows', async () => {
    const roomId = await publicRoom(alice, [bob])
    const { next_batch: since } = await sync(bob)
    await send(alice, roomId, 'in')
    await act(bob, roomId, 'leave')
    await send(alice, roomId, 'out')
    await setState(alice, roomId, 'm.room.topic', { topic: 'later' })
    await act(alice, roomId, 'ban', { user_id: bob.userId })
    for (const options of [{}, { use_state_after: true }]) {
      const section = (await sync(bob, { since, ...options })).rooms?.leave?.[roomId]
      assert.deepEqual(bodiesOf(section?.timeline.events).filter(Boolean), ['in'])
      const state = section?.state?.events ?? section?.state_after?.events
      assert.ok(!typesOf(state).includes('m.room.topic'))
      assert.equal(section?.timeline.events.at(-1)?.content.membership, 'ban')
    }
  })

  it('hears nothing of typing, receipts and messages any more', async () => {
    const roomId = await publicRoom(alice, [bob, carol])
    await act(bob, roomId, 'leave')
    const { next_batch: since } = await sync(bob)
    const id = await send(alice, roomId, 'secret')
    await alice.put(at`/_matrix/client/v3/rooms/${roomId}/typing/${alice.userId}`, { typing: true, timeout: 60_000 })
    await carol.post(at`/_matrix/client/v3/rooms/${roomId}/receipt/m.read/${id}`)
    assert.equal((await sync(bob, { since })).rooms, undefined)
  })

  it('finds the own leave in the state after the timeline too', async () => {
    const roomId = await createRoom(alice, { invite: [bob.userId] })
    const { next_batch: since } = await sync(bob)
    await act(bob, roomId, 'leave')
    const section = (await sync(bob, { since, use_state_after: true })).rooms?.leave?.[roomId]
    assert.deepEqual(membersIn(section?.state_after?.events), [bob.userId])
    assert.deepEqual(membersIn(section?.timeline.events), [bob.userId])
  })
})

describe('positions', () => {
  it('from the future and from the beginning work', async () => {
    const roomId = await publicRoom(alice, [bob])
    const { next_batch: token } = await sync(bob)
    const future = token.replace(/\d+/, '9999999999')
    const body = await sync(bob, { since: future })
    assert.equal(body.rooms, undefined)
    await send(alice, roomId, 'next')
    const { rooms } = await sync(bob, { since: body.next_batch })
    assert.deepEqual(bodiesOf(rooms?.join?.[roomId]?.timeline.events), ['next'])
    const begin = await sync(bob, { since: 's0_0' })
    assert.ok(begin.rooms?.join?.[roomId])
  })

  it('of a gap lead back to everything in it, once', async () => {
    const roomId = await publicRoom(alice, [bob])
    const { next_batch: since } = await sync(bob)
    const sent: string[] = []
    for (let i = 0; i < 25; i++) sent.push(await send(alice, roomId, `g${i}`))
    const timeline = (await sync(bob, { since })).rooms?.join?.[roomId]?.timeline
    assert.equal(timeline?.limited, true)
    const seen = timeline?.events.map(({ event_id }) => event_id) ?? []
    let from: string | undefined = timeline?.prev_batch
    while (from !== undefined) {
      const page: { chunk: SyncEvent[]; end?: string } = await bob.get(
        at`/_matrix/client/v3/rooms/${roomId}/messages`,
        {
          dir: 'b',
          from,
          to: since,
          limit: 4,
        },
      )
      seen.unshift(...page.chunk.map(({ event_id }) => event_id).reverse())
      from = page.end
    }
    assert.deepEqual(seen, sent)
  })

  it('of a redaction of an event that nobody knows still go on', async () => {
    const roomId = await publicRoom(alice, [bob])
    const unknown = '$unknownunknownunknownunknownunknownunknowno'
    const { event_id: id } = await alice.put<{ event_id: string }>(
      at`/_matrix/client/v3/rooms/${roomId}/redact/${unknown}/u1`,
      {},
    )
    const { next_batch: since } = await sync(bob)
    await send(alice, roomId, 'after')
    const { rooms } = await sync(bob, { since })
    assert.deepEqual(bodiesOf(rooms?.join?.[roomId]?.timeline.events), ['after'])
    assert.equal((await getEvent(bob, roomId, id)).redacts, unknown)
  })
})

describe('edges of one event', () => {
  it('a device sees its transaction ids everywhere, others nowhere', async () => {
    const roomId = await publicRoom(alice, [bob])
    const second = await server.login('alice')
    const { next_batch: since } = await sync(alice)
    const url = at`/_matrix/client/v3/rooms/${roomId}/send/m.room.message/only-mine`
    const { event_id: id } = await alice.put<{ event_id: string }>(url, { msgtype: 'm.text', body: 'x' })
    const txnOf = async (user: TestUser) => {
      const { rooms } = await sync(user, { since })
      const synced = rooms?.join?.[roomId]?.timeline.events.find(({ event_id }) => event_id === id)
      const messages = await user.get<{ chunk: SyncEvent[] }>(at`/_matrix/client/v3/rooms/${roomId}/messages`, {
        dir: 'b',
        limit: 1,
      })
      const one = await getEvent(user, roomId, id)
      return [synced, messages.chunk[0], one].map((event) => event?.unsigned?.transaction_id)
    }
    assert.deepEqual(await txnOf(alice), ['only-mine', 'only-mine', 'only-mine'])
    for (const user of [second, bob]) assert.deepEqual(await txnOf(user), [undefined, undefined, undefined])
  })

  it('nothing ephemeral carries a room id, and the end of typing is an empty list', async () => {
    const roomId = await publicRoom(alice, [bob])
    let { next_batch: since } = await sync(bob)
    const typing = (value: boolean) =>
      alice.put(at`/_matrix/client/v3/rooms/${roomId}/typing/${alice.userId}`, { typing: value, timeout: 60_000 })
    for (const [value, users] of [
      [true, [alice.userId]],
      [false, []],
    ] as const) {
      await typing(value)
      const body = await sync(bob, { since })
      since = body.next_batch
      assert.deepEqual(body.rooms?.join?.[roomId]?.ephemeral?.events, [
        { type: 'm.typing', content: { user_ids: users } },
      ])
    }
  })

  it('who changes their name in a room keeps it private to that room', async () => {
    const [one, other] = [await publicRoom(alice, [bob]), await publicRoom(alice, [bob])]
    await bob.put(statePath(one, 'm.room.member', bob.userId), { membership: 'join', displayname: 'Only here' })
    const { rooms } = await sync(alice, { full_state: true })
    const nameIn = (roomId: string) =>
      [...(rooms?.join?.[roomId]?.state?.events ?? []), ...(rooms?.join?.[roomId]?.timeline.events ?? [])].findLast(
        ({ type, state_key }) => type === 'm.room.member' && state_key === bob.userId,
      )?.content.displayname
    assert.equal(nameIn(one), 'Only here')
    assert.equal(nameIn(other), 'bob')
  })
})

it('nobody types for ever because the server was restarted', async (t) => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'ringback-sync-review-'))
  t.after(() => rmSync(dataDir, { recursive: true, force: true }))
  const first = await createTestServer({ dataDir })
  const [dave, erin] = [await first.user('dave'), await first.user('erin')]
  const roomId = await publicRoom(dave, [erin])
  await dave.put(at`/_matrix/client/v3/rooms/${roomId}/typing/${dave.userId}`, { typing: true, timeout: 60_000 })
  const before = await sync(erin)
  const typing = (body: typeof before) =>
    body.rooms?.join?.[roomId]?.ephemeral?.events.find(({ type }) => type === 'm.typing')?.content.user_ids
  assert.deepEqual(typing(before), [dave.userId])
  await first.stop()
  await using second = await createTestServer({ dataDir })
  await send(await second.login('dave'), roomId, 'done')
  const reader = await second.login('erin')
  const news = await sync(reader, { since: before.next_batch })
  assert.deepEqual(typing(news), [])
  await send(await second.login('dave'), roomId, 'more')
  assert.equal(typing(await sync(reader, { since: news.next_batch })), undefined)
})
