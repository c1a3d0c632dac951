import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import type { RoomId } from '../src/matrix/ids.ts'
import { createTestClock } from '../src/util/clock.ts'
import { at } from './helpers/client.ts'
import { fetchWhole } from './helpers/deliveries.ts'
import { testOnEngines } from './helpers/engines.ts'
import { connectPeers } from './helpers/federation/servers.ts'
import { upload } from './helpers/media.ts'
import { createRoom, send, setState } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'
import { sync } from './helpers/sync.ts'
import {
  type Calling,
  callInVain,
  createCallingServer,
  directChat,
  notesOf,
  roomDataOf,
  setSettings,
} from './helpers/voicemail.ts'

const voice: JsonObject = {
  msgtype: 'm.audio',
  body: 'Voice message',
  url: 'mxc://localhost/voice',
  info: { duration: 21_000 },
  'org.matrix.msc3245.voice': {},
}

async function withNote(server: Calling, alice: TestUser, bob: TestUser, roomId: string): Promise<string> {
  await server.wait(180_000)
  await callInVain(server, alice, bob, roomId)
  await send(alice, roomId, voice)
  await server.context.drain()
  return String((await notesOf(bob))[0]?.note_id)
}

const marked = async (user: TestUser, roomId: string) => (await roomDataOf(user, roomId, 'm.marked_unread'))?.unread
const unmark = (user: TestUser, roomId: string) =>
  user.put(at`/_matrix/client/v3/user/${user.userId}/rooms/${roomId}/account_data/m.marked_unread`, { unread: false })
const states = async (...users: TestUser[]) => Promise.all(users.map(async (user) => (await notesOf(user))[0]?.state))

testOnEngines('notes are listed in pages, for those whom they concern', async (_t, { engine }) => {
  await using server = await createCallingServer({ engine })
  const [alice, bob, eve] = [await server.user('alice'), await server.user('bob'), await server.user('eve')]
  const roomId = await directChat(alice, bob)
  const ids: string[] = []
  for (let i = 0; i < 3; i++) ids.unshift(await withNote(server, alice, bob, roomId))
  const page = (user: TestUser, query: Record<string, string | number>) =>
    user.get<{ notes: JsonObject[]; next?: string }>('/_ringback/v1/notes', query)
  for (const user of [alice, bob]) {
    const first = await page(user, { limit: 2 })
    const second = await page(user, { limit: 2, from: first.next ?? '' })
    assert.deepEqual(
      [...first.notes, ...second.notes].map(({ note_id }) => note_id),
      ids,
    )
    assert.equal(second.next, undefined)
  }
  assert.deepEqual(await notesOf(eve), [])
  await eve.request('POST', `/_ringback/v1/notes/${ids[0]}/played`, { expect: 404 })
  await server.client.request('GET', '/_ringback/v1/notes', { expect: 401 })
  const before = (
    await server.context.db.read((reader) => reader.qb.selectFrom('voicemail_audit').selectAll().execute())
  ).length
  assert.equal(before, 0, 'nothing was sent in their name')
  // Synced, it is delivered; played twice is played once.
  await sync(bob)
  await server.context.drain()
  assert.deepEqual(await states(alice, bob), ['delivered', 'delivered'])
  for (let i = 0; i < 2; i++) await bob.post(`/_ringback/v1/notes/${ids[0]}/played`)
  assert.deepEqual(await states(alice, bob), ['played', 'played'])
})

testOnEngines('whatever a recording says of itself, it is sent and listed', async (_t, { engine }) => {
  await using server = await createCallingServer({ engine })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await directChat(alice, bob)
  for (const odd of [
    { body: 'a\0b', filename: 'Voice message.ogg' },
    { body: 'x'.repeat(20_000), filename: 'Voice message.ogg' },
    { url: `mxc://localhost/${randomBytes(6000).toString('hex')}` },
    { url: 'mxc://localhost/a\0b' },
    { url: 'no address' },
    { info: { duration: Number.MAX_SAFE_INTEGER } },
  ] as JsonObject[]) {
    await server.wait(180_000)
    await callInVain(server, alice, bob, roomId)
    const eventId = await send(alice, roomId, { ...voice, ...odd })
    await server.context.drain()
    const [note] = await notesOf(bob)
    assert.equal(note?.event_id, eventId, JSON.stringify(odd).slice(0, 100))
  }
})

test('a conversation stays unread until its note is played, and is marked again once', async () => {
  await using server = await createCallingServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await directChat(alice, bob)
  const noteId = await withNote(server, alice, bob, roomId)
  assert.equal(await marked(bob, roomId), true)
  await unmark(bob, roomId)
  await server.wait(29 * 60_000)
  assert.equal(await marked(bob, roomId), false)
  await server.wait(60_000)
  assert.equal(await marked(bob, roomId), true)
  await unmark(bob, roomId)
  await server.wait(24 * 3_600_000)
  assert.equal(await marked(bob, roomId), false, 'once is enough')
  // Played before the time, it does not come back.
  const second = await withNote(server, alice, bob, roomId)
  await unmark(bob, roomId)
  for (const id of [noteId, second]) await bob.post(`/_ringback/v1/notes/${id}/played`)
  await server.wait(3_600_000)
  assert.equal(await marked(bob, roomId), false)
  await setSettings(bob, { keep_unread: false })
  await withNote(server, alice, bob, roomId)
  assert.equal(await marked(bob, roomId), false, 'who does not want it is spared')
})

test('sockets and webhooks tell of prompts and notes, each as its user may see them', async () => {
  const received: JsonObject[] = []
  const receiver = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      received.push(JSON.parse(Buffer.concat(chunks).toString()) as JsonObject)
      response.end('{}')
    })
  })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  after(() => receiver.close())
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`
  await using server = await createCallingServer({ config: { webhooks: [{ url, events: ['note.left'] }] } })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await directChat(alice, bob)
  await setSettings(bob, { share_played: false })
  const noteId = await withNote(server, alice, bob, roomId)
  await bob.post(`/_ringback/v1/notes/${noteId}/played`)
  await server.context.drain()
  const rows = await server.context.db.read((reader) =>
    reader.qb.selectFrom('live_events').selectAll().orderBy('stream_pos').execute(),
  )
  const frames = rows.map((row): JsonObject => ({ user: row.user_id, ...(JSON.parse(row.frame) as JsonObject) }))
  const of = (user: TestUser, type: string) =>
    frames.filter((frame) => frame.user === user.userId && frame.type === type)
  assert.deepEqual(
    of(alice, 'prompt').map(({ state, room_id }) => [state, room_id]),
    [
      ['open', roomId],
      ['used', roomId],
    ],
  )
  assert.match(String((of(alice, 'prompt')[0]?.links as JsonObject | undefined)?.voice), /\/voicemail\/r\//)
  assert.deepEqual(of(bob, 'prompt'), [])
  assert.deepEqual(
    of(alice, 'note').map(({ state }) => state),
    ['sent', 'delivered'],
  )
  assert.deepEqual(
    of(bob, 'note').map(({ state }) => state),
    ['sent', 'played'],
  )
  const [hook, ...others] = received
  assert.deepEqual(others, [])
  const { note_id, sender, receiver: to, duration_ms } = (hook?.data ?? {}) as JsonObject
  assert.deepEqual([note_id, sender, to, duration_ms], [noteId, alice.userId, bob.userId, 21_000])
})

test('a note to somebody on another server travels like any message, and waits there to be played', async () => {
  const clock = createTestClock()
  await using servers = await connectPeers(2, { clock })
  const [here, there] = servers
  assert.ok(here && there)
  const [alice, bob] = [await here.user('alice'), await there.user('bob')]
  const roomId = await createRoom(alice, { preset: 'trusted_private_chat', is_direct: true, invite: [bob.userId] })
  await bob.request('POST', at`/_matrix/client/v3/join/${roomId}`, { body: {}, expect: 200 })
  const calling: Calling = Object.assign(here, {
    clock,
    wait: async (ms: number) => {
      clock.advance(ms)
      for (const server of servers) await server.context.drain()
    },
  })
  await callInVain(calling, alice, bob, roomId)
  await calling.wait(10_000)
  const bot = `@voicemail:${here.serverName}`
  const direct = await alice.get<Record<string, string[]>>(
    at`/_matrix/client/v3/user/${alice.userId}/account_data/m.direct`,
  )
  const chatId = direct[bot]?.[0] ?? ''
  const { chunk } = await alice.get<{ chunk: { content: JsonObject }[] }>(
    at`/_matrix/client/v3/rooms/${chatId}/messages`,
    { dir: 'b' },
  )
  const prompt = chunk.find(({ content }) => content['io.ringback.prompt'] !== undefined)
  assert.match(String(prompt?.content.body), /voicemail\/r\/[\w-]+/)
  const about = prompt?.content['io.ringback.prompt'] as JsonObject
  const content = { ...voice, url: `mxc://${here.serverName}/voice` }
  const note = {
    noteId: 'note1',
    callId: String(about.call_id),
    roomId: roomId as RoomId,
    caller: alice.userId,
    kind: 'voice' as const,
    mxc: content.url,
  }
  await here.context.voicemail.deliver({ ...note, content, durationMs: 21_000 })
  await calling.wait(0)
  const [sent] = await notesOf(alice)
  assert.deepEqual([sent?.peer, sent?.state], [bob.userId, 'delivered'], 'their server has taken it')
  const [got, ...others] = await notesOf(bob)
  assert.deepEqual(others, [])
  assert.deepEqual(
    [got?.peer, got?.direction, got?.kind, got?.duration_ms],
    [alice.userId, 'incoming', 'voice', 21_000],
  )
  assert.equal(await marked(bob, roomId), true)
  // What anybody else writes is no note: in a group nobody is alone with the caller.
  await setState(alice, roomId, 'm.room.join_rules', { join_rule: 'public' })
  await calling.wait(0)
  const carol = await there.user('carol')
  await carol.request('POST', at`/_matrix/client/v3/join/${roomId}`, { body: {}, expect: 200 })
  const marks = { 'io.ringback.note': { note_id: 'note2' }, 'io.ringback.missed_call': { call_id: 'x' } }
  await send(alice, roomId, { ...content, ...marks })
  await calling.wait(0)
  assert.equal((await notesOf(bob)).length, 1)
})

test('a note of somebody who is ignored is sent like any other, and not shown', async () => {
  await using server = await createCallingServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await directChat(alice, bob)
  const path = at`/_matrix/client/v3/user/${bob.userId}/account_data/m.ignored_user_list`
  await bob.put(path, { ignored_users: { [alice.userId]: {} } })
  await withNote(server, alice, bob, roomId)
  await sync(bob)
  await server.context.drain()
  assert.deepEqual([await states(alice), await notesOf(bob), await marked(bob, roomId)], [['delivered'], [], undefined])
  await bob.put(path, { ignored_users: {} })
  assert.deepEqual(await states(bob), ['delivered'])
})

test('whoever asks to be forgotten leaves no inbox', async () => {
  await using server = await createCallingServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  await withNote(server, alice, bob, await directChat(alice, bob))
  const { accounts, db } = server.context
  await db.write('erase', (tx) => accounts.users.deactivate(tx, bob.userId, true))
  const rows = await db.read((reader) => reader.qb.selectFrom('voicemail_notes').selectAll().execute())
  assert.deepEqual(rows, [])
})

test('a client that downloads what is played has played it', async () => {
  await using server = await createCallingServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await directChat(alice, bob)
  await callInVain(server, alice, bob, roomId)
  const url = await upload(alice, 'a recording', { type: 'audio/ogg' })
  await send(alice, roomId, { ...voice, url })
  await fetchWhole(server, bob, url, { 'User-Agent': 'FluffyChat/2.2' })
  assert.deepEqual(await states(bob), ['played'])
})
