/** Rooms with more ends than one event can follow. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IdentifiedPdu } from '../src/matrix/event.ts'
import { prevEventIds } from '../src/matrix/event-references.ts'
import type { EventId, UserId } from '../src/matrix/ids.ts'
import { stateMapKey } from '../src/matrix/state-res.ts'
import { skipEngine } from './helpers/engines.ts'
import {
  asSeenBy,
  currentState,
  deliver,
  joinedRoom,
  newSigner,
  statusOf,
  trust,
} from './helpers/federation/remote-room.ts'
import type { BuiltRoom } from './helpers/federation/room-builder.ts'
import { send, setState } from './helpers/rooms.ts'
import { createTestServer, type TestServer } from './helpers/server.ts'

const creator = '@creator:remote.test' as UserId
const keyOf = (i: number) => stateMapKey('org.example.state', `${i}`)

/** Branches that start at one event, each with a state event of its own. */
function makeBranches(room: BuiltRoom, count: number): IdentifiedPdu[] {
  const fork = [...room.graph.heads]
  return Array.from({ length: count }, (_, i) =>
    room.append(creator, 'org.example.state', { branch: i }, { stateKey: `${i}`, prev: fork }),
  )
}

async function deliverAll(server: TestServer, events: readonly IdentifiedPdu[], each = 25): Promise<void> {
  for (let from = 0; from < events.length; from += each) {
    await deliver(server, 'remote.test' as never, ...events.slice(from, from + each))
  }
}

/** An event of ours, and the state before it as the server has it. */
async function eventOf(server: TestServer, eventId: string) {
  const { db, rooms } = server.context
  return db.read(async (reader) => {
    const event = await rooms.reads.eventById(reader, eventId)
    assert.ok(event)
    const before = new Map<string, EventId>()
    for (const one of await rooms.reads.view.all(reader, event.beforeNid)) {
      before.set(stateMapKey(one.pdu.type, one.pdu.state_key ?? ''), one.eventId)
    }
    return { event, before }
  })
}

for (const engine of ['sqlite', 'postgres'] as const) {
  test(`the state of a room is that of all its ends, however many there are (${engine})`, {
    skip: skipEngine(engine),
  }, async (t) => {
    await using server = await createTestServer({ engine })
    const alice = await server.user('alice')
    const remote = newSigner('remote.test')
    await trust(server, remote)
    const powerLevels = { events_default: 0, state_default: 0 }
    const { room } = await joinedRoom(server, remote, alice.userId, { powerLevels })
    const branches = makeBranches(room, 50)
    await deliverAll(server, branches)
    const missing = async () => {
      const state = await currentState(server, room.roomId)
      return branches.flatMap(({ eventId }, i) => (state.get(keyOf(i)) === eventId ? [] : i))
    }

    await t.test('as they come in', async () => {
      for (const { eventId } of branches) assert.equal(await statusOf(server, eventId), 0)
      assert.deepEqual(await missing(), [])
    })

    await t.test('while events of ours bring them together, twenty at a time', async () => {
      const followed = new Set<EventId>()
      const counts: number[] = []
      for (let i = 0; i < 4; i++) {
        // What changes the state, too, stands on what it cites.
        const eventId =
          i % 2 === 0
            ? await send(alice, room.roomId, `message ${i}`)
            : await setState(alice, room.roomId, 'org.example.state', { i }, `ours ${i}`)
        const { event, before } = await eventOf(server, eventId)
        counts.push(prevEventIds(event.pdu).length)
        for (const id of prevEventIds(event.pdu)) followed.add(id)
        assert.ok(room.check(event.pdu).allowed, 'other servers accept it')
        assert.deepEqual(
          [...before].sort(),
          [...room.graph.stateBefore(event.pdu)].sort(),
          'the state is that of what it follows',
        )
        room.graph.add(event)
        assert.deepEqual(await missing(), [])
        const state = await currentState(server, room.roomId)
        assert.equal(state.has(stateMapKey('org.example.state', `ours ${i}`)), i % 2 === 1)
      }
      assert.deepEqual(counts, [20, 20, 12, 1])
      for (const { eventId } of branches) assert.ok(followed.has(eventId))
      assert.equal(room.graph.heads.size, 1)
    })

    await t.test('while events of others do', async () => {
      const more = makeBranches(room, 50)
      await deliverAll(server, more)
      const heads = more.map(({ eventId }) => eventId)
      for (let from = 0; from < 50; from += 20) {
        const merge = room.message(creator, 'both', { prev: heads.slice(from, from + 20) })
        await deliver(server, remote.server, merge)
        const state = await currentState(server, room.roomId)
        for (const [i, { eventId }] of more.entries()) assert.equal(state.get(keyOf(i)), eventId)
      }
      const { event } = await eventOf(server, await send(alice, room.roomId, 'the last'))
      assert.equal(prevEventIds(event.pdu).length, 3)
      assert.deepEqual(new Set(prevEventIds(event.pdu)), room.graph.heads)
    })
  })
}

test('who is put out on a branch that no event of ours can follow yet is out', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const bob = await server.user('bob')
  const remote = newSigner('remote.test')
  const third = newSigner('third.test')
  await trust(server, remote, third)
  const { room } = await joinedRoom(server, remote, alice.userId)
  await bob.request('POST', `/_matrix/client/v3/join/${encodeURIComponent(room.roomId)}`, { body: {} })
  const bobsJoin = (await currentState(server, room.roomId)).get(stateMapKey('m.room.member', bob.userId))
  assert.ok(bobsJoin)
  room.graph.add((await eventOf(server, bobsJoin)).event)
  const carol = '@carol:third.test' as UserId
  await deliver(server, third.server, asSeenBy(room, third).member(carol, 'join'))
  const fork = [...room.graph.heads]
  await deliverAll(server, makeBranches(room, 30))
  await deliver(server, remote.server, room.member(creator, 'ban', bob.userId, { prev: fork }))
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room.roomId)}/send/m.room.message/1`
  const refused = await bob.request('PUT', path, { body: { msgtype: 'm.text', body: 'still here' } })
  assert.equal(refused.status, 403)
  assert.equal(refused.body.errcode, 'M_FORBIDDEN')
})

test('nobody can make more than a hundred ends of a room', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const remote = newSigner('remote.test')
  const third = newSigner('third.test')
  await trust(server, remote, third)
  const { room } = await joinedRoom(server, remote, alice.userId)
  const carol = '@carol:third.test' as UserId
  await deliver(server, third.server, asSeenBy(room, third).member(carol, 'join'))
  const fork = [...room.graph.heads]
  const branches = makeBranches(room, 120)
  await deliverAll(server, branches, 50)
  const shown = await Promise.all(branches.map(({ eventId }) => statusOf(server, eventId)))
  assert.equal(shown.filter((status) => status === 0).length, 100)
  assert.equal(shown.filter((status) => status === 1).length, 20, 'the others are kept')
  const other = asSeenBy(room, third).message(carol, 'not the same server', { prev: fork })
  await deliver(server, third.server, other)
  assert.equal(await statusOf(server, other.eventId), 0)
  // What is kept counts as soon as something follows it, together with an end so that there are no more.
  const late = branches.at(-1)
  assert.ok(late)
  const merge = room.message(creator, 'both', { prev: [late.eventId, other.eventId] })
  await deliver(server, remote.server, merge)
  assert.equal(await statusOf(server, merge.eventId), 0)
  assert.equal((await currentState(server, room.roomId)).get(keyOf(119)), late.eventId)
})
