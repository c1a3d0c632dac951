import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStreamToken } from '../../matrix/stream-token.ts'
import { formatPos, parsePos } from './pos.ts'

test('a position names its connection and is a stream token as well', () => {
  const pos = { connNid: 7, seq: 3, token: { position: 120, ephemeral: 1_700_000_000_000 } }
  const text = formatPos(pos)
  assert.deepEqual(parsePos(text), pos)
  assert.deepEqual(parseStreamToken(text), pos.token)
})

test('other texts are no positions', () => {
  for (const text of [
    '',
    's1_2',
    's1_2~',
    's1_2~1',
    's1_2~1.2.3',
    's1_2~-1.2',
    `s1_2~1.${'9'.repeat(30)}`,
    '~1.2',
    'x~1.2',
  ])
    assert.equal(parsePos(text), undefined, text)
})
