import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { at } from './helpers/client.ts'
import { createRoom } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import type { SyncEvent } from './helpers/sync.ts'

interface Page {
  chunk: SyncEvent[]
  next_batch?: string
}

let server: TestServer
let alice: TestUser
let bob: TestUser
let roomId: string
let txn = 0

async function relate(user: TestUser, type: string, relType: string, parent: string, content: object = {}) {
  const body = { ...content, 'm.relates_to': { rel_type: relType, event_id: parent } }
  return (
    await user.put<{ event_id: string }>(at`/_matrix/client/v3/rooms/${roomId}/send/${type}/${`r${txn++}`}`, body)
  ).event_id
}

const say = async (user: TestUser, body: string) =>
  (
    await user.put<{ event_id: string }>(at`/_matrix/client/v3/rooms/${roomId}/send/m.room.message/${`r${txn++}`}`, {
      msgtype: 'm.text',
      body,
    })
  ).event_id

async function pages(path: string, dir: 'b' | 'f'): Promise<string[]> {
  const found: string[] = []
  for (let from: string | undefined, first = true; first || from !== undefined; first = false) {
    const page: Page = await alice.get(path, { dir, limit: 2, from })
    found.push(...page.chunk.map(({ event_id: id }) => id))
    from = page.next_batch
  }
  return found
}

before(async () => {
  server = await createTestServer()
  alice = await server.user('alice')
  bob = await server.user('bob')
  roomId = await createRoom(alice, { preset: 'public_chat' })
  await bob.post(at`/_matrix/client/v3/join/${roomId}`)
})
after(() => server.stop())

it('lists what relates to an event, by relation and type, each once in both directions', async () => {
  const parent = await say(alice, 'parent')
  const references: string[] = []
  for (let i = 0; i < 5; i++) references.push(await relate(bob, 'org.example', 'm.reference', parent))
  const edit = await relate(alice, 'm.room.message', 'm.replace', parent, { msgtype: 'm.text', body: '* edited' })
  const all = at`/_matrix/client/v1/rooms/${roomId}/relations/${parent}`
  assert.deepEqual(await pages(all, 'f'), [...references, edit])
  assert.deepEqual(await pages(all, 'b'), [edit, ...references.toReversed()])
  assert.deepEqual(await pages(`${all}/m.reference`, 'f'), references)
  assert.deepEqual(await pages(`${all}/m.reference/org.example`, 'f'), references)
  assert.deepEqual(await pages(`${all}/m.reference/m.room.message`, 'f'), [])
})

it('forgets the relation of what was redacted', async () => {
  const parent = await say(alice, 'parent')
  const child = await relate(bob, 'org.example', 'm.reference', parent)
  await bob.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${child}/${`r${txn++}`}`, {})
  assert.deepEqual(await pages(at`/_matrix/client/v1/rooms/${roomId}/relations/${parent}`, 'b'), [])
})

it('lists threads, those with the newest reply first, and those one took part in', async () => {
  const first = await say(alice, 'first')
  const second = await say(alice, 'second')
  await relate(alice, 'm.room.message', 'm.thread', second, { msgtype: 'm.text', body: 'reply' })
  await relate(bob, 'm.room.message', 'm.thread', first, { msgtype: 'm.text', body: 'reply' })
  const path = at`/_matrix/client/v1/rooms/${roomId}/threads`
  const list = async (user: TestUser, include: string) =>
    (await user.get<Page>(path, { include })).chunk.map(({ event_id: id }) => id)
  assert.deepEqual(await list(alice, 'all'), [first, second])
  assert.deepEqual(await list(bob, 'participated'), [first])
})

it('tells strangers nothing', async () => {
  const carol = await server.user('carol')
  const parent = await say(alice, 'parent')
  const { status } = await carol.request('GET', at`/_matrix/client/v1/rooms/${roomId}/relations/${parent}`)
  assert.ok(status === 403 || status === 404)
})
