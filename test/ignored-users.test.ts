import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { at } from './helpers/client.ts'
import { ignore } from './helpers/relations.ts'
import { act, createRoom, errorOf, publicRoom, send, setState, timeline } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import { type SyncEvent, sync } from './helpers/sync.ts'

let server: TestServer
let alice: TestUser
let bob: TestUser

before(async () => {
  server = await createTestServer()
  ;[alice, bob] = [await server.user('alice'), await server.user('bob')]
})
after(() => server.stop())

it('nobody ignores themselves', async () => {
  const roomId = await publicRoom(alice, [])
  await ignore(alice, [alice])
  const own = await send(alice, roomId, 'own')
  assert.equal((await timeline(alice, roomId)).at(-1)?.event_id, own)
  const { rooms } = await sync(alice)
  assert.equal(rooms?.join?.[roomId]?.timeline.events.at(-1)?.event_id, own)
  await ignore(alice, [])
})

it('what ignored users say is served nowhere, but the state that they set is', async () => {
  const roomId = await publicRoom(bob, [alice])
  const before = await send(alice, roomId, 'before')
  const hidden = await send(bob, roomId, 'hidden')
  const name = await setState(bob, roomId, 'm.room.name', { name: 'by bob' })
  const after = await send(alice, roomId, 'after')
  await ignore(alice, [bob])
  const shown = (await timeline(alice, roomId)).map(({ event_id: id }) => id)
  assert.deepEqual(shown.slice(-3), [before, name, after])
  const path = (kind: string, eventId: string) => at`/_matrix/client/v3/rooms/${roomId}/${kind}/${eventId}`
  for (const kind of ['event', 'context']) {
    assert.equal(await errorOf(alice, 'GET', path(kind, hidden), undefined, 404), 'M_NOT_FOUND', kind)
    await alice.get(path(kind, name))
  }
  const around = await alice.get<{ events_before: SyncEvent[] }>(path('context', after))
  assert.ok(around.events_before.every(({ event_id: id }) => id !== hidden))
  const joined = (await sync(alice)).rooms?.join?.[roomId]
  const ids = joined?.timeline.events.map(({ event_id: id }) => id) ?? []
  assert.ok(ids.includes(name) && !ids.includes(hidden))
  await ignore(alice, [])
  await alice.get(path('event', hidden))
})

it('a sync begins and stops to ignore at once', async () => {
  const roomId = await publicRoom(bob, [alice])
  let since = (await sync(alice)).next_batch
  const bodies = async () => {
    const answer = await sync(alice, { since })
    since = answer.next_batch
    return answer.rooms?.join?.[roomId]?.timeline.events.map(({ content }) => content.body) ?? []
  }
  await ignore(alice, [bob])
  await send(bob, roomId, 'ignored')
  assert.deepEqual(await bodies(), [])
  await ignore(alice, [])
  await send(bob, roomId, 'heard')
  assert.deepEqual(await bodies(), ['heard'])
})

it('invitations by ignored users are not sent, now or later', async () => {
  await ignore(alice, [bob])
  const since = (await sync(alice)).next_batch
  const roomId = await createRoom(bob, { invite: [alice.userId] })
  assert.equal((await sync(alice, { since })).rooms?.invite, undefined)
  assert.equal((await sync(alice)).rooms?.invite, undefined)
  await act(bob, roomId, 'kick', { user_id: alice.userId })
  await act(bob, roomId, 'invite', { user_id: alice.userId })
  await ignore(alice, [])
  assert.ok((await sync(alice)).rooms?.invite?.[roomId])
})
