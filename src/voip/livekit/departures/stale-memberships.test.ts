import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../../../matrix/event.ts'
import { type CallMembership, staleMemberships } from './stale-memberships.ts'

const here = 'https://matrix.example.org/livekit/jwt'
const there = 'https://elsewhere.example.org/livekit/jwt'
const gone = { userId: '@alice:example.org', deviceId: 'DEV', ts: 5000, serviceUrl: here }

function membership(user: string, changes: JsonObject = {}, sentTs = 1000): CallMembership {
  const sender = `@${user}:example.org`
  const content = {
    application: 'm.call',
    call_id: '',
    scope: 'm.room',
    device_id: 'DEV',
    expires: 14_400_000,
    focus_active: { type: 'livekit', focus_selection: 'multi_sfu' },
    foci_preferred: [{ type: 'livekit', livekit_service_url: here }],
    ...changes,
  }
  return { stateKey: `_${sender}_DEV_m.call`, sender, content, sentTs }
}

const at = (url: unknown) => ({ foci_preferred: [{ type: 'livekit', livekit_service_url: url }] }) as JsonObject
const oldest = { focus_active: { type: 'livekit', focus_selection: 'oldest_membership' } }

test('only memberships that nothing but the lost connection stands behind are stale', () => {
  const cases: [string, CallMembership[], number][] = [
    ['gone', [membership('alice')], 1],
    ['with a slash at the end of the address', [membership('alice', at(`${here}/`))], 1],
    ['left already', [{ ...membership('alice'), content: {} }], 0],
    ['somebody else', [membership('bob')], 0],
    ['another device', [membership('alice', { device_id: 'PHONE' })], 0],
    ['sent since then, so that the app is alive', [membership('alice', {}, 5001)], 0],
    ['at another LiveKit server', [membership('alice', at(there))], 0],
    ['nowhere', [membership('alice', { foci_preferred: [] })], 0],
    ['of odd form', [membership('alice', { foci_preferred: [null] as never }), membership('alice', at(7))], 0],
    ['followed somebody to another', [membership('bob', at(there), 500), membership('alice', oldest)], 0],
    [
      'followed somebody who is here',
      [membership('bob', at(here), 500), membership('alice', { ...oldest, ...at(there) })],
      1,
    ],
    ['was the first', [membership('alice', oldest), membership('bob', at(there), 2000)], 1],
    [
      'was the first, before it was refreshed',
      [membership('alice', { ...oldest, created_ts: 100 }, 3000), membership('bob', at(there), 2000)],
      1,
    ],
  ]
  for (const [what, all, count] of cases) assert.equal(staleMemberships(all, gone).length, count, what)
})
