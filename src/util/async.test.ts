import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createYielder, mapLimit, sleep, TimeoutError, withTimeout, yieldNow } from './async.ts'

const never = () => new Promise<never>(() => {})

test('withTimeout rejects what does not listen, and leaves a fast result alone', async () => {
  await assert.rejects(withTimeout(1, never), TimeoutError)
  assert.equal(await withTimeout(10_000, async () => 5), 5)
})

test('withTimeout passes on the abort of its parent', async () => {
  const parent = new AbortController()
  const running = withTimeout(10_000, never, parent.signal)
  parent.abort(new Error('stop'))
  await assert.rejects(running, /stop/)
  await assert.rejects(withTimeout(1, never, parent.signal), /stop/)
})

test('sleep ends with its signal', async () => {
  const controller = new AbortController()
  const sleeping = sleep(100_000, controller.signal)
  controller.abort(new Error('wake'))
  await assert.rejects(sleeping, /wake/)
  await assert.rejects(sleep(1, controller.signal), /wake/)
  await sleep(0)
})

test('a yielder lets the event loop turn in a long loop', async () => {
  const pause = createYielder(1)
  let turned = false
  setImmediate(() => {
    turned = true
  })
  while (!turned) await pause()
  assert.equal(createYielder(1_000)(), undefined)
})

test('of many loops that give way one goes on in each turn of the event loop', async () => {
  let resumed = 0
  const perTurn: number[] = []
  let isOver = false
  const turn = () => {
    perTurn.push(resumed)
    resumed = 0
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  const order: number[] = []
  const loop = async (index: number) => {
    for (let i = 0; i < 3; i++) {
      await yieldNow()
      resumed += 1
      order.push(index)
    }
  }
  await Promise.all([0, 1, 2, 3].map(loop))
  isOver = true
  assert.ok(Math.max(...perTurn) <= 1, perTurn.join())
  assert.deepEqual(order, [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3])
})

test('mapLimit keeps order and its limit', async () => {
  let running = 0
  let most = 0
  const result = await mapLimit([1, 2, 3, 4, 5], 2, async (n) => {
    most = Math.max(most, ++running)
    await yieldNow()
    running--
    return n * 2
  })
  assert.deepEqual(result, [2, 4, 6, 8, 10])
  assert.equal(most, 2)
})
