import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { at } from './helpers/client.ts'
import { relationsPath, threadsPath } from './helpers/relations.ts'
import { act, createRoom, errorOf, type SeenEvent, send, setState, v3 } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import { sync } from './helpers/sync.ts'

interface Stream {
  start: string
  end: string
  chunk: SeenEvent[]
}

let server: TestServer
let alice: TestUser
let peeker: TestUser

before(async () => {
  server = await createTestServer()
  ;[alice, peeker] = [await server.user('alice'), await server.user('peeker')]
})
after(() => server.stop())

const path = (roomId: string, rest: string) => `${at`/_matrix/client/v3/rooms/${roomId}/`}${rest}`
const bodies = (events: readonly SeenEvent[]) => events.map(({ type, content }) => content.body ?? type)
const listen = (user: TestUser, roomId: string, query: Record<string, string | number> = {}) =>
  user.get<Stream>(`${v3}/events`, { room_id: roomId, ...query })
const show = (roomId: string, value: string) =>
  setState(alice, roomId, 'm.room.history_visibility', { history_visibility: value })

it('a room that the world may read is read by those who are not in it, from when it was so', async () => {
  const roomId = await createRoom(alice, { name: 'open' })
  const secret = await send(alice, roomId, 'secret')
  await show(roomId, 'world_readable')
  const shown = await send(alice, roomId, 'shown')
  const room = await peeker.get<{
    room_id: string
    membership?: string
    messages: Stream
    state: SeenEvent[]
    visibility: string
  }>(path(roomId, 'initialSync'), { limit: 20 })
  assert.deepEqual([room.room_id, room.membership, room.visibility], [roomId, undefined, 'private'])
  assert.deepEqual(bodies(room.messages.chunk), ['m.room.history_visibility', 'shown'])
  assert.ok(room.state.some(({ content }) => content.name === 'open'))
  const messages = await peeker.get<Stream>(path(roomId, 'messages'), { dir: 'b' })
  assert.deepEqual(bodies(messages.chunk), ['shown', 'm.room.history_visibility'])
  assert.equal((await peeker.get<SeenEvent>(path(roomId, `event/${encodeURIComponent(shown)}`))).event_id, shown)
  const context = await peeker.get<{ events_before: SeenEvent[] }>(path(roomId, `context/${encodeURIComponent(shown)}`))
  assert.deepEqual(bodies(context.events_before), ['m.room.history_visibility'])
  assert.deepEqual(await peeker.get(path(roomId, 'state/m.room.name')), { name: 'open' })
  assert.equal((await peeker.get<Stream>(path(roomId, 'members'))).chunk.length, 1)
  assert.ok(Array.isArray(await peeker.get(path(roomId, 'state'))))
  await peeker.get(relationsPath(roomId, shown))
  await peeker.get(threadsPath(roomId))
  for (const rest of [`event/${secret}`, `context/${secret}`])
    await errorOf(peeker, 'GET', path(roomId, rest), undefined, 404)
  await errorOf(peeker, 'GET', path(roomId, 'joined_members'), undefined, 403)
  await errorOf(peeker, 'PUT', path(roomId, 'send/m.room.message/1'), { msgtype: 'm.text', body: '' }, 403)
  assert.equal((await sync(peeker)).rooms?.join?.[roomId], undefined)
})

it('what happens there is followed without joining', async () => {
  const roomId = await createRoom(alice)
  await show(roomId, 'world_readable')
  const { end } = await listen(peeker, roomId)
  const waiting = listen(peeker, roomId, { from: end, timeout: 60_000 })
  await send(alice, await createRoom(alice), 'elsewhere')
  await send(alice, roomId, 'here')
  const first = await waiting
  assert.deepEqual(bodies(first.chunk), ['here'])
  assert.deepEqual((await listen(peeker, roomId, { from: first.end })).chunk, [])
})

it('whoever follows a room hears nothing once it is closed, and is told so', async () => {
  const roomId = await createRoom(alice)
  await show(roomId, 'world_readable')
  const { end } = await listen(peeker, roomId)
  const query = `room_id=${encodeURIComponent(roomId)}&from=${end}&timeout=60000`
  const waiting = errorOf(peeker, 'GET', `${v3}/events?${query}`, undefined, 403)
  await show(roomId, 'shared')
  assert.equal(await waiting, 'M_FORBIDDEN')
  for (const rest of ['initialSync', 'messages?dir=b', 'state', 'members', 'state/m.room.create']) {
    assert.equal(await errorOf(peeker, 'GET', path(roomId, rest), undefined, 403), 'M_FORBIDDEN', rest)
  }
})

it('closed rooms are as closed to followers as unknown ones', async () => {
  const roomId = await createRoom(alice, { invite: [peeker.userId] })
  for (const id of [roomId, '!unknown:localhost', 'no room']) {
    const query = `room_id=${encodeURIComponent(id)}`
    assert.equal(await errorOf(peeker, 'GET', `${v3}/events?${query}`, undefined, 403), 'M_FORBIDDEN')
    await errorOf(peeker, 'GET', path(id, 'initialSync'), undefined, 403)
  }
})

it('members and those who left follow a room too, as far as it is theirs', async () => {
  const bob = await server.user('bob')
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  await bob.post(path(roomId, 'join'))
  const { end } = await listen(bob, roomId)
  await send(alice, roomId, 'hello')
  await act(bob, roomId, 'leave')
  await send(alice, roomId, 'gone')
  const { chunk } = await listen(bob, roomId, { from: end })
  assert.deepEqual(bodies(chunk), ['hello', 'm.room.member'])
})
