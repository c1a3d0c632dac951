import assert from 'node:assert/strict'
import { test } from 'node:test'
import { prometheusText } from './prometheus.ts'

test('metrics are written in the text format, with label values escaped', () => {
  const samples = [{ labels: { kind: 'a"b\\c\nd', reason: 'x' }, value: 3 }, { value: 0.5 }]
  assert.equal(
    prometheusText([{ name: 'files', help: 'How many.', type: 'gauge', samples }]),
    '# HELP files How many.\n# TYPE files gauge\nfiles{kind="a\\"b\\\\c\\nd",reason="x"} 3\nfiles 0.5\n',
  )
})
