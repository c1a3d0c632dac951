import assert from 'node:assert/strict'
import { test } from 'node:test'
import { yieldNow } from './async.ts'
import { createKeyedMutex } from './keyed-mutex.ts'

test('one key runs in order, keys run side by side, nothing is kept afterwards', async () => {
  const mutex = createKeyedMutex()
  const log: string[] = []
  const task = (name: string, turns: number) => async () => {
    log.push(`${name}+`)
    for (let i = 0; i < turns; i++) await yieldNow()
    log.push(`${name}-`)
    return name
  }
  const results = await Promise.all([
    mutex.run('x', task('x1', 3)),
    mutex.run('x', task('x2', 1)),
    mutex.run('x', task('x3', 0)),
    mutex.run('y', task('y1', 1)),
  ])
  assert.deepEqual(results, ['x1', 'x2', 'x3', 'y1'])
  assert.deepEqual(
    log.filter((l) => l.startsWith('x')),
    ['x1+', 'x1-', 'x2+', 'x2-', 'x3+', 'x3-'],
  )
  assert.ok(log.indexOf('y1-') < log.indexOf('x1-'))
  assert.equal(mutex.size, 0)
})

test('a failing task gives the key back', async () => {
  const mutex = createKeyedMutex()
  const failed = mutex.run('k', () => Promise.reject(new Error('no')))
  const after = mutex.run('k', () => 'yes')
  await assert.rejects(failed, /no/)
  assert.equal(await after, 'yes')
})
