import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compileWordGlob, containsWords } from './word-glob.ts'

describe('compileWordGlob', () => {
  const table: [glob: string, text: string, expected: boolean][] = [
    ['cake', 'cake', true],
    ['cake', 'a cake, please', true],
    ['cake', 'cakes', false],
    ['cake', 'cupcake', false],
    ['cake', 'cake_', false],
    ['cake', 'cake1', false],
    ['cake', 'cake-tin', true],
    ['cake', 'cupcake cake', true],
    ['cake', 'кcake', true],
    ['ex*ple', 'An example event.', true],
    ['ex*ple', 'exple', true],
    ['ex*ple', 'An exciting triple-whammy', true],
    ['ex*ple', 'An exciting triples', false],
    ['ex*ple', 'vex apple', false],
    ['ex*ple', 'vex ex apple', true],
    ['cak?', 'cake', true],
    ['cak?', 'cak', false],
    ['cak?', 'cakes', false],
    ['?', '😀', true],
    ['a?b', 'a😀b', true],
    ['a??b', 'a😀b', false],
    ['@room', 'hey @room!', true],
    ['@room', 'mail@room', false],
    ['*', '', true],
    ['*cake', 'some pancake', true],
    ['cake*', 'a cakeism', true],
    ['cake*', 'pancakes', false],
    ['a*b*c', 'a x b y c', true],
    ['a*b*c', 'a x c y b', false],
    ['a*b*c', 'abc', true],
    ['foo.bar', 'fooxbar', false],
    ['[a]', 'x [a] y', true],
    ['a**b', 'a b', true],
    ['', '', true],
    ['the cake', 'eat the cake now', true],
  ]
  for (const [glob, text, expected] of table) {
    it(`${expected ? 'finds' : 'misses'} ${JSON.stringify(glob)} in ${JSON.stringify(text)}`, () => {
      assert.equal(compileWordGlob(glob)(text), expected)
    })
  }

  it('agrees with a regular expression', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '-', '_'), maxLength: 12 })
    const globs = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '*', '?'), maxLength: 6 })
    fc.assert(
      fc.property(globs, letters, (glob, text) => {
        const inner = [...glob].map((c) => (c === '*' ? '.*' : c === '?' ? '.' : c)).join('')
        const expected = new RegExp(`(?<![A-Za-z0-9_])${inner}(?![A-Za-z0-9_])`, 's').test(text)
        assert.equal(compileWordGlob(glob)(text), expected)
      }),
      { numRuns: 3000 },
    )
  })

  it('takes no exponential time', () => {
    const test = compileWordGlob(`${'a*'.repeat(200)}b`)
    assert.equal(test('a'.repeat(60_000)), false)
    assert.equal(compileWordGlob(`${'?*'.repeat(200)}b`)('a'.repeat(60_000)), false)
  })
})

describe('containsWords', () => {
  it('takes words as they are', () => {
    assert.ok(containsWords('hi what? now', 'what?'))
    assert.equal(containsWords('hi whats now', 'what?'), false)
    assert.equal(containsWords('hi anything', '*'), false)
    assert.ok(containsWords('hi, al (bert)!', 'al (bert)'))
    assert.equal(containsWords('alberta', 'albert'), false)
  })
})
