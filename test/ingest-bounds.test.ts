/** What other servers can pile up here. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IdentifiedPdu } from '../src/matrix/event.ts'
import { referenceIds } from '../src/matrix/event-references.ts'
import type { EventId, UserId } from '../src/matrix/ids.ts'
import { stateMapKey } from '../src/matrix/state-res.ts'
import { createTestClock } from '../src/util/clock.ts'
import { skipEngine } from './helpers/engines.ts'
import { createPeer } from './helpers/federation/peer.ts'
import {
  asSeenBy,
  currentState,
  deliver,
  ingestOf,
  joinedRoom,
  newSigner,
  statusOf,
  trust,
} from './helpers/federation/remote-room.ts'
import type { BuiltRoom } from './helpers/federation/room-builder.ts'
import { createFederatedServer } from './helpers/federation/servers.ts'
import { shareRoom, untilEvent } from './helpers/federation/shared-room.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'
import { send } from './helpers/rooms.ts'
import { createTestServer } from './helpers/server.ts'

const creator = '@creator:remote.test' as UserId

for (const engine of ['sqlite', 'postgres'] as const) {
  test(`events that wait for others (${engine})`, { skip: skipEngine(engine) }, async (t) => {
    // Nobody answers for what is missing, and the time for another attempt never comes.
    await using server = await createTestServer({ engine, clock: createTestClock(Date.now()) })
    const alice = await server.user('alice')
    const remote = newSigner('remote.test')
    const third = newSigner('third.test')
    await trust(server, remote, third)
    const { room } = await joinedRoom(server, remote, alice.userId)
    const bob = '@bob:third.test' as UserId
    const bobsRoom = asSeenBy(room, third)
    const joined = bobsRoom.member(bob, 'join')
    await deliver(server, third.server, joined)

    let unknown = 0
    const orphan = (from: BuiltRoom, sender: UserId): IdentifiedPdu => {
      unknown += 1
      const prev = [`$${String(unknown).padStart(43, 'x')}` as EventId]
      const { auth_events: auth } = from.draft(sender, 'm.room.message', {})
      return from.build(sender, 'm.room.message', { body: `${unknown}` }, { prev, auth: auth as EventId[] })
    }
    const receive = (origin: string, events: readonly IdentifiedPdu[]) =>
      ingestOf(server).receive(
        origin as never,
        events.map(({ pdu }) => structuredClone(pdu) as never),
      )
    const faultsOf = async (origin: string, ...events: readonly IdentifiedPdu[]) =>
      (await receive(origin, events)).map(({ error }) => error !== undefined)
    const orphans = Array.from({ length: 1000 }, () => orphan(room, creator))

    await t.test('are a thousand for each server and room at most', async () => {
      for (let i = 0; i < 1000; i += 50) {
        const receipts = await receive(remote.server, orphans.slice(i, i + 50))
        assert.deepEqual(
          receipts.filter(({ error }) => error !== undefined),
          [],
        )
      }
      const [first] = orphans
      const extra = orphan(room, creator)
      assert.ok(first)
      // What waits may be sent again: it is there already.
      assert.deepEqual(await faultsOf(remote.server, first, extra, orphan(room, creator)), [false, true, true])
    })

    await t.test('keep out neither other servers nor other rooms', async () => {
      assert.deepEqual(await faultsOf(third.server, orphan(bobsRoom, bob)), [false])
      const { room: other } = await joinedRoom(server, remote, alice.userId)
      assert.deepEqual(await faultsOf(remote.server, orphan(other, creator)), [false])
    })

    await t.test('make room again once they are gone', async () => {
      await server.context.db.write('test', async (tx) => {
        await tx.qb.deleteFrom('staged_events').where('origin', '=', remote.server).execute()
      })
      const message = room.message(creator, 'at last')
      assert.deepEqual(await faultsOf(remote.server, message), [false])
      await ingestOf(server).drain()
      assert.equal(await statusOf(server, message.eventId), 0)
    })
  })
}

for (const engine of ['sqlite', 'postgres'] as const) {
  test(`an event of ours follows twenty ends at most (${engine})`, { skip: skipEngine(engine) }, async () => {
    await using server = await createTestServer({ engine })
    const alice = await server.user('alice')
    const remote = newSigner('remote.test')
    const other = newSigner('third.test')
    await trust(server, remote, other)
    const { room } = await joinedRoom(server, remote, alice.userId)
    const bob = '@bob:third.test' as UserId
    const bobsRoom = asSeenBy(room, other)
    await deliver(server, other.server, bobsRoom.member(bob, 'join'))
    const fork = [...room.graph.heads]
    const lone = bobsRoom.message(bob, 'on a branch of my own', { prev: fork })
    await deliver(server, other.server, lone)
    const branches = Array.from({ length: 35 }, (_, i) => room.message(creator, `branch ${i}`, { prev: fork }))
    for (let i = 0; i < branches.length; i += 5) await deliver(server, remote.server, ...branches.slice(i, i + 5))
    for (const { eventId } of branches) assert.equal(await statusOf(server, eventId), 0, 'each is shown all the same')

    const prevsOf = async (eventId: string) => {
      const { db, rooms } = server.context
      const event = await db.read((reader) => rooms.reads.eventById(reader, eventId))
      assert.ok(event)
      return referenceIds(event.pdu.prev_events)
    }
    const first = await prevsOf(await send(alice, room.roomId, 'one follows them'))
    assert.equal(first.length, 20)
    assert.ok(first.includes(lone.eventId), 'nobody pushes out what another server has sent')
    const second = await prevsOf(await send(alice, room.roomId, 'one follows it and the others'))
    assert.equal(second.length, 17)
    const third = await prevsOf(await send(alice, room.roomId, 'and is the only end then'))
    assert.equal(third.length, 1)
  })
}

test('what changes the state is not what goes where a room has too many ends', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const remote = newSigner('remote.test')
  const others = Array.from({ length: 21 }, (_, i) => newSigner(`other${i}.test`))
  await trust(server, remote, ...others)
  const { room } = await joinedRoom(server, remote, alice.userId)
  const members = others.map((signer) => ({ signer, user: `@bob:${signer.server}` as UserId }))
  for (const { signer, user } of members) {
    await deliver(server, signer.server, asSeenBy(room, signer).member(user, 'join'))
  }
  const fork = [...room.graph.heads]
  const [target, ...talkers] = members
  assert.ok(target)
  const ban = room.member(creator, 'ban', target.user, { prev: fork })
  await deliver(server, remote.server, ban)
  for (const { signer, user } of talkers) {
    await deliver(server, signer.server, asSeenBy(room, signer).message(user, 'elsewhere', { prev: fork }))
  }
  const state = await currentState(server, room.roomId)
  assert.equal(state.get(stateMapKey('m.room.member', target.user)), ban.eventId)
})

test('an event whose parents come from elsewhere meanwhile takes no other with it', {
  skip: withoutOpenssl,
}, async () => {
  await using server = await createFederatedServer()
  await using peer = await createPeer()
  const one = await shareRoom(server, peer)
  const other = await shareRoom(server, peer)
  const missing = one.room.message(one.bob, 'missing')
  const child = one.room.message(one.bob, 'child')
  const { promise: asked, resolve: noteAsked } = Promise.withResolvers<void>()
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  peer.on('POST', '/_matrix/federation/v1/get_missing_events/:roomId', async ({ params }) => {
    if (params.roomId === other.roomId) return undefined
    noteAsked()
    await released
    return { body: { events: [] } }
  })
  await peer.send(server.serverName, [child.pdu])
  await asked
  await peer.send(server.serverName, [missing.pdu, child.pdu])
  await untilEvent(one.follower, one.roomId, child.eventId)
  // Nothing waits now, and SQLite numbers the next one as it did the child.
  other.room.message(other.bob, 'not told')
  const waiting = other.room.message(other.bob, 'waiting')
  await peer.send(server.serverName, [waiting.pdu])
  release()
  await ingestOf(server).drain()
  const staged = await server.context.db.read((reader) =>
    reader.qb.selectFrom('staged_events').select('event_id').execute(),
  )
  assert.deepEqual(staged, [{ event_id: waiting.eventId }])
})
