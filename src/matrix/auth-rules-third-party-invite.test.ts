import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { alice, bob, carol, member, pdu, roomOf, rulesOf } from '../../test/helpers/room-events.ts'
import { checkAuth } from './auth-rules.ts'
import { ownValue } from './auth-state.ts'
import type { Json, JsonObject, Pdu } from './event.ts'
import type { UserId } from './ids.ts'
import { roomVersions } from './room-versions.ts'
import { signingKeyFromSeed, signJson } from './signing.ts'

const key = signingKeyFromSeed('0', Buffer.alloc(32, 1))
const otherKey = signingKeyFromSeed('0', Buffer.alloc(32, 2))

const signed: JsonObject = signJson({ mxid: bob, token: 'token' }, 'id.example', key)
const invitation = (content: JsonObject, sender: UserId = alice): Pdu =>
  pdu('m.room.third_party_invite', { sender, state_key: 'token', content })
const invite = (thirdParty: Json, sender: UserId = alice): Pdu =>
  member(bob, 'invite', { sender, content: { third_party_invite: thirdParty } })

function accepts(event: Pdu, ...state: Pdu[]): boolean {
  return checkAuth(rulesOf(11), event, roomOf(rulesOf(11), 'invite', ...state)).allowed
}

describe('an invite from a third-party invite', () => {
  it('is accepted with the signature of the key in the room, in every version', () => {
    for (const version of roomVersions) {
      const rules = rulesOf(version)
      const state = roomOf(rules, 'invite', invitation({ public_key: key.publicKey }))
      assert.ok(checkAuth(rules, invite({ signed }), state).allowed, version)
    }
  })

  it('takes any of several keys', () => {
    const keys: Json[] = [
      { public_key: otherKey.publicKey },
      { public_key: key.publicKey, key_validity_url: 'x' },
      'odd',
      null,
    ]
    assert.ok(accepts(invite({ signed }), invitation({ public_keys: keys })))
    assert.ok(accepts(invite({ signed }), invitation({ public_key: otherKey.publicKey, public_keys: keys })))
  })

  it('is refused with the signature of another key, or none', () => {
    const here = invitation({ public_key: key.publicKey })
    const forged = signJson({ mxid: bob, token: 'token' }, 'id.example', otherKey)
    for (const odd of [forged, { ...signed, signatures: {} }, { ...signed, extra: 1 }, { mxid: bob, token: 'token' }]) {
      assert.equal(accepts(invite({ signed: odd }), here), false)
    }
    for (const content of [
      {},
      { public_key: 7 },
      { public_keys: 'x' },
      { public_key: 'not base64!' },
    ] as JsonObject[]) {
      assert.equal(accepts(invite({ signed }), invitation(content)), false)
    }
  })

  it('is for the user whom the signature names, and the token that the room has', () => {
    const here = invitation({ public_key: key.publicKey })
    const forCarol = signJson({ mxid: carol, token: 'token' }, 'id.example', key)
    const otherToken = signJson({ mxid: bob, token: 'other' }, 'id.example', key)
    assert.equal(accepts(invite({ signed: forCarol }), here), false)
    assert.equal(accepts(invite({ signed: otherToken }), here), false)
    assert.equal(accepts(invite({ signed })), false)
  })

  it('is sent by who sent the third-party invite, in the room or not', () => {
    const here = invitation({ public_key: key.publicKey })
    assert.equal(accepts(invite({ signed }, carol), here, member(carol, 'join')), false)
    assert.ok(accepts(invite({ signed }), here, member(alice, 'leave')))
  })

  it('is refused for the banned', () => {
    assert.equal(accepts(invite({ signed }), invitation({ public_key: key.publicKey }), member(bob, 'ban')), false)
  })

  it('is refused with odd content', () => {
    const here = invitation({ public_key: key.publicKey })
    const odd: Json[] = [null, 7, 'x', [], {}, { signed: null }, { signed: {} }, { signed: { mxid: bob } }]
    odd.push({ signed: { token: 'token' } }, { signed: { mxid: 7, token: 'token' } })
    for (const value of odd) {
      assert.equal(accepts(invite(value), here), false, JSON.stringify(value))
    }
  })

  it('tries few signatures of a flood', () => {
    const flood = Object.fromEntries(
      Array.from({ length: 600 }, (_, i) => [
        `ed25519:${i}`,
        ownValue(ownValue(signed.signatures, 'id.example'), 'ed25519:0') ?? null,
      ]),
    )
    const keys = Array.from({ length: 600 }, () => ({ public_key: otherKey.publicKey }))
    const event = invite({ signed: { ...signed, signatures: { 'id.example': flood } } })
    assert.equal(accepts(event, invitation({ public_keys: keys })), false)
  })
})
