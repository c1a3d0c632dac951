import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { matchesFilter } from './event-filter.ts'

const matches = (pattern: string, type: string) => matchesFilter({ types: [pattern] }, { type, content: {} })

test('a star in a type stands for any characters', () => {
  const cases: [pattern: string, type: string, expected: boolean][] = [
    ['m.room.message', 'm.room.message', true],
    ['m.room.message', 'm.room.messages', false],
    ['m.room.*', 'm.room.message', true],
    ['m.room.*', 'm.roomxmessage', false],
    ['*', '', true],
    ['*.member', 'm.room.member', true],
    ['m.*.member', 'm.room.member', true],
    ['m.*.member', 'm.member', false],
    ['a*a', 'a', false],
    ['a*b*c', 'a-b-c', true],
    ['a*b*c', 'a-c', false],
    ['*ab*ab*', 'xabx', false],
    ['(*)', '(x)', true],
    ['?*', 'x', false],
    ['m*', 'm\n', true],
  ]
  for (const [pattern, type, expected] of cases) assert.equal(matches(pattern, type), expected, `${pattern} ${type}`)
})

test('agrees with a regular expression where that is fast enough to ask', () => {
  const letters = fc.array(fc.constantFrom('a', 'b', '*'), { maxLength: 6 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(letters, letters, (pattern, text) => {
      const type = text.replaceAll('*', 'a')
      assert.equal(matches(pattern, type), new RegExp(`^${pattern.replaceAll('*', '.*')}$`, 's').test(type))
    }),
  )
})

test('a type of many stars costs no more than it is long', () => {
  assert.equal(matches(`${'*a'.repeat(100)}b`, 'a'.repeat(255)), false)
})
