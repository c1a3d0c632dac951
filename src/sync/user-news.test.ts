import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserId } from '../matrix/ids.ts'
import { createUserNews } from './user-news.ts'

const alice = '@alice:x' as UserId
const bob = '@bob:x' as UserId

function begun() {
  const news = createUserNews()
  news.begin(10)
  return news
}

test('nothing is known before the beginning, or of what was committed after the last notice', () => {
  const news = createUserNews()
  assert.equal(news.isQuiet(alice, 5, 5), false)
  news.begin(10)
  assert.equal(news.isQuiet(alice, 9, 10), false)
  assert.equal(news.isQuiet(alice, 10, 10), true)
  assert.equal(news.isQuiet(alice, 10, 11), false)
})

test('news of one user leave the others in peace', () => {
  const news = begun()
  news.note({ position: 11, users: [alice] })
  news.note({ position: 12, rooms: ['!r:x'] })
  assert.equal(news.isQuiet(alice, 10, 12), false)
  assert.equal(news.isQuiet(alice, 11, 12), true)
  assert.equal(news.isQuiet(bob, 10, 12), true)
  assert.equal(news.areAllQuiet(10, 12), false)
  assert.equal(news.areAllQuiet(11, 12), true)
})

test('a value is kept until its user has news, and never shown to a snapshot from before it', async () => {
  const news = begun()
  let loads = 0
  const load = async () => ({ n: ++loads })
  const ask = async (at: number) => (await news.remember(alice, 'ignored', at, load)).n
  assert.equal(await ask(10), 1)
  assert.equal(await ask(10), 1)
  news.note({ position: 11, users: [bob] })
  assert.equal(await ask(11), 1)
  news.note({ position: 12, users: [alice] })
  assert.equal(await ask(12), 2)
  assert.equal(await ask(11), 3)
})
