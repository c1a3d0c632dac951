import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, UserId } from '../src/matrix/ids.ts'
import { roomVersions } from '../src/matrix/room-versions.ts'
import { skipEngine } from './helpers/engines.ts'
import {
  asSeenBy,
  currentState,
  deliver,
  joinedRoom,
  newSigner,
  sorted,
  statusOf,
  trust,
} from './helpers/federation/remote-room.ts'
import { createTestServer } from './helpers/server.ts'

for (const engine of ['sqlite', 'postgres'] as const) {
  test(`events of other servers (${engine})`, { skip: skipEngine(engine) }, async (t) => {
    await using server = await createTestServer({ engine })
    const alice = await server.user('alice')
    const remote = newSigner('remote.test')
    const third = newSigner('third.test')
    await trust(server, remote, third)
    const bob = '@bob:third.test' as UserId
    const creator = '@creator:remote.test' as UserId

    const timeline = async (roomId: string) => {
      const { chunk } = await alice.get(
        `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=100`,
      )
      return (chunk as { event_id: string }[]).map((event) => event.event_id).reverse()
    }

    for (const version of roomVersions) {
      await t.test(`a room of version ${version} is entered and followed through forks`, async () => {
        const { room, join } = await joinedRoom(server, remote, alice.userId, { version })
        assert.deepEqual(sorted(await currentState(server, room.roomId)), sorted(room.graph.current()))
        const message = room.message(creator, 'hello')
        assert.deepEqual(await deliver(server, remote.server, message), [
          { eventId: message.eventId, error: undefined },
        ])
        assert.deepEqual(await timeline(room.roomId), [join.eventId, message.eventId])

        const fork = [message.eventId]
        const topic = room.append(creator, 'm.room.topic', { topic: 'a' }, { stateKey: '', prev: fork })
        const named = asSeenBy(room, third).member(bob, 'join', bob, { prev: fork })
        await deliver(server, remote.server, topic)
        await deliver(server, third.server, named)
        assert.deepEqual(sorted(await currentState(server, room.roomId)), sorted(room.graph.current()))
        assert.equal(room.graph.heads.size, 2)
        const other = room.append(creator, 'm.room.topic', { topic: 'b' }, { stateKey: '', prev: [named.eventId] })
        await deliver(server, remote.server, other)
        assert.deepEqual(sorted(await currentState(server, room.roomId)), sorted(room.graph.current()))
        const merged = room.message(creator, 'merged')
        await deliver(server, remote.server, merged)
        assert.deepEqual(sorted(await currentState(server, room.roomId)), sorted(room.graph.current()))

        const { event_id: own } = await alice.put(
          `/_matrix/client/v3/rooms/${encodeURIComponent(room.roomId)}/send/m.room.message/x${version}`,
          { msgtype: 'm.text', body: 'own' },
        )
        assert.deepEqual((await timeline(room.roomId)).slice(-2), [merged.eventId, own])
        assert.equal(await statusOf(server, String(own) as EventId), 0)
      })
    }
  })
}
