import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type StateElement, type StateRule, selectorOf, uniteSelectors } from './required-state.ts'

const rule = (include: StateElement[], more: Partial<StateRule> = {}): StateRule => ({
  include,
  exclude: [],
  lazyMembers: false,
  ...more,
})

test('an element stands for everything that agrees with what it names', () => {
  const { matches, reach } = selectorOf([rule([{ type: 'm.room.name', stateKey: '' }, { type: 'm.space.child' }])])
  assert.ok(matches('m.room.name', ''))
  assert.ok(!matches('m.room.name', 'x'))
  assert.ok(matches('m.space.child', '!a:b'))
  assert.ok(!matches('m.room.topic', ''))
  assert.deepEqual(reach, { entries: [['m.room.name', '']], types: ['m.space.child'] })
  const mine = selectorOf([rule([{ stateKey: '@me:x' }])])
  assert.ok(mine.matches('m.room.member', '@me:x') && !mine.matches('m.room.member', '@you:x'))
  assert.equal(mine.reach, undefined)
})

test('what is excluded by one rule may be included by another', () => {
  const without = rule([{}], { exclude: [{ type: 'm.room.create', stateKey: '' }] })
  assert.ok(!selectorOf([without]).matches('m.room.create', ''))
  assert.ok(selectorOf([without]).matches('m.room.topic', ''))
  const united = uniteSelectors([selectorOf([without]), selectorOf([rule([{ type: 'm.room.create' }])])])
  assert.ok(united.matches('m.room.create', ''))
})

test('everything leaves out the members where they are loaded lazily', () => {
  const lazy = selectorOf([rule([{}], { lazyMembers: true })])
  assert.ok(!lazy.matches('m.room.member', '@a:b'))
  assert.ok(lazy.matches('m.room.topic', ''))
  assert.ok(selectorOf([rule([{}, { type: 'm.room.member' }], { lazyMembers: true })]).matches('m.room.member', '@a:b'))
  assert.ok(uniteSelectors([lazy, selectorOf([rule([{}])])]).matches('m.room.member', '@a:b'))
})

test('many single entries are looked for in the whole state', () => {
  const many = Array.from({ length: 101 }, (_, i) => ({ type: 't', stateKey: `${i}` }))
  assert.equal(selectorOf([rule(many)]).reach, undefined)
})

const element = fc.record(
  { type: fc.constantFrom('a', 'b', 'm.room.member'), stateKey: fc.constantFrom('', 'x', 'y') },
  { requiredKeys: [] },
)
const elements = fc.array(element, { maxLength: 4 })
const anyRule = fc.record({ include: elements, exclude: elements, lazyMembers: fc.boolean() })
const entries = ['a', 'b', 'm.room.member', 'other'].flatMap((type) =>
  ['', 'x', 'y'].map((key) => [type, key] as const),
)

test('a union matches what any of its parts matches, in any order, and reaches all of it', () => {
  fc.assert(
    fc.property(fc.array(anyRule, { minLength: 1, maxLength: 4 }), (rules) => {
      const union = selectorOf(rules)
      assert.equal(union.digest, selectorOf([...rules].reverse()).digest)
      const parts = rules.map((part) => selectorOf([part]))
      assert.equal(uniteSelectors(parts).digest, union.digest)
      for (const [type, key] of entries) {
        const matches = union.matches(type, key)
        assert.equal(
          matches,
          parts.some((part) => part.matches(type, key)),
        )
        const { reach } = union
        if (!matches || reach === undefined) continue
        assert.ok(reach.types.includes(type) || reach.entries.some(([t, k]) => t === type && k === key))
      }
    }),
  )
})
