import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { at, type Client } from './helpers/client.ts'
import { temporaryFolder } from './helpers/program.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import { bodiesOf, sync, typesOf } from './helpers/sync.ts'

let server: TestServer
let alice: TestUser
let bob: TestUser
let carol: TestUser
let txn = 0

async function createRoom(...members: TestUser[]): Promise<string> {
  const { room_id: roomId } = await alice.post<{ room_id: string }>('/_matrix/client/v3/createRoom', {
    preset: 'public_chat',
  })
  for (const member of members) await member.post(at`/_matrix/client/v3/join/${roomId}`)
  return roomId
}

async function send(client: Client, roomId: string, body: string): Promise<string> {
  const path = at`/_matrix/client/v3/rooms/${roomId}/send/m.room.message/${`w${txn++}`}`
  return (await client.put<{ event_id: string }>(path, { msgtype: 'm.text', body })).event_id
}

const receipt = (user: TestUser, roomId: string, type: string, eventId: string, body: object = {}) =>
  user.post(at`/_matrix/client/v3/rooms/${roomId}/receipt/${type}/${eventId}`, body)
const typing = (user: TestUser, roomId: string, body: object) =>
  user.put(at`/_matrix/client/v3/rooms/${roomId}/typing/${user.userId}`, body)
const accountData = (user: TestUser, type: string, content: object) =>
  user.put(at`/_matrix/client/v3/user/${user.userId}/account_data/${type}`, content)

before(async () => {
  server = await createTestServer()
  alice = await server.user('alice')
  bob = await server.user('bob')
  carol = await server.user('carol')
})
after(() => server.stop())

describe('a request that waits', () => {
  it('is answered by a message, typing, a receipt, account data, and an invitation', async () => {
    const roomId = await createRoom(bob)
    let { next_batch: since } = await sync(bob)
    const woken = async (cause: () => Promise<unknown>) => {
      const waiting = sync(bob, { since, timeout: 60_000 })
      await cause()
      const body = await waiting
      since = body.next_batch
      return body
    }
    let eventId = ''
    const message = await woken(async () => {
      eventId = await send(alice, roomId, 'hello')
    })
    assert.deepEqual(bodiesOf(message.rooms?.join?.[roomId]?.timeline.events), ['hello'])
    const typed = await woken(() => typing(alice, roomId, { typing: true, timeout: 30_000 }))
    assert.deepEqual(typed.rooms?.join?.[roomId]?.ephemeral?.events, [
      { type: 'm.typing', content: { user_ids: [alice.userId] } },
    ])
    const stopped = await woken(() => typing(alice, roomId, { typing: false }))
    assert.deepEqual(stopped.rooms?.join?.[roomId]?.ephemeral?.events[0]?.content, { user_ids: [] })
    const read = await woken(() => receipt(alice, roomId, 'm.read', eventId))
    assert.deepEqual(
      Object.keys((read.rooms?.join?.[roomId]?.ephemeral?.events[0]?.content[eventId] as object) ?? {}),
      ['m.read'],
    )
    const data = await woken(() => accountData(bob, 'org.example', { a: 1 }))
    assert.deepEqual(data.account_data?.events, [{ type: 'org.example', content: { a: 1 } }])
    const invited = await woken(() => alice.post('/_matrix/client/v3/createRoom', { invite: [bob.userId] }))
    assert.equal(Object.keys(invited.rooms?.invite ?? {}).length, 1)
  })

  it('is answered with nothing when its time is up, and with what came meanwhile when it asks again', async () => {
    const roomId = await createRoom(bob)
    const { next_batch: since } = await sync(bob)
    const { next_batch: later, rooms } = await sync(bob, { since, timeout: 20 })
    assert.equal(rooms, undefined)
    await send(alice, roomId, 'late')
    assert.deepEqual(bodiesOf((await sync(bob, { since: later })).rooms?.join?.[roomId]?.timeline.events), ['late'])
  })

  it('is not answered by what does not concern the user', async () => {
    const roomId = await createRoom()
    const { next_batch: since } = await sync(carol)
    const waiting = sync(carol, { since, timeout: 300 })
    await send(alice, roomId, 'private')
    assert.equal((await waiting).rooms, undefined)
  })
})

describe('receipts', () => {
  it('that are private go to their owner alone', async () => {
    const roomId = await createRoom(bob)
    const eventId = await send(alice, roomId, 'secretly read')
    const { next_batch: since } = await sync(bob)
    const { next_batch: sinceAlice } = await sync(alice)
    await receipt(bob, roomId, 'm.read.private', eventId)
    const own = (await sync(bob, { since })).rooms?.join?.[roomId]?.ephemeral?.events[0]?.content[eventId]
    assert.deepEqual(Object.keys(own as object), ['m.read.private'])
    assert.equal((await sync(alice, { since: sinceAlice })).rooms, undefined)
  })

  it('keep the thread that they are for', async () => {
    const roomId = await createRoom(bob)
    const eventId = await send(alice, roomId, 'root')
    const { next_batch: since } = await sync(bob)
    await receipt(alice, roomId, 'm.read', eventId, { thread_id: 'main' })
    const content = (await sync(bob, { since })).rooms?.join?.[roomId]?.ephemeral?.events[0]?.content[eventId]
    assert.equal(
      (content as Record<string, Record<string, { thread_id?: string }>>)['m.read']?.[alice.userId]?.thread_id,
      'main',
    )
  })
})

describe('lazily loaded members', () => {
  const filter = { room: { state: { lazy_load_members: true }, timeline: { limit: 1 } } }
  const membersIn = (events: { type: string; state_key?: string }[] | undefined) =>
    (events ?? []).filter(({ type }) => type === 'm.room.member').map(({ state_key }) => state_key)

  it('are those who appear in the timeline, oneself, and who the room is named after', async () => {
    const people = []
    for (let i = 0; i < 8; i++) people.push(await server.user(`lazy${i}`))
    const roomId = await createRoom(bob, ...people)
    await alice.put(at`/_matrix/client/v3/rooms/${roomId}/state/m.room.name/`, { name: 'Named' })
    await send(people[7]!, roomId, 'hi')
    const first = await sync(bob, { filter })
    const members = membersIn(first.rooms?.join?.[roomId]?.state?.events)
    assert.deepEqual(new Set(members), new Set([bob.userId, people[7]?.userId]))
    await send(people[7]!, roomId, 'again')
    await send(people[6]!, roomId, 'new face')
    const second = await sync(bob, {
      since: first.next_batch,
      filter: { ...filter, room: { ...filter.room, timeline: {} } },
    })
    assert.deepEqual(membersIn(second.rooms?.join?.[roomId]?.state?.events), [people[6]?.userId])
  })

  it('name a room without a name by its heroes', async () => {
    const roomId = await createRoom(bob, carol)
    const { rooms } = await sync(bob, { filter })
    const section = rooms?.join?.[roomId]
    assert.deepEqual(section?.summary, {
      'm.heroes': [alice.userId, carol.userId],
      'm.joined_member_count': 3,
      'm.invited_member_count': 0,
    })
    assert.ok(membersIn(section?.state?.events).includes(alice.userId))
  })

  it('name a room after those who came first, invited or in it, and after those who were there when all have left', async () => {
    const roomId = await createRoom()
    await alice.post(at`/_matrix/client/v3/rooms/${roomId}/invite`, { user_id: '@early:localhost' })
    await bob.post(at`/_matrix/client/v3/join/${roomId}`)
    const heroes = async () => (await sync(alice, { filter })).rooms?.join?.[roomId]?.summary?.['m.heroes']
    assert.deepEqual(await heroes(), ['@early:localhost', bob.userId])
    await alice.post(at`/_matrix/client/v3/rooms/${roomId}/ban`, { user_id: '@early:localhost' })
    assert.deepEqual(await heroes(), [bob.userId])
    await bob.post(at`/_matrix/client/v3/rooms/${roomId}/leave`)
    assert.deepEqual(await heroes(), ['@early:localhost', bob.userId])
  })
})

describe('what a user hides', () => {
  it('is left out: messages and invitations of ignored users', async () => {
    const roomId = await createRoom(bob, carol)
    await accountData(bob, 'm.ignored_user_list', { ignored_users: { [carol.userId]: {} } })
    const { next_batch: since } = await sync(bob)
    await send(carol, roomId, 'noise')
    await send(alice, roomId, 'signal')
    await carol.post('/_matrix/client/v3/createRoom', { invite: [bob.userId] })
    const body = await sync(bob, { since })
    assert.deepEqual(bodiesOf(body.rooms?.join?.[roomId]?.timeline.events), ['signal'])
    assert.equal(body.rooms?.invite, undefined)
    await accountData(bob, 'm.ignored_user_list', { ignored_users: {} })
  })

  it('is cut down to the fields that the filter names', async () => {
    const roomId = await createRoom()
    await send(alice, roomId, 'short')
    const filter = { event_fields: ['type', 'content.body'], room: { timeline: { limit: 1 } } }
    const { body } = await alice.request<{ rooms: { join: Record<string, { timeline: { events: object[] } }> } }>(
      'GET',
      '/_matrix/client/v3/sync',
      { query: { filter: JSON.stringify(filter) }, unchecked: true },
    )
    assert.deepEqual(body.rooms.join[roomId]?.timeline.events, [{ type: 'm.room.message', content: { body: 'short' } }])
  })
})

it('a token from before a restart goes on where it was', async (t) => {
  const first = await createTestServer({ dataDir: temporaryFolder(t) })
  const dave = await first.user('dave')
  const { room_id: roomId } = await dave.post<{ room_id: string }>('/_matrix/client/v3/createRoom', {})
  const { next_batch: since } = await sync(dave)
  await send(dave, roomId, 'before')
  await first.stop()
  await using second = await createTestServer({ dataDir: first.dataDir })
  const again = await second.login('dave')
  const section = (await sync(again, { since })).rooms?.join?.[roomId]
  assert.deepEqual(typesOf(section?.timeline.events), ['m.room.message'])
})

it('a token that is not ours is refused', async () => {
  const { status, body } = await alice.request('GET', '/_matrix/client/v3/sync', { query: { since: 'nonsense' } })
  assert.equal(status, 400)
  assert.equal(body.errcode, 'M_INVALID_PARAM')
})
