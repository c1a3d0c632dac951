import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { DeviceId, UserId } from '../src/matrix/ids.ts'
import { draftOf } from '../src/sync/sliding/connection.ts'
import { createConnections } from '../src/sync/sliding/connections.ts'
import { formatPos } from '../src/sync/sliding/pos.ts'
import { selectorOf } from '../src/sync/sliding/required-state.ts'
import { createTestClock } from '../src/util/clock.ts'
import { testOnDatabases } from './helpers/engines.ts'

const alice = '@alice:localhost' as UserId
const requester = { userId: alice, deviceId: 'PHONE' as DeviceId, sessionId: 1, isGuest: false, isAdmin: false }
const selectors = ['m.room.name', 'm.room.topic'].map((type) =>
  selectorOf([{ include: [{ type, stateKey: '' }], exclude: [], lazyMembers: false }]),
)
const token = { position: 1, ephemeral: 1 }

interface Step {
  readonly marks: readonly { room: number; limit: number; selector: number; isDm: boolean }[]
  readonly behind: readonly number[]
  readonly subscribe: boolean
  /** Whether the client uses the position that it gets. */
  readonly arrives: boolean
}

const room = fc.integer({ min: 1, max: 4 })
const step: fc.Arbitrary<Step> = fc.record({
  marks: fc.array(
    fc.record({
      room,
      limit: fc.integer({ min: 0, max: 3 }),
      selector: fc.integer({ min: 0, max: 1 }),
      isDm: fc.boolean(),
    }),
    { maxLength: 3 },
  ),
  behind: fc.array(room, { maxLength: 2 }),
  subscribe: fc.boolean(),
  arrives: fc.boolean(),
})

testOnDatabases('a connection is stored as the client has it, whichever answers arrive', async (db) => {
  // A new one for each request, as after a restart: nothing may depend on what is kept in memory.
  const connections = () => createConnections({ db, clock: createTestClock() })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      let pos: string | undefined
      let known = draftOf(
        await db.read((reader) => connections().open(reader, requester, 'c', undefined)).then((c) => c.state),
      ).base
      for (const { marks, behind, subscribe, arrives } of steps) {
        const opened = await db.read((reader) => connections().open(reader, requester, 'c', pos))
        assert.deepEqual(opened.state, known)
        const draft = draftOf(opened.state)
        for (const { room, limit, selector, isDm } of marks) {
          const state = selectors[selector]
          if (state !== undefined) draft.mark(room, { sentPos: undefined, timelineLimit: limit, isDm }, state)
        }
        for (const room of behind) draft.fallBehind(room, 7)
        const [state] = selectors
        if (subscribe && state !== undefined) {
          const subscriptions = new Map([['!a:b', { timelineLimit: 2, state }]])
          draft.settings = { ...draft.settings, subscriptions }
        }
        const saved = await connections().save(opened, draft)
        if (!arrives && pos !== undefined) continue
        pos = formatPos({ connNid: saved.connNid, seq: saved.seq, token })
        known = saved.state
      }
      const last = await db.read((reader) => connections().open(reader, requester, 'c', pos))
      assert.deepEqual(last.state, known)
    }),
    { numRuns: 40 },
  )
})
