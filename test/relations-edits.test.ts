import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { at } from './helpers/client.ts'
import { bundleOf, edit, ignore, redact, relate, relationsPath, reply, threadsPath } from './helpers/relations.ts'
import { getEvent, getState, publicRoom, send, setState } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import { type SyncEvent, sync } from './helpers/sync.ts'

let server: TestServer
let alice: TestUser
let bob: TestUser
let roomId: string

before(async () => {
  server = await createTestServer()
  ;[alice, bob] = [await server.user('alice'), await server.user('bob')]
  roomId = await publicRoom(alice, [bob])
})
after(() => server.stop())

const editOf = async (user: TestUser, eventId: string) =>
  bundleOf(await getEvent(user, roomId, eventId))['m.replace']?.event_id

it('the newest edit stands with the event, whose own content stays', async () => {
  const original = await send(alice, roomId, 'one')
  await edit(alice, roomId, original, 'two')
  const last = await edit(alice, roomId, original, 'three')
  const event = await getEvent(bob, roomId, original)
  assert.deepEqual(event.content, { msgtype: 'm.text', body: 'one' })
  const replacement = bundleOf(event)['m.replace']
  assert.equal(replacement?.event_id, last)
  assert.deepEqual(replacement?.content['m.new_content'], { msgtype: 'm.text', body: 'three' })
  assert.deepEqual([replacement?.sender, replacement?.type], [alice.userId, 'm.room.message'])
})

it('only what may replace an event does', async () => {
  const original = await send(alice, roomId, 'original')
  const content = { msgtype: 'm.text', body: '*', 'm.new_content': { msgtype: 'm.text', body: 'forged' } }
  await edit(bob, roomId, original, 'by somebody else')
  await relate(alice, roomId, 'm.replace', original, { type: 'org.example.other', ...content })
  await relate(alice, roomId, 'm.replace', original, { type: 'm.room.message', msgtype: 'm.text', body: 'no content' })
  await relate(alice, roomId, 'm.replace', original, { type: 'm.room.message', body: '', 'm.new_content': 'text' })
  assert.equal(await editOf(bob, original), undefined)
  const valid = await edit(alice, roomId, original)
  await edit(alice, roomId, valid, 'an edit of an edit')
  assert.equal(await editOf(bob, original), valid)
  assert.equal(await editOf(bob, valid), undefined)
})

it('neither is state edited nor does state edit', async () => {
  const relation = { rel_type: 'm.replace', event_id: '' }
  const state = await setState(alice, roomId, 'm.room.topic', { topic: 'one' })
  await send(alice, roomId, { topic: 'two', 'm.new_content': {}, 'm.relates_to': { ...relation, event_id: state } })
  assert.deepEqual(bundleOf(await getEvent(bob, roomId, state)), {})
  const message = await send(alice, roomId, { a: 1 }, 'org.example.state')
  const content = { 'm.new_content': { a: 2 }, 'm.relates_to': { ...relation, event_id: message } }
  await setState(alice, roomId, 'org.example.state', content)
  assert.equal(await editOf(bob, message), undefined)
  assert.deepEqual(await getState(bob, roomId, 'org.example.state'), content)
})

it('of encrypted edits the content is for their readers to check', async () => {
  const secret = { algorithm: 'm.megolm.v1.aes-sha2', ciphertext: 'AwgA', session_id: 's' }
  const original = await send(alice, roomId, secret, 'm.room.encrypted')
  const plain = await edit(alice, roomId, original)
  assert.equal(await editOf(bob, original), undefined, plain)
  const encrypted = await relate(alice, roomId, 'm.replace', original, { type: 'm.room.encrypted', ...secret })
  assert.equal(await editOf(bob, original), encrypted)
})

it('redacting the last edit brings back the one before, redacting the original ends all', async () => {
  const original = await send(alice, roomId, 'one')
  const first = await edit(alice, roomId, original, 'two')
  const second = await edit(alice, roomId, original, 'three')
  await redact(alice, roomId, second)
  assert.equal(await editOf(bob, original), first)
  const reference = await relate(bob, roomId, 'm.reference', original)
  await redact(alice, roomId, original)
  const bundle = bundleOf(await getEvent(bob, roomId, original))
  assert.deepEqual(bundle, { 'm.reference': { chunk: [{ event_id: reference }] } })
  await redact(alice, roomId, first)
  assert.equal(await editOf(bob, original), undefined)
})

it('whoever ignores the sender is told of no edit', async () => {
  const carol = await server.user('carol')
  await carol.post(at`/_matrix/client/v3/join/${roomId}`)
  const original = await send(alice, roomId, 'original')
  await reply(bob, roomId, original)
  await edit(alice, roomId, original)
  await ignore(carol, [alice])
  const { chunk } = await carol.get<{ chunk: SyncEvent[] }>(threadsPath(roomId))
  const root = chunk.find(({ event_id: id }) => id === original)
  assert.deepEqual(Object.keys(bundleOf(root)), ['m.thread'])
})

it('an edit is found wherever the event is served', async () => {
  const own = await publicRoom(alice, [bob])
  const root = await send(alice, own, 'root')
  const child = await reply(alice, own, root)
  const last = await edit(alice, own, child)
  const editIn = (events: readonly SyncEvent[]) =>
    bundleOf(events.find(({ event_id: id }) => id === child))['m.replace']?.event_id
  type Chunk = { chunk: SyncEvent[] }
  const { chunk: messages } = await bob.get<Chunk>(at`/_matrix/client/v3/rooms/${own}/messages`, { dir: 'b' })
  assert.equal(editIn(messages), last, 'messages')
  const context = await bob.get<Record<'events_before' | 'events_after', SyncEvent[]> & { event: SyncEvent }>(
    at`/_matrix/client/v3/rooms/${own}/context/${child}`,
  )
  assert.equal(editIn([context.event]), last, 'context')
  const around = await bob.get<typeof context>(at`/_matrix/client/v3/rooms/${own}/context/${last}`)
  assert.equal(editIn(around.events_before), last, 'before in context')
  const before = await bob.get<typeof context>(at`/_matrix/client/v3/rooms/${own}/context/${root}`)
  assert.equal(editIn(before.events_after), last, 'after in context')
  assert.equal(editIn((await bob.get<Chunk>(relationsPath(own, root))).chunk), last, 'relations')
  const { chunk: roots } = await bob.get<Chunk>(threadsPath(own))
  assert.equal(editIn([bundleOf(roots[0])['m.thread']?.latest_event ?? context.event]), last, 'threads')
  const initial = await sync(bob)
  assert.equal(editIn(initial.rooms?.join?.[own]?.timeline.events ?? []), last, 'initial sync')
})

it('a sync bundles where there was a gap, and nowhere else', async () => {
  const own = await publicRoom(alice, [bob])
  const since = (await sync(bob)).next_batch
  await send(alice, own, 'before')
  const original = await send(alice, own, 'original')
  const last = await edit(alice, own, original)
  const timelineOf = async (limit: number) => {
    const answer = await sync(bob, { since, filter: { room: { timeline: { limit } } } })
    const timeline = answer.rooms?.join?.[own]?.timeline
    const event = timeline?.events.find(({ event_id: id }) => id === original)
    return { limited: timeline?.limited, edit: bundleOf(event)['m.replace']?.event_id }
  }
  assert.deepEqual(await timelineOf(10), { limited: false, edit: undefined })
  assert.deepEqual(await timelineOf(2), { limited: true, edit: last })
})
