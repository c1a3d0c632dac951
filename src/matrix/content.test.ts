import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as content from './content.ts'
import type { Json, JsonObject } from './event.ts'
import * as member from './member-content.ts'

const of = (fields: JsonObject) => ({ content: fields })

test('well-formed state is read', () => {
  assert.equal(content.joinRuleOf(of({ join_rule: 'restricted' })), 'restricted')
  assert.equal(content.historyVisibilityOf(of({ history_visibility: 'joined' })), 'joined')
  assert.equal(content.guestsMayJoin(of({ guest_access: 'can_join' })), true)
  assert.equal(content.encryptionAlgorithmOf(of({ algorithm: 'm.megolm.v1.aes-sha2' })), 'm.megolm.v1.aes-sha2')
  assert.equal(content.canonicalAliasOf(of({ alias: '#a:x' })), '#a:x')
  assert.deepEqual(content.altAliasesOf(of({ alt_aliases: ['#a:x', 'b', 3] })), ['#a:x'])
  assert.deepEqual(content.pinnedEventsOf(of({ pinned: ['$a', 1, 'b'] })), ['$a'])
  assert.equal(content.roomTypeOf(of({ type: 'm.space' })), 'm.space')
  assert.equal(content.predecessorOf(of({ predecessor: { room_id: '!a:x', event_id: '$e' } })), '!a:x')
  assert.equal(content.replacementRoomOf(of({ replacement_room: '!b:x' })), '!b:x')
  assert.deepEqual(content.additionalCreatorsOf(of({ additional_creators: ['@a:x', 'b'] })), ['@a:x'])
  assert.equal(content.integerOf(of({ n: 3 }), 'n'), 3)
  assert.equal(content.integerOf(of({ n: 3.5 }), 'n'), undefined)
})

test('what a room leaves out has the default of the specification', () => {
  assert.equal(content.historyVisibilityOf(undefined), 'shared')
  assert.equal(content.historyVisibilityOf(of({ history_visibility: 'secret' })), 'shared')
  assert.equal(content.guestsMayJoin(undefined), false)
  assert.equal(content.isFederated(of({})), true)
  assert.equal(content.isFederated(of({ 'm.federate': false })), false)
  assert.equal(content.roomVersionOf(of({})), '1')
  assert.equal(content.roomVersionOf(of({ room_version: 6 })), undefined)
  assert.equal(content.roomVersionOf(undefined), undefined)
  assert.equal(content.roomNameOf(of({ name: '' })), undefined)
  assert.equal(content.topicOf(of({ topic: '' })), undefined)
})

test('a malformed list of allowed rooms allows nobody', () => {
  const rule = { type: 'm.room_membership', room_id: '!a:x' }
  assert.deepEqual(content.allowedRoomsOf(of({ allow: [rule, 1, null, { type: 'other', room_id: '!b:x' }] })), ['!a:x'])
  for (const allow of ['x', {}, 3, null, [{ ...rule, room_id: 4 }], [{ ...rule, room_id: 'a' }]] as Json[]) {
    assert.deepEqual(content.allowedRoomsOf(of({ allow })), [])
  }
})

test('members', () => {
  assert.equal(member.membershipOf(of({ membership: 'knock' })), 'knock')
  assert.equal(member.membershipOf(of({ membership: 'toString' })), undefined)
  assert.equal(member.displayNameOf(of({ displayname: 'Alice' })), 'Alice')
  assert.equal(member.displayNameOf(of({ displayname: null })), undefined)
  assert.equal(member.avatarUrlOf(of({ avatar_url: 'mxc://x/y' })), 'mxc://x/y')
  assert.equal(member.isDirectInvite(of({ is_direct: true })), true)
  assert.equal(member.joinAuthoriserOf(of({ join_authorised_via_users_server: '@a:x' })), '@a:x')
  assert.equal(member.joinAuthoriserOf(of({ join_authorised_via_users_server: 'a' })), undefined)
  assert.equal(member.isThirdPartyInvite(of({ membership: 'invite', third_party_invite: {} })), true)
})

test('no content makes a reader throw', () => {
  const readers: ((event: content.HasContent | undefined) => unknown)[] = [
    content.historyVisibilityOf,
    content.joinRuleOf,
    content.allowedRoomsOf,
    content.guestsMayJoin,
    content.encryptionAlgorithmOf,
    content.roomNameOf,
    content.topicOf,
    content.roomAvatarOf,
    content.canonicalAliasOf,
    content.altAliasesOf,
    content.pinnedEventsOf,
    content.roomTypeOf,
    content.roomVersionOf,
    content.isFederated,
    content.additionalCreatorsOf,
    content.predecessorOf,
    content.replacementRoomOf,
    member.membershipOf,
    member.displayNameOf,
    member.avatarUrlOf,
    member.isDirectInvite,
    member.joinAuthoriserOf,
    member.isThirdPartyInvite,
  ]
  const keys = ['allow', 'alias', 'alt_aliases', 'pinned', 'predecessor', 'membership', 'name', 'type', 'room_version']
  const fields = fc.oneof(fc.dictionary(fc.constantFrom(...keys), fc.jsonValue()), fc.jsonValue())
  fc.assert(
    fc.property(fields, (json) => {
      // Rows of old rooms may hold anything.
      const event = { content: json as JsonObject }
      for (const read of readers) read(event)
    }),
  )
  for (const read of readers) read(undefined)
})
