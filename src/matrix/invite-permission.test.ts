import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { JsonObject } from './event.ts'
import type { UserId } from './ids.ts'
import { type InviteSettings, judgeInvite } from './invite-permission.ts'

const user = (text: string) => text as UserId
const alice = user('@alice:good.example')

function judge(inviter: UserId, settings: Partial<InviteSettings>) {
  return judgeInvite({ ignoredUsers: new Set(), permission: undefined, filter: undefined, ...settings }, inviter)
}

const filtered = (filter: JsonObject, inviter = alice) => judge(inviter, { filter })

describe('the permission of the specification', () => {
  it('blocks everybody, or nobody', () => {
    assert.equal(judge(alice, { permission: { default_action: 'block' } }), 'block')
    const odds: JsonObject[] = [
      {},
      { default_action: 'BLOCK' },
      { default_action: ['block'] },
      { default_action: null },
    ]
    for (const odd of odds) {
      assert.equal(judge(alice, { permission: odd }), 'allow', JSON.stringify(odd))
    }
  })

  it('is not softened by a list of ignored users, nor by a filter', () => {
    const permission = { default_action: 'block' }
    assert.equal(judge(alice, { permission, ignoredUsers: new Set([alice]) }), 'block')
    assert.equal(judge(alice, { permission, filter: { allowed_users: [alice] } }), 'block')
  })
})

describe('the filter', () => {
  it('comes after the list of ignored users', () => {
    const filter = { allowed_users: [alice], blocked_users: [alice] }
    assert.equal(judge(alice, { filter, ignoredUsers: new Set([alice]) }), 'ignore')
  })

  it('decides by the first list that names the inviter', () => {
    const order = [
      ['allowed_users', 'allow'],
      ['ignored_users', 'ignore'],
      ['blocked_users', 'block'],
      ['allowed_servers', 'allow'],
      ['ignored_servers', 'ignore'],
      ['blocked_servers', 'block'],
    ] as const
    for (const [i, [, verdict]] of order.entries()) {
      const lists: JsonObject = {}
      for (const [name] of order.slice(i)) lists[name] = [name.endsWith('users') ? alice : 'good.example']
      assert.equal(filtered(lists), verdict)
    }
  })

  it('knows globs, and ports of servers not at all', () => {
    assert.equal(filtered({ blocked_users: ['@al?ce:*.example'] }), 'block')
    assert.equal(filtered({ blocked_users: ['*'] }), 'block')
    assert.equal(filtered({ blocked_users: ['alice'] }), 'allow')
    assert.equal(filtered({ blocked_users: ['@ALICE:good.example'] }), 'allow')
    assert.equal(filtered({ blocked_servers: ['*.example'] }), 'block')
    assert.equal(filtered({ blocked_servers: ['GOOD.example'] }), 'block')
    assert.equal(filtered({ blocked_servers: ['good.example'] }, user('@a:good.example:8448')), 'block')
    assert.equal(filtered({ blocked_servers: ['good.example:8448'] }, user('@a:good.example:8448')), 'allow')
    assert.equal(filtered({ blocked_servers: [''] }), 'allow')
    assert.equal(
      filtered({ allowed_servers: ['good.example'], blocked_servers: ['*'] }, user('@a:bad.example')),
      'block',
    )
  })

  it('can be turned off', () => {
    assert.equal(filtered({ enabled: false, blocked_servers: ['*'] }), 'allow')
    assert.equal(filtered({ enabled: true, blocked_servers: ['*'] }), 'block')
    assert.equal(filtered({ enabled: null, blocked_servers: ['*'] }), 'block')
  })

  it('is nothing where a list is none', () => {
    for (const odd of ['*', 5, { a: 1 }, ['*', 5], [['*']], null]) {
      const expected = odd === null ? 'block' : 'allow'
      assert.equal(filtered({ ignored_users: odd, blocked_servers: ['*'] }), expected, JSON.stringify(odd))
    }
  })

  it('takes long lists of names, and no globs that cost too much', () => {
    const many = Array.from({ length: 50_000 }, (_, i) => `@user${i}:bad.example`)
    assert.equal(filtered({ blocked_users: many }, user('@user49999:bad.example')), 'block')
    assert.equal(filtered({ blocked_users: ['*a'.repeat(40_000)], blocked_servers: ['*'] }), 'allow')
  })

  it('never throws, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('enabled', 'allowed_users', 'blocked_servers'), fc.jsonValue()),
        (any) => {
          assert.ok(['allow', 'ignore', 'block'].includes(filtered(any as JsonObject)))
        },
      ),
    )
  })
})
