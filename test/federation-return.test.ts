/** Rooms of which something is here from before: an old copy, or an invitation. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { RoomId, UserId } from '../src/matrix/ids.ts'
import { at } from './helpers/client.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { createPeer, type Peer } from './helpers/federation/peer.ts'
import { inviteTo } from './helpers/federation/peer-joining.ts'
import { currentState, sorted } from './helpers/federation/remote-room.ts'
import type { BuiltRoom } from './helpers/federation/room-builder.ts'
import { createFederatedServer, type FederatedServer } from './helpers/federation/servers.ts'
import { untilEvent } from './helpers/federation/shared-room.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'
import { createFollower } from './helpers/follower.ts'
import { act, allState, type SeenEvent } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'
import { sync } from './helpers/sync.ts'

const options = { skip: withoutOpenssl, timeout: 60_000 }
let peer: Peer

before(async () => {
  if (!withoutOpenssl) peer = await createPeer()
})
after(() => peer?.stop())

const join = (user: TestUser, roomId: RoomId) =>
  user.request('POST', at`/_matrix/client/v3/join/${roomId}`, {
    query: { via: peer.serverName },
    body: {},
    expect: 200,
  })

async function assertSameState(server: FederatedServer, user: TestUser, room: BuiltRoom): Promise<void> {
  assert.deepEqual(sorted(await currentState(server, room.roomId)), sorted(room.graph.current()))
  const seen = (await allState(user, room.roomId)).map(({ event_id: eventId }) => eventId)
  assert.deepEqual(seen.sort(), [...room.graph.current().values()].sort())
}

for (const engine of engines) {
  for (const version of engine === 'sqlite' ? ['1', '6', '11', '12'] : ['12']) {
    test(`an old copy is brought up to date (version ${version}, ${engine})`, {
      ...options,
      skip: options.skip || skipEngine(engine),
    }, async () => {
      await using server = await createFederatedServer({ engine })
      const alice = await server.user('alice')
      const creator = peer.user('creator')
      const room = peer.createRoom(creator, { version })
      const [stays, goes, comes] = ['stays', 'goes', 'comes'].map((name) => peer.user(name)) as [UserId, UserId, UserId]
      for (const user of [stays, goes]) room.member(user, 'join')
      const setting = (name: string, value: string) =>
        room.append(creator, 'org.example.setting', { value }, { stateKey: name })
      setting('kept', 'old')
      setting('changed', 'old')
      await join(alice, room.roomId)
      await assertSameState(server, alice, room)
      await act(alice, room.roomId, 'leave')
      await peer.waitFor('the leave', () => room.membership(alice.userId) === 'leave')

      // Nobody here hears of this.
      room.member(goes, 'leave')
      room.member(comes, 'join')
      setting('changed', 'new')
      setting('added', 'new')
      const missed = Array.from({ length: 30 }, (_, i) => room.message(creator, `missed ${i}`))
      const { next_batch: since } = await sync(alice)
      await join(alice, room.roomId)
      await assertSameState(server, alice, room)
      const joined = (await sync(alice, { since })).rooms?.join?.[room.roomId]
      assert.equal(joined?.timeline.limited, true, 'there is a gap before the new join')
      const told = [...(joined?.state?.events ?? []), ...(joined?.timeline.events ?? [])]
      const value = (name: string) =>
        told.findLast(({ type, state_key: key }) => type === 'org.example.setting' && key === name)
      assert.deepEqual([value('changed')?.content.value, value('added')?.content.value], ['new', 'new'])

      // The room goes on in both directions.
      const follower = await createFollower(alice)
      const hello = room.message(comes, 'welcome back')
      await peer.send(server.serverName, [hello.pdu])
      await untilEvent(follower, room.roomId, hello.eventId)
      const page = at`/_matrix/client/v3/rooms/${room.roomId}/messages`
      const { chunk } = await alice.get<{ chunk: SeenEvent[] }>(page, { dir: 'b', limit: 40 })
      const bodies = chunk.map(({ content }) => content.body)
      assert.ok(bodies.includes(String(missed.at(-1)?.pdu.content.body)), 'what was missed can be paged to')
      assert.deepEqual(peer.faults, [])
    })

    test(`a room of which only an invitation is here is entered whole (version ${version}, ${engine})`, {
      ...options,
      skip: options.skip || skipEngine(engine),
    }, async () => {
      await using server = await createFederatedServer({ engine })
      const alice = await server.user('alice')
      const creator = peer.user('creator')
      const room = peer.createRoom(creator, { version, joinRule: 'invite' })
      await inviteTo(peer, room, creator, alice.userId)
      assert.ok((await sync(alice)).rooms?.invite?.[room.roomId])
      room.append(creator, 'm.room.topic', { topic: 'since the invitation' }, { stateKey: '' })
      const { next_batch: since } = await sync(alice)
      await join(alice, room.roomId)
      await assertSameState(server, alice, room)
      const { rooms } = await sync(alice, { since })
      assert.ok(rooms?.join?.[room.roomId])
      assert.equal(rooms?.invite?.[room.roomId], undefined)
      const follower = await createFollower(alice)
      const hello = room.message(creator, 'welcome')
      await peer.send(server.serverName, [hello.pdu])
      await untilEvent(follower, room.roomId, hello.eventId)
      assert.deepEqual(peer.faults, [])
    })
  }
}
