import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MatrixError } from '../src/matrix/errors.ts'
import { createTestClock } from '../src/util/clock.ts'
import { createRoom, timeline } from './helpers/rooms.ts'
import { createTestServer } from './helpers/server.ts'

interface Waiting {
  readonly id: string
  readonly name: string
  readonly delay: number
  dueTs: number | undefined
  outcome: 'sent' | 'cancelled' | undefined
}

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('schedule' as const), delay: fc.integer({ min: 1, max: 50 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 4_000 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('restart', 'cancel', 'send'), which: fc.nat(9) }),
  },
)

test('whatever is done with delayed events, each is sent once at most, when it should be and in order', async () => {
  const clock = createTestClock()
  await using server = await createTestServer({ clock })
  const alice = await server.user('alice')
  const { delayed } = server.context
  let names = 0

  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const roomId = await createRoom(alice)
      const events: Waiting[] = []
      const sent: string[] = []
      const settle = async (until: number) => {
        const due = events.filter(({ dueTs }) => dueTs !== undefined && dueTs <= until)
        for (const event of due.sort((a, b) => (a.dueTs ?? 0) - (b.dueTs ?? 0))) {
          Object.assign(event, { dueTs: undefined, outcome: 'sent' })
          sent.push(event.name)
        }
        await delayed.drain()
      }
      for (const one of steps) {
        if (one.do === 'schedule') {
          // No two are due at once.
          const delay = one.delay * 100 + (names % 97)
          const name = `${names++}`
          const content = { msgtype: 'm.text', body: name }
          const request = { roomId, type: 'm.room.message', stateKey: undefined, content, delay, txnId: name }
          const id = await delayed.schedule(alice, request)
          assert.equal(await delayed.schedule(alice, request), id)
          if (events.some(({ dueTs }) => dueTs === clock.now() + delay)) {
            await delayed.cancel(id)
            continue
          }
          events.push({ id, name, delay, dueTs: clock.now() + delay, outcome: undefined })
        } else if (one.do === 'pass') {
          clock.advance(one.ms)
          await settle(clock.now())
        } else {
          const event = events[one.which]
          if (event === undefined) continue
          const isTie = one.do === 'restart' && events.some(({ dueTs }) => dueTs === clock.now() + event.delay)
          if (isTie) continue
          const wanted = { send: 'sent', cancel: 'cancelled', restart: undefined } as const
          const isAllowed = event.dueTs !== undefined || event.outcome === wanted[one.do]
          const result = await delayed[one.do](event.id).then(
            () => 200,
            (error: unknown) => (error instanceof MatrixError ? error.status : error),
          )
          assert.equal(result, isAllowed ? 200 : 409)
          if (event.dueTs === undefined) continue
          if (one.do === 'send') sent.push(event.name)
          Object.assign(event, {
            dueTs: one.do === 'restart' ? clock.now() + event.delay : undefined,
            outcome: wanted[one.do],
          })
        }
      }
      clock.advance(10_000)
      await settle(clock.now())
      const bodies = (await timeline(alice, roomId)).flatMap(({ content }) => content.body ?? [])
      assert.deepEqual(bodies, sent)
      for (const event of events) assert.equal((await delayed.get(event.id))?.outcome, event.outcome)
    }),
    { numRuns: 40 },
  )
})
