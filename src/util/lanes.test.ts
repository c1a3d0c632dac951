import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createTestClock } from './clock.ts'
import { createLanes, type LaneLimits, type Outcome } from './lanes.ts'

const settled = () => new Promise((resolve) => setImmediate(resolve))

/** Lanes whose tasks end when the test says so. */
function setUp(limits: LaneLimits = { perLane: 2, total: 4 }) {
  const clock = createTestClock()
  const started: string[] = []
  const open = new Map<string, (outcome: Outcome) => void>()
  const lanes = createLanes<string>(clock, limits, (key) => {
    assert.ok(!open.has(key), `${key} runs twice at once`)
    started.push(key)
    return new Promise((resolve) => void open.set(key, resolve))
  })
  const end = async (key: string, outcome: Outcome = {}) => {
    const finish = open.get(key)
    assert.ok(finish, `${key} does not run`)
    open.delete(key)
    finish(outcome)
    await settled()
  }
  /** Keys are written `lane:name`. */
  const laneOf = (key: string) => key.split(':')[0] ?? ''
  const wake = (...keys: string[]) => {
    for (const key of keys) lanes.wake(key, laneOf(key), key)
  }
  return { clock, lanes, started, open, end, wake, laneOf }
}

describe('lanes', () => {
  it('run a bounded number of tasks each, and all together', async () => {
    const { started, end, wake } = setUp()
    wake('a:1', 'a:2', 'a:3', 'b:1', 'b:2', 'c:1')
    assert.deepEqual(started, ['a:1', 'a:2', 'b:1', 'b:2'])
    await end('a:1')
    assert.deepEqual(started.slice(4), ['a:3'])
    await end('b:1')
    assert.deepEqual(started.slice(5), ['c:1'])
  })

  it('take turns, however much waits in one of them', async () => {
    const { started, end, wake } = setUp({ perLane: 3, total: 1 })
    wake('a:1', 'a:2', 'a:3', 'b:1', 'c:1')
    for (let i = 0; i < 4; i++) await end(started.at(-1) ?? '')
    assert.equal(new Set(started.slice(1, 4).map((key) => key[0])).size, 3)
  })

  it('run a task again that was woken while it ran, and once only', async () => {
    const { started, end, wake, lanes } = setUp()
    wake('a:1')
    wake('a:1', 'a:1')
    await end('a:1')
    assert.deepEqual(started, ['a:1', 'a:1'])
    await end('a:1')
    assert.equal(lanes.isBusy('a:1'), false)
    await lanes.idle()
  })

  it('do not wait for another try where something urgent came while the task ran', async () => {
    const { started, end, wake, lanes, laneOf, clock } = setUp()
    wake('a:1')
    lanes.wakeNow('a:1', laneOf('a:1'), 'a:1')
    await end('a:1', { retryTs: clock.now() + 1000 })
    assert.deepEqual(started, ['a:1', 'a:1'])
    wake('a:1')
    await end('a:1', { retryTs: clock.now() + 1000 })
    assert.equal(started.length, 2)
  })

  it('try again when it is time, and not for news', async () => {
    const { started, end, wake, lanes, clock } = setUp()
    wake('a:1')
    await end('a:1', { retryTs: clock.now() + 1000 })
    wake('a:1')
    await lanes.idle()
    assert.equal(started.length, 1)
    assert.equal(lanes.isBusy('a:1'), true)
    clock.advance(1000)
    assert.equal(started.length, 2)
    await end('a:1', { retryTs: clock.now() + 1000 })
    lanes.wakeNow('a:1', 'b', 'a:1')
    assert.equal(started.length, 3)
    await end('a:1')
    clock.advance(5000)
    assert.equal(started.length, 3)
  })

  it('send one task at a time where the lane is down', async () => {
    const { started, end, wake, clock } = setUp({ perLane: 3, total: 9 })
    wake('a:1', 'a:2', 'a:3', 'a:4', 'a:5', 'a:6')
    const later = clock.now() + 9000
    for (const key of ['a:1', 'a:2', 'a:3']) await end(key, { retryTs: later, isDown: true })
    assert.deepEqual(started.slice(3), ['a:4'])
    await end('a:4', { isDown: false })
    assert.deepEqual(started.slice(4), ['a:5', 'a:6'])
  })

  it('start nothing once they are stopped, and know what has not been done', async () => {
    const { started, end, wake, lanes, clock } = setUp({ perLane: 1, total: 1 })
    wake('a:1', 'a:2')
    lanes.runAt('a:3', 'a', 'a:3', clock.now() + 1000)
    const stopped = lanes.stop()
    await end('a:1')
    await stopped
    clock.advance(5000)
    wake('a:4')
    assert.deepEqual(started, ['a:1'])
    for (const key of ['a:1', 'a:2', 'a:3']) assert.equal(lanes.isBusy(key), true)
  })

  it('do everything, within their limits', async () => {
    const step = fc.record({
      wake: fc.boolean(),
      lane: fc.nat({ max: 3 }),
      name: fc.nat({ max: 6 }),
      fails: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { started, open, end, wake, lanes, clock, laneOf } = setUp({ perLane: 2, total: 5 })
        const owed = new Set<string>()
        const check = () => {
          assert.ok(open.size <= 5)
          const perLane = Map.groupBy(open.keys(), laneOf)
          for (const keys of perLane.values()) assert.ok(keys.length <= 2)
        }
        let seen = 0
        const note = () => {
          for (; seen < started.length; seen++) owed.delete(started[seen] ?? '')
        }
        for (const { wake: isWake, lane, name, fails } of steps) {
          const key = `${lane}:${name}`
          if (isWake) {
            owed.add(key)
            wake(key)
          } else {
            const [running] = open.keys()
            if (running !== undefined) {
              if (fails) owed.add(running)
              await end(running, fails ? { retryTs: clock.now() + 10, isDown: true } : { isDown: false })
            }
          }
          note()
          check()
        }
        for (let i = 0; i < 500 && (open.size > 0 || owed.size > 0); i++) {
          clock.advance(10)
          const [running] = open.keys()
          if (running !== undefined) await end(running, { isDown: false })
          note()
        }
        assert.deepEqual([...owed], [])
        await lanes.idle()
      }),
      { numRuns: 200 },
    )
  })
})
