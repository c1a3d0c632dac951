import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { alice, bob, carol, member, message, rulesOf } from '../../test/helpers/room-events.ts'
import type { EventId } from './ids.ts'
import { requiredSigners } from './required-signers.ts'

describe('requiredSigners', () => {
  it("asks for the sender's server", () => {
    assert.deepEqual(requiredSigners(rulesOf(11), message(bob)), ['b.example'])
    assert.deepEqual(requiredSigners(rulesOf(11), member(bob, 'invite', { sender: alice })), ['a.example'])
  })

  it('asks for the server in the event id in versions 1 and 2', () => {
    const event = { ...message(bob), event_id: '$x:c.example' as EventId }
    assert.deepEqual(requiredSigners(rulesOf(2), event), ['b.example', 'c.example'])
    assert.deepEqual(requiredSigners(rulesOf(3), event), ['b.example'])
  })

  it('asks for the server that let a user in, on joins from version 8 on', () => {
    const content = { join_authorised_via_users_server: carol }
    assert.deepEqual(requiredSigners(rulesOf(8), member(bob, 'join', { content })), ['b.example', 'c.example'])
    assert.deepEqual(requiredSigners(rulesOf(7), member(bob, 'join', { content })), ['b.example'])
    assert.deepEqual(requiredSigners(rulesOf(8), member(bob, 'leave', { content })), ['b.example'])
    const odd = { join_authorised_via_users_server: ['@x'] }
    assert.deepEqual(requiredSigners(rulesOf(8), member(bob, 'join', { content: odd })), ['b.example'])
  })

  it("does not ask for the inviter's server on an invite from a third-party invite", () => {
    const content = { third_party_invite: { signed: {} } }
    assert.deepEqual(requiredSigners(rulesOf(11), member(bob, 'invite', { sender: alice, content })), [])
    assert.deepEqual(requiredSigners(rulesOf(11), member(bob, 'join', { content })), ['b.example'])
  })
})
