import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { at } from './helpers/client.ts'
import { createFederatedServer, type FederatedServer } from './helpers/federation/servers.ts'
import { postgresMissing } from './helpers/postgres.ts'
import { type Deletion, purgeHistory } from './helpers/purges.ts'
import { checkIntegrity, countRows } from './helpers/room-integrity.ts'
import { act, allState, createRoom, membershipOf, type SeenEvent, send, setState } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'

let here: FederatedServer
let there: FederatedServer
let root: TestUser
let alice: TestUser
let bob: TestUser

before(async () => {
  here = await createFederatedServer()
  there = await createFederatedServer({ engine: postgresMissing ? 'sqlite' : 'postgres' })
  root = await there.user('root', { admin: true })
  alice = await here.user('alice')
  bob = await there.user('bob')
})
after(() => Promise.all([here.stop(), there.stop()]))

const join = (user: TestUser, roomId: string, status = 200) =>
  user.request('POST', at`/_matrix/client/v3/join/${roomId}`, {
    query: { via: [here.serverName, there.serverName] },
    body: {},
    expect: status,
  })

async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) for (const server of [here, there]) await server.context.drain()
}

/** What the user meets on the way back, oldest first, as far as it goes. */
async function pageBack(user: TestUser, roomId: string): Promise<SeenEvent[]> {
  const found: SeenEvent[] = []
  let from: string | undefined
  for (let pages = 0; pages < 20; pages++) {
    const path = at`/_matrix/client/v3/rooms/${roomId}/messages`
    const page = await user.get<{ chunk: SeenEvent[]; end?: string }>(path, { dir: 'b', limit: 20, from })
    found.unshift(...page.chunk.toReversed())
    if (page.end === undefined) return found
    from = page.end
  }
  throw new Error('the way back does not end')
}

const bodies = (events: readonly { content: JsonObject }[]) => events.flatMap(({ content }) => content.body ?? [])
const names = async (user: TestUser, roomId: string) =>
  (await allState(user, roomId)).map(({ event_id: id }) => id).toSorted()

test('history that was removed is fetched again by who reads back, and the room goes on', async () => {
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  await join(bob, roomId)
  for (let i = 0; i < 12; i++) {
    await send(alice, roomId, `from here ${i}`)
    await setState(alice, roomId, 'm.room.topic', { topic: `Topic ${i}` })
    await settle()
    await send(bob, roomId, `from there ${i}`)
    await settle()
  }
  const last = await send(alice, roomId, 'last')
  await settle()
  const all = bodies(await pageBack(bob, roomId))
  const state = await names(bob, roomId)
  const { db } = there.context

  await purgeHistory(there, root, roomId, { purge_up_to_event_id: last })
  await checkIntegrity(db)
  assert.equal(await countRows(db, 'events', "json like '%from here%'"), 0)
  assert.equal(await countRows(db, 'events', "json like '%from there%'"), 12, 'there may be no other copy')
  assert.deepEqual(await names(bob, roomId), state)

  await purgeHistory(there, root, roomId, { purge_up_to_event_id: last, delete_local_events: true })
  await checkIntegrity(db)
  assert.equal(await countRows(db, 'events', "json like '%from there%' or json like '%Topic 3%'"), 0)
  assert.deepEqual(await names(bob, roomId), state)

  await send(bob, roomId, 'goes on there')
  await settle()
  await send(alice, roomId, 'goes on here')
  await settle()
  assert.deepEqual(await names(bob, roomId), await names(alice, roomId))
  assert.deepEqual(bodies(await pageBack(bob, roomId)), [...all, 'goes on there', 'goes on here'])
  assert.deepEqual(bodies(await pageBack(alice, roomId)), [...all, 'goes on there', 'goes on here'])
  await checkIntegrity(db)
})

test('a server that lacks what was removed here gets what is left', async () => {
  const roomId = await createRoom(bob, { preset: 'public_chat' })
  for (let i = 0; i < 5; i++) await send(bob, roomId, `old ${i}`)
  const first = await send(bob, roomId, 'kept')
  await purgeHistory(there, root, roomId, { purge_up_to_event_id: first, delete_local_events: true })
  await join(alice, roomId)
  assert.deepEqual(await names(alice, roomId), await names(bob, roomId))
  assert.deepEqual(bodies(await pageBack(alice, roomId)), ['kept'])
  await send(alice, roomId, 'new')
  await settle()
  assert.deepEqual(bodies(await pageBack(bob, roomId)), ['kept', 'new'])
  await checkIntegrity(there.context.db)
})

test('a room that was removed is joined again as if it were new', async () => {
  const roomId = await createRoom(alice, { preset: 'public_chat', name: 'Shared' })
  await join(bob, roomId)
  await send(alice, roomId, 'yak here')
  await settle()
  await send(bob, roomId, 'yak there')
  await settle()
  const moved = (await root.delete(at`/_synapse/admin/v1/rooms/${roomId}`, {})) as unknown as Deletion['shutdown_room']
  assert.deepEqual([moved.kicked_users, moved.failed_to_kick_users], [[bob.userId], []])
  await settle()
  assert.equal(await membershipOf(alice, roomId, bob.userId), 'leave', 'the other server was told')
  const { db } = there.context
  await checkIntegrity(db)
  assert.equal(await countRows(db, 'events', "json like '%yak here%' or json like '%yak there%'"), 0)
  await send(alice, roomId, 'meanwhile')
  await settle()
  assert.equal(await countRows(db, 'staged_events', '1 = 1'), 0)

  await join(bob, roomId)
  await settle()
  assert.deepEqual(await names(bob, roomId), await names(alice, roomId))
  await send(bob, roomId, 'back')
  await settle()
  const seen = bodies(await pageBack(bob, roomId))
  assert.deepEqual(seen, ['yak here', 'yak there', 'meanwhile', 'back'])
  assert.equal(bodies(await pageBack(alice, roomId)).at(-1), 'back')
  await checkIntegrity(db)
})

test('a blocked room takes neither joins nor invitations of other servers', async () => {
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  await root.put(at`/_synapse/admin/v1/rooms/${roomId}/block`, { block: true })
  assert.equal((await join(bob, roomId, 403)).body.errcode, 'M_FORBIDDEN')
  await act(alice, roomId, 'invite', { user_id: bob.userId }, 403)
  await root.put(at`/_synapse/admin/v1/rooms/${roomId}/block`, { block: false })
  await act(alice, roomId, 'invite', { user_id: bob.userId })
  await join(bob, roomId)
})
