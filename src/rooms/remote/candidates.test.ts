import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServerName } from '../../matrix/ids.ts'
import { candidateServers } from './candidates.ts'

test('servers are tried in their order, each once, and not without end', () => {
  const own = 'us.example' as ServerName
  const isAllowed = (server: string) => server !== 'bad.example'
  assert.deepEqual(
    candidateServers(
      [
        ['b.example', 'us.example', 'not a server', ''],
        [undefined, 'bad.example', 'a.example:8448'],
        ['b.example', '[::1]'],
      ],
      own,
      isAllowed,
    ),
    ['b.example', 'a.example:8448', '[::1]'],
  )
  const many = Array.from({ length: 1000 }, (_, i) => `s${i}.example`)
  assert.equal(candidateServers([many], own, isAllowed).length, 12)
})
