import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseStateMapKey, stateMapKey } from './state-map.ts'

describe('stateMapKey', () => {
  it('keeps types and state keys apart, whatever they contain', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (type, stateKey) => {
        assert.deepEqual(parseStateMapKey(stateMapKey(type, stateKey)), [type, stateKey])
      }),
    )
    assert.notEqual(stateMapKey('a', '\0b'), stateMapKey('a\0', 'b'))
    assert.notEqual(stateMapKey('1', ':x'), stateMapKey('1:', 'x'))
  })
})
