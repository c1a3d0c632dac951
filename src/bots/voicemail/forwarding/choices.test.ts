import assert from 'node:assert/strict'
import { it } from 'node:test'
import { readForwarding } from './choices.ts'

const nowhere = { byMail: false, inboxRoom: undefined, isPinned: false }

it('brings notes nowhere else unless somebody says so', () => {
  assert.deepEqual(readForwarding(undefined), nowhere)
  assert.deepEqual(readForwarding({ email: 'yes', inbox_room: 7, pin: 1 }), nowhere)
  assert.deepEqual(readForwarding({ inbox_room: '' }), nowhere)
})

it('reads what was chosen', () => {
  const wanted = { byMail: true, inboxRoom: '!team:example.org', isPinned: true }
  assert.deepEqual(readForwarding({ email: true, inbox_room: '!team:example.org', pin: true }), wanted)
})
