import assert from 'node:assert/strict'
import { test } from 'node:test'
import { yieldNow } from './async.ts'
import { createSemaphore } from './semaphore.ts'

test('few tasks run at a time, in the order of their calls, and failures give their place back', async () => {
  const semaphore = createSemaphore(2)
  const ends: (() => void)[] = []
  const started: number[] = []
  const task = (n: number) => () => {
    started.push(n)
    return new Promise<number>((resolve, reject) => ends.push(() => (n === 1 ? reject(new Error('no')) : resolve(n))))
  }
  const results = Promise.allSettled([0, 1, 2, 3].map((n) => semaphore.run(task(n))))
  await yieldNow()
  assert.deepEqual([started, semaphore.waiting], [[0, 1], 2])
  while (ends.length > 0) {
    ends.shift()?.()
    await yieldNow()
  }
  assert.deepEqual(started, [0, 1, 2, 3])
  assert.deepEqual(
    (await results).map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  )
  assert.equal(await semaphore.run(async () => 'free'), 'free')
})

test('whoever gives up waiting loses the turn to the next', async () => {
  const semaphore = createSemaphore(1)
  let end = () => {}
  const first = semaphore.run(() => new Promise<void>((resolve) => (end = resolve)))
  const control = new AbortController()
  const given = semaphore.run(async () => 'never', control.signal)
  const next = semaphore.run(async () => 'next')
  control.abort(new Error('gone'))
  await assert.rejects(given, /gone/)
  end()
  await first
  assert.equal(await next, 'next')
  await assert.rejects(semaphore.run(async () => 'never', AbortSignal.abort()))
})
