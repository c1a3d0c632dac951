import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { at } from './helpers/client.ts'
import {
  bundleOf,
  edit,
  ignore,
  listIds,
  type RelationsPage,
  react,
  redact,
  relate,
  relationsPath,
  reply,
  threadsPath,
} from './helpers/relations.ts'
import { act, errorOf, getEvent, join, publicRoom, send, setState } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

let server: TestServer
let alice: TestUser
let bob: TestUser
let carol: TestUser

before(async () => {
  server = await createTestServer()
  ;[alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
})
after(() => server.stop())

const threadOf = async (user: TestUser, roomId: string, eventId: string) => {
  const thread = bundleOf(await getEvent(user, roomId, eventId))['m.thread']
  return thread && [thread.count, thread.latest_event.event_id, thread.current_user_participated]
}

it('the root tells how many replies there are, which is the newest, and whether one took part', async () => {
  const roomId = await publicRoom(alice, [bob, carol])
  const root = await send(alice, roomId, 'root')
  await reply(bob, roomId, root)
  const last = await reply(bob, roomId, root)
  await react(alice, roomId, last)
  assert.deepEqual(await threadOf(alice, roomId, root), [2, last, true])
  assert.deepEqual(await threadOf(bob, roomId, root), [2, last, true])
  assert.deepEqual(await threadOf(carol, roomId, root), [2, last, false])
  const change = await edit(bob, roomId, last)
  const latest = bundleOf(await getEvent(carol, roomId, root))['m.thread']?.latest_event
  assert.equal(bundleOf(latest)['m.replace']?.event_id, change)
  assert.ok(typeof latest?.unsigned.age === 'number')
})

it('redacted replies count no longer, and a redacted root keeps its thread', async () => {
  const roomId = await publicRoom(alice, [bob])
  const root = await send(alice, roomId, 'root')
  const first = await reply(bob, roomId, root)
  const second = await reply(bob, roomId, root)
  await redact(bob, roomId, second)
  assert.deepEqual(await threadOf(alice, roomId, root), [1, first, true])
  await redact(alice, roomId, root)
  assert.deepEqual(await threadOf(alice, roomId, root), [1, first, true])
  assert.deepEqual(await listIds(alice, threadsPath(roomId)), [root])
  await redact(bob, roomId, first)
  assert.equal(await threadOf(alice, roomId, root), undefined)
  assert.deepEqual(await listIds(alice, threadsPath(roomId)), [])
})

it('replies of ignored users neither count nor show, and their roots are shown without content', async () => {
  const roomId = await publicRoom(alice, [bob, carol])
  const root = await send(alice, roomId, 'root')
  const theirs = await send(bob, roomId, 'of bob')
  const heard = await reply(alice, roomId, root)
  await reply(bob, roomId, root)
  const answer = await reply(alice, roomId, theirs)
  await reply(bob, roomId, theirs)
  const quiet = await send(alice, roomId, 'quiet')
  await reply(bob, roomId, quiet)
  await ignore(carol, [bob])
  assert.deepEqual(await threadOf(carol, roomId, root), [1, heard, false])
  const { chunk } = await carol.get<RelationsPage>(threadsPath(roomId))
  assert.deepEqual(
    chunk.map(({ event_id: id, content }) => [id, Object.keys(content)]),
    [
      [theirs, []],
      [root, ['msgtype', 'body']],
    ],
  )
  assert.equal(bundleOf(chunk[0])['m.thread']?.latest_event.event_id, answer)
  assert.equal(await threadOf(carol, roomId, quiet), undefined)
  await ignore(carol, [])
})

it('no thread starts from an event that relates to another one', async () => {
  const roomId = await publicRoom(alice, [bob])
  const root = await send(alice, roomId, 'root')
  const start = async (parent: string) =>
    errorOf(
      bob,
      'PUT',
      at`/_matrix/client/v3/rooms/${roomId}/send/m.room.message/${`start ${parent}`}`,
      { msgtype: 'm.text', body: 'reply', 'm.relates_to': { rel_type: 'm.thread', event_id: parent } },
      400,
    )
  for (const type of ['m.thread', 'm.annotation', 'm.replace', 'm.reference', 'org.example.any']) {
    assert.equal(await start(await relate(alice, roomId, type, root)), 'M_UNKNOWN', type)
  }
  const redacted = await reply(alice, roomId, root)
  await redact(alice, roomId, redacted)
  // A redacted event relates to nothing.
  await reply(bob, roomId, redacted)
  // A rich reply is no such relation.
  const rich = { msgtype: 'm.text', body: 'rich', 'm.relates_to': { 'm.in_reply_to': { event_id: root } } }
  const other = await send(alice, roomId, rich)
  const first = await reply(bob, roomId, other)
  assert.deepEqual(await threadOf(alice, roomId, other), [1, first, true])
})

it('whoever may not see the newest replies sees the thread as it was', async () => {
  const roomId = await publicRoom(alice, [bob, carol])
  await setState(alice, roomId, 'm.room.history_visibility', { history_visibility: 'joined' })
  const root = await send(alice, roomId, 'root')
  const seen = await reply(bob, roomId, root)
  await act(carol, roomId, 'leave')
  await reply(bob, roomId, root)
  await reply(bob, roomId, root)
  assert.deepEqual(await threadOf(carol, roomId, root), [1, seen, false])
  const later = await send(alice, roomId, 'later')
  await reply(bob, roomId, later)
  assert.deepEqual(await listIds(carol, threadsPath(roomId)), [root])
  await errorOf(carol, 'GET', relationsPath(roomId, later), undefined, 404)
})

it('an older thread is listed before newer ones as soon as somebody replies, and participation is asked for', async () => {
  const roomId = await publicRoom(alice, [bob, carol])
  const [first, second] = [await send(alice, roomId, 'one'), await send(alice, roomId, 'two')]
  await reply(bob, roomId, first)
  await reply(alice, roomId, second)
  assert.deepEqual(await listIds(carol, threadsPath(roomId), { limit: 1 }), [second, first])
  await reply(carol, roomId, first)
  assert.deepEqual(await listIds(carol, threadsPath(roomId), { limit: 1 }), [first, second])
  const participated = { include: 'participated', limit: 1 }
  assert.deepEqual(await listIds(carol, threadsPath(roomId), participated), [first])
  assert.deepEqual(await listIds(bob, threadsPath(roomId), participated), [first])
  assert.deepEqual(await listIds(alice, threadsPath(roomId), participated), [first, second])
})

it('threads are for those who may look into the room, and tokens are ours', async () => {
  const roomId = await publicRoom(alice, [])
  await errorOf(bob, 'GET', threadsPath(roomId), undefined, 403)
  await join(bob, roomId)
  for (const query of ['from=abc', 'from=t1', 'limit=0', 'limit=x', 'include=some']) {
    assert.equal(await errorOf(bob, 'GET', `${threadsPath(roomId)}?${query}`, undefined, 400), 'M_INVALID_PARAM', query)
  }
})

it('pages of threads go on where they were, whatever is replied meanwhile', async () => {
  const roomId = await publicRoom(alice, [bob])
  const roots: string[] = []
  for (let i = 0; i < 4; i++) {
    const root = await send(alice, roomId, `root ${i}`)
    await reply(bob, roomId, root)
    roots.unshift(root)
  }
  const [newest = '', , , oldest = ''] = roots
  const between = async () => {
    await reply(alice, roomId, oldest)
    await reply(alice, roomId, newest)
    await reply(alice, roomId, await send(alice, roomId, 'new'))
  }
  assert.deepEqual(await listIds(bob, threadsPath(roomId), { limit: 1 }, between), roots)
})
