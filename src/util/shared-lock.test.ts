import assert from 'node:assert/strict'
import { test } from 'node:test'
import { yieldNow } from './async.ts'
import { createSharedLock } from './shared-lock.ts'

test('many share a key, one has it alone, and whoever comes later waits', async () => {
  const lock = createSharedLock()
  const log: string[] = []
  const gates = new Map<string, PromiseWithResolvers<void>>()
  const task = (name: string) => () => {
    const gate = Promise.withResolvers<void>()
    gates.set(name, gate)
    log.push(`${name} begins`)
    return gate.promise.then(() => void log.push(`${name} ends`))
  }
  const settle = async () => {
    for (let i = 0; i < 5; i++) await yieldNow()
  }
  const all = [
    lock.shared('a', task('one')),
    lock.shared('a', task('two')),
    lock.alone('a', task('alone')),
    lock.shared('a', task('late')),
    lock.alone('b', task('other')),
  ]
  await settle()
  assert.deepEqual(log, ['one begins', 'two begins', 'other begins'])
  gates.get('one')?.resolve()
  await settle()
  assert.equal(log.includes('alone begins'), false)
  gates.get('two')?.resolve()
  await settle()
  assert.deepEqual([log.includes('alone begins'), log.includes('late begins')], [true, false])
  gates.get('alone')?.resolve()
  await settle()
  assert.deepEqual(log.slice(-2), ['alone ends', 'late begins'])
  for (const gate of gates.values()) gate.resolve()
  await Promise.all(all)
  await assert.rejects(
    lock.alone('a', () => Promise.reject(new Error('no'))),
    /no/,
  )
  assert.equal(await lock.shared('a', async () => 'free'), 'free')
})
