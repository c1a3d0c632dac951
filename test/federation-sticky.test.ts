/** Sticky events between servers: https://github.com/matrix-org/matrix-spec-proposals/pull/4354 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IdentifiedPdu } from '../src/matrix/event.ts'
import type { UserId } from '../src/matrix/ids.ts'
import { at } from './helpers/client.ts'
import { skipEngine } from './helpers/engines.ts'
import { asSeenBy, deliver, joinedRoom, newSigner, statusOf, trust } from './helpers/federation/remote-room.ts'
import { createFederatedServer } from './helpers/federation/servers.ts'
import { createRoom, send } from './helpers/rooms.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'
import { type SyncEvent, sync } from './helpers/sync.ts'

const type = 'org.matrix.msc4143.rtc.member'
const query = { 'org.matrix.msc4354.sticky_duration_ms': 3_600_000 }
const patienceMs = 20_000

async function stick(user: TestUser, roomId: string, body: string): Promise<string> {
  const path = at`/_matrix/client/v3/rooms/${roomId}/send/${type}/${body}`
  return String((await user.request('PUT', path, { query, body: { body }, expect: 200 })).body.event_id)
}

const stickyIn = (body: Awaited<ReturnType<typeof sync>>, roomId: string): SyncEvent[] =>
  Object(body.rooms?.join?.[roomId]).sticky?.events ?? []

/** What is sticky in a room for a client that is told of it again and again, until there is so much. */
async function untilSticky(user: TestUser, roomId: string, since: string, count: number): Promise<SyncEvent[]> {
  const deadline = Date.now() + patienceMs
  const found: SyncEvent[] = []
  for (let next = since; found.length < count; ) {
    if (Date.now() > deadline) throw new Error(`${user.userId} has waited in vain for sticky events`)
    const body = await sync(user, { since: next, timeout: 2000, filter: { room: { timeline: { types: [] } } } })
    found.push(...stickyIn(body, roomId))
    next = body.next_batch
  }
  return found
}

test('sticky events reach the servers in a room, and those that come in later', async () => {
  await using here = await createFederatedServer()
  await using there = await createFederatedServer()
  const alice = await here.user('alice')
  const bob = await there.user('bob')
  const visibility = { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'joined' } }
  const roomId = await createRoom(alice, { preset: 'public_chat', initial_state: [visibility] })
  const before = [await stick(alice, roomId, 'before'), await stick(alice, roomId, 'also before')]
  const redacted = await stick(alice, roomId, 'redacted')
  await alice.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${redacted}/${'r'}`, {})
  for (let i = 0; i < 3; i++) await send(alice, roomId, `between ${i}`)
  const { next_batch: since } = await sync(bob)
  const path = at`/_matrix/client/v3/join/${roomId}`
  await bob.request('POST', path, { query: { via: [here.serverName] }, body: {}, expect: 200 })
  const [first, second] = await untilSticky(bob, roomId, since, 2)
  assert.deepEqual([first?.event_id, second?.event_id], before)
  const left = Number(first?.unsigned.sticky_duration_ttl_ms)
  assert.ok(left > 3_500_000 && left <= 3_600_000, `${left}`)
  const { next_batch: then } = await sync(bob)
  const later = await stick(alice, roomId, 'later')
  assert.deepEqual(
    (await untilSticky(bob, roomId, then, 1)).map((event) => event.event_id),
    [later],
  )
  const own = await stick(bob, roomId, 'from there')
  const { next_batch: start } = await sync(alice, { filter: { room: { rooms: [] } } })
  const all = stickyIn(await sync(alice, { filter: { room: { timeline: { types: [] } } } }), roomId)
  const isThere = all.some((event) => event.event_id === own)
  if (!isThere) assert.equal((await untilSticky(alice, roomId, start, 1)).at(-1)?.event_id, own)
})

for (const engine of ['sqlite', 'postgres'] as const) {
  test(`what the state does not allow is looked at again when it changes (${engine})`, {
    skip: skipEngine(engine),
  }, async () => {
    await using server = await createTestServer({ engine })
    const alice = await server.user('alice')
    const [remote, third] = [newSigner('remote.test'), newSigner('third.test')]
    await trust(server, remote, third)
    const bob = '@bob:third.test' as UserId
    const creator = '@creator:remote.test' as UserId
    const { room } = await joinedRoom(server, remote, alice.userId)
    const seen = asSeenBy(room, third)
    const joined = seen.member(bob, 'join')
    const late = (body: string, sticky: object) =>
      seen.build(
        bob,
        type,
        { body },
        {
          prev: [joined.eventId],
          change: (pdu) => ({ ...pdu, ...sticky }),
        },
      ) satisfies IdentifiedPdu
    const hour = { duration_ms: 3_600_000 }
    const [kept, plain, gone] = [
      late('kept', { msc4354_sticky: hour }),
      late('plain', {}),
      late('gone', { sticky: hour, origin_server_ts: Date.now() - 3_600_001 }),
    ]
    const ban = room.member(creator, 'ban', bob, { prev: [joined.eventId] })
    await deliver(server, remote.server, joined, ban)
    await deliver(server, third.server, kept, plain, gone)
    for (const event of [kept, plain, gone]) assert.equal(await statusOf(server, event.eventId), 1)
    const filter = { room: { timeline: { types: [] } } }
    const { next_batch: since } = await sync(alice)
    // A change that does not concern it changes nothing.
    const topic = room.append(creator, 'm.room.topic', { topic: 'x' }, { stateKey: '' })
    const unban = room.member(creator, 'leave', bob)
    await deliver(server, remote.server, topic, unban)
    assert.deepEqual(stickyIn(await sync(alice, { since, filter }), room.roomId), [])
    const { next_batch: then } = await sync(alice, { since, filter })
    await deliver(server, third.server, seen.member(bob, 'join'))
    const told = await sync(alice, { since: then, filter })
    assert.deepEqual(
      stickyIn(told, room.roomId).map((event) => event.event_id),
      [kept.eventId],
    )
    assert.deepEqual(stickyIn(await sync(alice, { since: told.next_batch, filter }), room.roomId), [])
    assert.deepEqual(
      stickyIn(await sync(alice, { filter }), room.roomId).map((event) => event.event_id),
      [kept.eventId],
    )
  })
}
