/** What becomes of an event that is sent again while others are asked for what it lacks. */
import assert from 'node:assert/strict'
import type { IdentifiedPdu } from '../src/matrix/event.ts'
import type { EventId, RoomId, ServerName, UserId } from '../src/matrix/ids.ts'
import type { Completion } from '../src/rooms/ingest/completions.ts'
import { insertStaged, listStagedRooms } from '../src/rooms/ingest/store-staged.ts'
import { createIngestWorker } from '../src/rooms/ingest/worker.ts'
import { createTestClock } from '../src/util/clock.ts'
import { silentLog } from '../src/util/log.ts'
import { testOnDatabases } from './helpers/engines.ts'

const roomId = '!room:remote.test' as RoomId
const origin = 'remote.test' as ServerName
const localUsers: ReadonlySet<UserId> = new Set(['@alice:here.test' as UserId])

const event = {
  eventId: '$child' as EventId,
  pdu: {
    type: 'm.room.message',
    sender: '@bob:remote.test' as UserId,
    room_id: roomId,
    content: {},
    depth: 2,
    origin_server_ts: 0,
    prev_events: ['$missing'],
    auth_events: [],
    hashes: {},
    signatures: {},
  },
} as unknown as IdentifiedPdu

for (const first of ['hopeless', 'later'] as const) {
  testOnDatabases(`sent again in the moment in which it proves ${first}, it is looked at again`, async (db) => {
    let asked = 0
    const worker = createIngestWorker({
      db,
      clock: createTestClock(),
      log: silentLog,
      localMembers: { of: async () => localUsers },
      placer: { place: async () => [{ kind: 'missing', prevs: ['$missing' as EventId], auths: [] }] },
      complete: async (): Promise<Completion> => {
        asked += 1
        // Its row is written before the verdict on the first one is, and who wrote it has not woken anybody yet.
        if (asked === 1) await db.write('stage again', (tx) => insertStaged(tx, roomId, origin, event))
        return asked === 1 ? first : 'hopeless'
      },
    })
    await db.write('stage', (tx) => insertStaged(tx, roomId, origin, event))
    worker.wake(roomId)
    await worker.drain()
    assert.equal(asked, 2)
    assert.deepEqual(await db.read(listStagedRooms), [], 'nothing is left behind')
    await worker.part.stop()
  })
}
