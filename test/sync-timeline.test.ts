import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { at, type Client } from './helpers/client.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import { bodiesOf, type SyncEvent, sync, typesOf } from './helpers/sync.ts'

let server: TestServer
let alice: TestUser
let bob: TestUser
let txn = 0

async function createRoom(client: Client, options: object = {}): Promise<string> {
  const { room_id } = await client.post<{ room_id: string }>('/_matrix/client/v3/createRoom', {
    preset: 'public_chat',
    ...options,
  })
  return room_id
}

async function send(client: Client, roomId: string, body: string): Promise<string> {
  const path = at`/_matrix/client/v3/rooms/${roomId}/send/m.room.message/${`t${txn++}`}`
  return (await client.put<{ event_id: string }>(path, { msgtype: 'm.text', body })).event_id
}

const setState = (client: Client, roomId: string, type: string, content: object) =>
  client.put(at`/_matrix/client/v3/rooms/${roomId}/state/${type}/`, content)
const join = (client: Client, roomId: string) => client.post(at`/_matrix/client/v3/join/${roomId}`)
const leave = (client: Client, roomId: string) => client.post(at`/_matrix/client/v3/rooms/${roomId}/leave`)

before(async () => {
  server = await createTestServer()
  alice = await server.user('alice')
  bob = await server.user('bob')
})
after(() => server.stop())

describe('the timeline', () => {
  it('holds the newest events, and history goes on where it begins', async () => {
    const roomId = await createRoom(alice)
    for (let i = 0; i < 30; i++) await send(alice, roomId, `m${i}`)
    const { rooms } = await sync(alice, { filter: { room: { timeline: { limit: 5 } } } })
    const section = rooms?.join?.[roomId]
    assert.deepEqual(bodiesOf(section?.timeline.events), ['m25', 'm26', 'm27', 'm28', 'm29'])
    assert.equal(section?.timeline.limited, true)
    const seen: string[] = []
    for (let from: string | undefined = section?.timeline.prev_batch; from !== undefined; ) {
      const page: { chunk: SyncEvent[]; end?: string } = await alice.get(
        at`/_matrix/client/v3/rooms/${roomId}/messages`,
        { dir: 'b', from, limit: 7 },
      )
      seen.push(...page.chunk.map(({ type, content }) => String(content.body ?? type)))
      from = page.end
    }
    assert.deepEqual(
      seen.slice(0, 25),
      Array.from({ length: 25 }, (_, i) => `m${24 - i}`),
    )
    assert.equal(seen.at(-1), 'm.room.create')
  })

  it('is limited only when something that the filter lets through is missing', async () => {
    const roomId = await createRoom(alice)
    const { next_batch: since } = await sync(alice)
    await setState(alice, roomId, 'm.room.topic', { topic: 'one' })
    for (let i = 0; i < 12; i++) await send(alice, roomId, `m${i}`)
    const topics = { room: { timeline: { types: ['m.room.topic'], limit: 1 } } }
    const filtered = (await sync(alice, { since, filter: topics })).rooms?.join?.[roomId]
    assert.equal(filtered?.timeline.limited, false)
    assert.deepEqual(typesOf(filtered?.timeline.events), ['m.room.topic'])
    await setState(alice, roomId, 'm.room.topic', { topic: 'two' })
    const limited = (await sync(alice, { since, filter: topics })).rooms?.join?.[roomId]
    assert.equal(limited?.timeline.limited, true)
  })

  it('leaves nothing out of the state that a gap or a filter hides', async () => {
    const roomId = await createRoom(alice)
    const { next_batch: since } = await sync(alice)
    await setState(alice, roomId, 'm.room.name', { name: 'first' })
    await setState(alice, roomId, 'm.room.name', { name: 'second' })
    for (let i = 0; i < 5; i++) await send(alice, roomId, `m${i}`)
    const gap = (await sync(alice, { since, filter: { room: { timeline: { limit: 2 } } } })).rooms?.join?.[roomId]
    assert.deepEqual(
      gap?.state?.events.map(({ content }) => content.name),
      ['second'],
    )
    const hidden = { room: { timeline: { not_types: ['m.room.name'] } } }
    const section = (await sync(alice, { since, filter: hidden })).rooms?.join?.[roomId]
    assert.deepEqual(
      section?.state?.events.map(({ content }) => content.name),
      ['second'],
    )
    const whole = (await sync(alice, { since })).rooms?.join?.[roomId]
    assert.deepEqual(whole?.state?.events, [])
  })

  it('sends the state after the timeline to those who ask, under both names', async () => {
    const roomId = await createRoom(alice)
    const { next_batch: since } = await sync(alice)
    await setState(alice, roomId, 'm.room.name', { name: 'new' })
    await send(alice, roomId, 'hello')
    const stable = (await sync(alice, { since, use_state_after: true })).rooms?.join?.[roomId]
    assert.deepEqual(typesOf(stable?.state_after?.events), ['m.room.name'])
    assert.equal(stable?.state, undefined)
    const unstable = (await sync(alice, { since, 'org.matrix.msc4222.use_state_after': true })).rooms?.join?.[roomId]
    assert.deepEqual(typesOf(unstable?.['org.matrix.msc4222.state_after']?.events), ['m.room.name'])
  })

  it('begins anew with a room joined since, whatever happened there before', async () => {
    const roomId = await createRoom(alice, { name: 'Old' })
    const { next_batch: since } = await sync(bob)
    for (let i = 0; i < 5; i++) await send(alice, roomId, `m${i}`)
    await join(bob, roomId)
    const section = (await sync(bob, { since, filter: { room: { timeline: { limit: 2 } } } })).rooms?.join?.[roomId]
    assert.equal(section?.timeline.limited, true)
    assert.ok(typesOf(section?.state?.events).includes('m.room.create'))
    assert.ok(typesOf(section?.state?.events).includes('m.room.name'))
    assert.equal(section?.timeline.events.at(-1)?.state_key, bob.userId)
  })

  it('repeats the whole state on request', async () => {
    const roomId = await createRoom(alice, { name: 'Again' })
    const { next_batch: since } = await sync(alice)
    const section = (await sync(alice, { since, full_state: true })).rooms?.join?.[roomId]
    assert.ok(typesOf(section?.state?.events).includes('m.room.name'))
    assert.deepEqual(section?.timeline.events, [])
  })

  it('tells that there is more, and how much is unread, where it may hold nothing', async () => {
    const roomId = await createRoom(alice)
    await join(bob, roomId)
    const filter = { room: { rooms: [roomId], timeline: { limit: 0 } } }
    const { next_batch: since } = await sync(bob, { filter })
    await send(alice, roomId, 'hidden')
    const told = await sync(bob, { since, filter })
    const section = told.rooms?.join?.[roomId]
    assert.deepEqual(section?.timeline.events, [])
    assert.equal(section?.timeline.limited, true)
    assert.equal(section?.unread_notifications?.notification_count, 1)
    const path = at`/_matrix/client/v3/rooms/${roomId}/messages`
    const { chunk } = await bob.get<{ chunk: SyncEvent[] }>(path, {
      dir: 'b',
      from: section?.timeline.prev_batch,
      limit: 1,
    })
    assert.deepEqual(
      chunk.map(({ content }) => content.body),
      ['hidden'],
    )
    assert.equal((await sync(bob, { since: told.next_batch, filter })).rooms, undefined)
  })

  it('says nothing of rooms without news', async () => {
    const { next_batch: since } = await sync(alice)
    const { rooms } = await sync(alice, { since })
    assert.equal(rooms?.join, undefined)
  })
})

describe('unsigned', () => {
  it('tells a device the transaction ids of its own requests, also after logging in again', async () => {
    const roomId = await createRoom(alice)
    const { next_batch: since } = await sync(alice)
    const path = at`/_matrix/client/v3/rooms/${roomId}/send/m.room.message/mine`
    await alice.put(path, { msgtype: 'm.text', body: 'x' })
    const read = async (user: TestUser) =>
      (await sync(user, { since })).rooms?.join?.[roomId]?.timeline.events.at(-1)?.unsigned.transaction_id
    assert.equal(await read(alice), 'mine')
    assert.equal(await read(await server.login('alice')), undefined)
    assert.equal(await read(await server.login('alice', alice.deviceId)), 'mine')
    alice = await server.login('alice', alice.deviceId)
  })

  it('tells the reader’s own membership and what a state event replaced', async () => {
    const roomId = await createRoom(alice, { preset: 'private_chat', invite: [bob.userId] })
    const { next_batch: since } = await sync(bob)
    await join(bob, roomId)
    const section = (await sync(bob, { since })).rooms?.join?.[roomId]
    const own = section?.timeline.events.at(-1)
    assert.equal(own?.unsigned.membership, 'join')
    assert.equal((own?.unsigned.prev_content as { membership?: string } | undefined)?.membership, 'invite')
    assert.equal(own?.unsigned.prev_sender, alice.userId)
    assert.equal(own?.room_id, undefined)
  })

  it('explains a redaction', async () => {
    const roomId = await createRoom(alice)
    const target = await send(alice, roomId, 'oops')
    await alice.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${target}/r1`, { reason: 'typo' })
    const section = (await sync(alice)).rooms?.join?.[roomId]
    const redacted = section?.timeline.events.find(({ event_id }) => event_id === target)
    assert.deepEqual(redacted?.content, {})
    assert.equal((redacted?.unsigned.redacted_because as { type?: string } | undefined)?.type, 'm.room.redaction')
    const redaction = section?.timeline.events.at(-1) as SyncEvent & { redacts?: string }
    assert.equal(redaction.redacts, target)
    assert.equal(redaction.content.redacts, target)
  })
})

describe('the leave section', () => {
  it('ends with the own leave event and is not repeated', async () => {
    const roomId = await createRoom(alice)
    await join(bob, roomId)
    const { next_batch: since } = await sync(bob)
    await send(alice, roomId, 'bye')
    await leave(bob, roomId)
    await send(alice, roomId, 'unseen')
    const left = await sync(bob, { since })
    const section = left.rooms?.leave?.[roomId]
    assert.deepEqual(
      section?.timeline.events.map(({ type, content }) => content.body ?? type),
      ['bye', 'm.room.member'],
    )
    assert.equal(left.rooms?.join?.[roomId], undefined)
    assert.equal((await sync(bob, { since: left.next_batch })).rooms?.leave?.[roomId], undefined)
    assert.equal((await sync(bob)).rooms?.leave?.[roomId], undefined)
    const all = await sync(bob, { filter: { room: { include_leave: true } } })
    assert.equal(all.rooms?.leave?.[roomId]?.timeline.events.at(-1)?.content.membership, 'leave')
  })

  it('shows just the leave event of a rejected invitation, even where only members see history', async () => {
    const roomId = await createRoom(alice, {
      preset: 'private_chat',
      invite: [bob.userId],
      initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'joined' } }],
    })
    const { next_batch: since, rooms } = await sync(bob)
    assert.ok(rooms?.invite?.[roomId])
    await leave(bob, roomId)
    const section = (await sync(bob, { since })).rooms?.leave?.[roomId]
    assert.deepEqual(typesOf(section?.timeline.events), ['m.room.member'])
    assert.deepEqual(section?.state?.events, [])
  })

  it('tells all of a stay that began and ended between two answers', async () => {
    const roomId = await createRoom(alice, {
      initial_state: [{ type: 'org.example.state', content: { value: 'set' } }],
    })
    const { next_batch: since } = await sync(bob)
    await join(bob, roomId)
    await send(alice, roomId, 'seen')
    await leave(bob, roomId)
    await send(alice, roomId, 'unseen')
    const filter = { room: { timeline: { limit: 3 } } }
    const { rooms, next_batch: later } = await sync(bob, { since, filter })
    const section = rooms?.leave?.[roomId]
    assert.deepEqual(
      section?.timeline.events.map(({ content }) => content.body ?? content.membership),
      ['join', 'seen', 'leave'],
    )
    assert.equal(section?.timeline.limited, true)
    assert.ok(typesOf(section?.state?.events).includes('org.example.state'))
    const after = await sync(bob, { since, filter, use_state_after: true })
    assert.ok(typesOf(after.rooms?.leave?.[roomId]?.state_after?.events).includes('org.example.state'))
    assert.equal((await sync(bob, { since: later, filter })).rooms?.leave?.[roomId], undefined)
  })

  it('shows only the join of somebody who left and came back', async () => {
    const roomId = await createRoom(alice)
    await join(bob, roomId)
    const { next_batch: since } = await sync(bob)
    await leave(bob, roomId)
    await join(bob, roomId)
    const { rooms } = await sync(bob, { since })
    assert.equal(rooms?.leave?.[roomId], undefined)
    assert.equal(rooms?.join?.[roomId]?.timeline.events.at(-1)?.content.membership, 'join')
  })

  it('keeps the leave in the state when the timeline may hold nothing', async () => {
    const roomId = await createRoom(alice)
    await join(bob, roomId)
    const { next_batch: since } = await sync(bob)
    await leave(bob, roomId)
    const section = (await sync(bob, { since, filter: { room: { timeline: { limit: 0 } } } })).rooms?.leave?.[roomId]
    assert.deepEqual(section?.timeline.events, [])
    assert.deepEqual(
      section?.state?.events.map(({ state_key }) => state_key),
      [bob.userId],
    )
  })

  it('tells of a leave once, also when the room was forgotten', async () => {
    const roomId = await createRoom(alice)
    await join(bob, roomId)
    const { next_batch: since } = await sync(bob)
    await leave(bob, roomId)
    await bob.post(at`/_matrix/client/v3/rooms/${roomId}/forget`)
    assert.ok((await sync(bob, { since })).rooms?.leave?.[roomId])
    const initial = await sync(bob, { filter: { room: { include_leave: true } } })
    assert.equal(initial.rooms?.leave?.[roomId], undefined)
  })
})
