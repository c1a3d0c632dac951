import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomInt, randomString, randomToken } from './random.ts'

test('tokens are URL-safe, long and differ', () => {
  assert.match(randomToken(), /^[\w-]{43}$/)
  assert.notEqual(randomToken(), randomToken())
})

test('strings have the length and alphabet asked for, evenly', () => {
  const text = randomString(9_000, 'abc')
  assert.match(text, /^[abc]{9000}$/)
  for (const letter of 'abc') {
    const share = text.split(letter).length - 1
    assert.ok(share > 2_700 && share < 3_300, `${letter} came ${share} times`)
  }
  assert.equal(randomString(0), '')
})

test('integers stay in their range', () => {
  for (let i = 0; i < 100; i++) assert.ok([3, 4].includes(randomInt(3, 5)))
})
