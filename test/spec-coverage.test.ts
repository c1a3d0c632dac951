import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { coverageOf, parseInventory } from '../scripts/coverage-report.ts'
import { endpoint } from '../src/http/endpoint.ts'

const rows = parseInventory(readFileSync(new URL('../docs/spec-endpoints.tsv', import.meta.url), 'utf8'))

test('the inventory holds what a homeserver serves', () => {
  assert.equal(rows.length, 202)
  assert.equal(rows.filter(({ api }) => api === 'client-server').length, 166)
})

test('an operation counts whatever its parameters are called, and the others are listed', () => {
  const handle = () => ({})
  const endpoints = [
    endpoint({ method: 'GET', path: '/_matrix/client/v3/profile/{user}', auth: 'none' }, handle),
    endpoint({ method: 'GET', path: '/_matrix/client/v3/pushrules', auth: 'user' }, handle),
    endpoint({ method: 'GET', path: '/health', auth: 'none' }, handle),
  ]
  const { markdown, implemented, total } = coverageOf(endpoints, rows)
  assert.deepEqual([implemented, total], [2, 202])
  assert.match(markdown, /\| yes \| `GET \/_matrix\/client\/v3\/profile\/\{userId\}` \|/)
  assert.match(markdown, /\| \*\*no\*\* \| `GET \/_matrix\/client\/v3\/sync` \|/)
  assert.match(markdown, /- `GET \/health`/)
})
