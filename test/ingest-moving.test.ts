/** A room that moves on while states of it are resolved. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserId } from '../src/matrix/ids.ts'
import { stateMapKey } from '../src/matrix/state-res.ts'
import { createEventCache } from '../src/rooms/event-cache.ts'
import { createPlacer } from '../src/rooms/ingest/placer.ts'
import { createResolutions, type Resolutions } from '../src/rooms/ingest/resolutions.ts'
import { createRoomView } from '../src/rooms/room-view.ts'
import { createStates } from '../src/rooms/states.ts'
import { silentLog } from '../src/util/log.ts'
import { skipEngine } from './helpers/engines.ts'
import {
  asSeenBy,
  currentState,
  joinedRoom,
  newSigner,
  signerOf,
  statusOf,
  trust,
} from './helpers/federation/remote-room.ts'
import { setState } from './helpers/rooms.ts'
import { createTestServer } from './helpers/server.ts'

const creator = '@creator:remote.test' as UserId

for (const engine of ['sqlite', 'postgres'] as const) {
  test(`an event gets its place in a room that changes faster than its branches are resolved (${engine})`, {
    skip: skipEngine(engine),
  }, async () => {
    await using server = await createTestServer({ engine })
    const alice = await server.user('alice')
    const remote = newSigner('remote.test')
    await trust(server, remote)
    const powerLevels = { state_default: 0 }
    const { room } = await joinedRoom(server, remote, alice.userId, { powerLevels })
    const fork = [...room.graph.heads]
    const { db, streams, serverName } = server.context
    const states = createStates()
    const events = createEventCache()
    const real = createResolutions({ states, events })
    const looked = { outside: 0, within: 0 }

    /** Alice changes the state whenever a result is there, before anybody can make use of it. */
    async function moveOn(): Promise<void> {
      looked.outside += 1
      const content = { round: looked.outside }
      const eventId = await setState(alice, room.roomId, 'org.example.alice', content)
      const { rooms } = server.context
      const event = await db.read((reader) => rooms.reads.eventById(reader, eventId))
      assert.ok(event)
      asSeenBy(room, signerOf(server)).graph.add(event)
    }
    const resolutions: Resolutions = {
      ...real,
      compute: async (look, rules, stateNids) => {
        await real.compute(look, rules, stateNids)
        if (look === db.read) await moveOn()
        else looked.within += 1
      },
    }
    await moveOn()
    const placer = createPlacer({
      db,
      streams,
      serverName,
      states,
      events,
      resolutions,
      hooks: [],
      view: createRoomView(states, events),
      log: silentLog,
      policies: { judge: async (_tx, _room, event) => event, settle: async () => {} },
    })
    const branch = room.append(creator, 'm.room.topic', { topic: 'elsewhere' }, { stateKey: '', prev: fork })
    const outcomes = await placer.place({ roomId: room.roomId, candidates: [{ event: branch }] })

    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['placed'],
    )
    // The room has moved on before each of the first tries was over, so that the last kept everybody else waiting.
    assert.deepEqual(looked, { outside: 6, within: 1 })
    assert.equal(await statusOf(server, branch.eventId), 0)
    const state = await currentState(server, room.roomId)
    assert.deepEqual([...state].sort(), [...room.graph.current()].sort())
    assert.equal(state.get(stateMapKey('m.room.topic', '')), branch.eventId)
    // Others come to their turn again.
    await setState(alice, room.roomId, 'org.example.alice', { round: 'the last' })
  })
}
