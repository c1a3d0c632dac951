import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  alice,
  bob,
  carol,
  joinRules,
  member,
  powerLevels,
  roomOf,
  rulesOf,
  stateOf,
} from '../../test/helpers/room-events.ts'
import { type AuthState, checkAuth } from './auth-rules.ts'
import type { JsonObject, Pdu } from './event.ts'
import type { UserId } from './ids.ts'
import { roomVersions } from './room-versions.ts'

const accepts = (version: number, event: Pdu, state: AuthState): boolean =>
  checkAuth(rulesOf(version), event, state).allowed

const by = (sender: UserId): { sender: UserId } => ({ sender })
const maybe = (membership: string | undefined): Pdu[] => (membership === undefined ? [] : [member(bob, membership)])

describe('m.room.member', () => {
  it('has a state key that is a user id, and a membership', () => {
    for (const version of [1, 8, 12]) {
      const state = roomOf(rulesOf(version), 'public')
      const join = member(bob, 'join')
      assert.ok(accepts(version, join, state))
      const { state_key: _, ...keyless } = join
      assert.equal(accepts(version, keyless, state), false)
      for (const odd of ['', 'bob', '@bob']) {
        assert.equal(accepts(version, member(odd, 'invite', by(alice)), state), false, odd)
      }
      for (const content of [
        {},
        { membership: null },
        { membership: 'JOIN' },
        { membership: ['join'] },
      ] as JsonObject[]) {
        assert.equal(accepts(version, { ...join, content }, state), false, JSON.stringify(content))
      }
    }
  })
})

describe('joining', () => {
  type Outcome = 'yes' | 'no'
  // One row per join rule: what happens without membership, invited, joined, left, having knocked.
  const table: [rule: string, versions: number[], outcomes: [Outcome, Outcome, Outcome, Outcome, Outcome]][] = [
    ['public', [1, 6, 7, 8, 10, 11, 12], ['yes', 'yes', 'yes', 'yes', 'yes']],
    ['invite', [1, 6, 7, 8, 10, 11, 12], ['no', 'yes', 'yes', 'no', 'no']],
    ['knock', [7, 8, 10, 12], ['no', 'yes', 'yes', 'no', 'no']],
    ['knock', [1, 6], ['no', 'no', 'no', 'no', 'no']],
    ['restricted', [8, 9, 10, 12], ['no', 'yes', 'yes', 'no', 'no']],
    ['restricted', [1, 7], ['no', 'no', 'no', 'no', 'no']],
    ['knock_restricted', [10, 11, 12], ['no', 'yes', 'yes', 'no', 'no']],
    ['knock_restricted', [7, 8, 9], ['no', 'no', 'no', 'no', 'no']],
    ['private', [1, 8, 12], ['no', 'no', 'no', 'no', 'no']],
    ['PUBLIC', [1, 8, 12], ['no', 'no', 'no', 'no', 'no']],
  ]
  const memberships = [undefined, 'invite', 'join', 'leave', 'knock']
  for (const [rule, versions, outcomes] of table) {
    it(`follows the rule ${rule} in versions ${versions.join(', ')}`, () => {
      for (const version of versions) {
        for (const [i, membership] of memberships.entries()) {
          const state = roomOf(rulesOf(version), rule, ...maybe(membership))
          const expected = outcomes[i] === 'yes'
          assert.equal(accepts(version, member(bob, 'join'), state), expected, `${version} ${membership}`)
        }
      }
    })
  }

  it('needs an invitation where the room has no join rule, or an odd one', () => {
    for (const rules of [[], [{ ...joinRules('x'), content: { join_rule: ['public'] } }]]) {
      const base = roomOf(rulesOf(11), 'public')
      const create = base('m.room.create', '')!
      assert.equal(accepts(11, member(bob, 'join'), stateOf(create, ...rules)), false)
    }
    const create = roomOf(rulesOf(11), 'public')('m.room.create', '')!
    assert.ok(accepts(11, member(bob, 'join'), stateOf(create, member(bob, 'invite', by(alice)))))
  })

  it('is never for the banned, nor done by somebody else', () => {
    for (const version of roomVersions.map(Number)) {
      const state = roomOf(rulesOf(version), 'public', member(carol, 'ban', by(alice)))
      assert.equal(accepts(version, member(carol, 'join'), state), false)
      assert.equal(accepts(version, member(bob, 'join', by(alice)), state), false)
    }
  })
})

describe('restricted joins', () => {
  const join = (authoriser: JsonObject['x'] = carol): Pdu =>
    member(bob, 'join', { content: { join_authorised_via_users_server: authoriser ?? null } })
  const levels = (carolLevel: number): Pdu => powerLevels({ users: { [alice]: 100, [carol]: carolLevel }, invite: 50 })

  it('need an authoriser who is in the room and may invite', () => {
    for (const [version, rule] of [
      [8, 'restricted'],
      [9, 'restricted'],
      [10, 'knock_restricted'],
      [11, 'restricted'],
    ] as const) {
      const rules = rulesOf(version)
      const here = member(carol, 'join')
      assert.ok(accepts(version, join(), roomOf(rules, rule, here, levels(50))))
      assert.equal(accepts(version, join(), roomOf(rules, rule, here, levels(49))), false)
      assert.equal(accepts(version, join(), roomOf(rules, rule, levels(50))), false)
      assert.equal(accepts(version, join(), roomOf(rules, rule, member(carol, 'leave'), levels(50))), false)
      assert.equal(accepts(version, join(), roomOf(rules, 'invite', here, levels(50))), false)
      for (const odd of [7, [carol], { a: 1 }, '', 'carol', '__proto__']) {
        assert.equal(accepts(version, join(odd), roomOf(rules, rule, here, levels(50))), false)
      }
    }
  })

  it('never let the banned in', () => {
    const state = roomOf(rulesOf(11), 'restricted', member(carol, 'join'), levels(50), member(bob, 'ban', by(alice)))
    assert.equal(accepts(11, join(), state), false)
  })

  it('are authorised by creators of version 12 without an entry in users', () => {
    const state = roomOf(rulesOf(12), 'restricted', powerLevels({ invite: 50 }))
    assert.ok(accepts(12, join(alice), state))
  })

  it('ignore the authoriser on other memberships', () => {
    const state = roomOf(rulesOf(11), 'restricted', member(bob, 'join'))
    const leave = member(bob, 'leave', { content: { join_authorised_via_users_server: 'nobody' } })
    assert.ok(accepts(11, leave, state))
  })
})

describe('inviting', () => {
  it('is for joined users, of users who are neither joined nor banned', () => {
    for (const version of roomVersions.map(Number)) {
      const rules = rulesOf(version)
      const table: [string | undefined, boolean][] = [
        [undefined, true],
        ['invite', true],
        ['leave', true],
        ['knock', true],
        ['join', false],
        ['ban', false],
      ]
      for (const [membership, expected] of table) {
        const state = roomOf(rules, 'invite', ...maybe(membership))
        assert.equal(accepts(version, member(bob, 'invite', by(alice)), state), expected, membership)
        assert.equal(accepts(version, member(bob, 'invite', by(carol)), state), false, membership)
      }
      assert.equal(accepts(version, member(alice, 'invite'), roomOf(rules, 'invite')), false)
    }
  })

  it('takes the level to invite', () => {
    const levels = powerLevels({ users: { [alice]: 20 }, invite: 20 })
    const state = roomOf(rulesOf(11), 'invite', member(carol, 'join'), levels)
    assert.ok(accepts(11, member(bob, 'invite', by(alice)), state))
    assert.equal(accepts(11, member(bob, 'invite', by(carol)), state), false)
  })
})

describe('leaving', () => {
  it('is for those who joined or were invited, and from version 7 on for those who knocked', () => {
    for (const version of roomVersions.map(Number)) {
      for (const membership of [undefined, 'invite', 'join', 'knock', 'leave', 'ban']) {
        const expected = membership === 'invite' || membership === 'join' || (membership === 'knock' && version >= 7)
        const state = roomOf(rulesOf(version), 'public', ...maybe(membership))
        assert.equal(accepts(version, member(bob, 'leave'), state), expected, `${version} ${membership}`)
      }
    }
  })
})

describe('kicking, banning and lifting bans', () => {
  const levels = (content: JsonObject = {}): Pdu =>
    powerLevels({ users: { [alice]: 50, [bob]: 49, [carol]: 50 }, kick: 50, ban: 50, ...content })
  const kick = (target: UserId, sender: UserId): Pdu => member(target, 'leave', by(sender))
  const ban = (target: UserId, sender: UserId): Pdu => member(target, 'ban', by(sender))
  const room = (...events: Pdu[]): AuthState => roomOf(rulesOf(11), 'public', member(carol, 'join'), ...events)

  it('take the level and a target below oneself', () => {
    const state = room(member(bob, 'join'), levels())
    for (const act of [kick, ban]) {
      assert.ok(accepts(11, act(bob, alice), state))
      assert.equal(accepts(11, act(alice, bob), state), false)
      assert.equal(accepts(11, act(carol, alice), state), false, 'equals')
    }
    assert.equal(accepts(11, ban(alice, alice), state), false, 'oneself')
  })

  it('take a sender who is in the room', () => {
    const state = room(levels({ users: { [bob]: 100 } }))
    assert.equal(accepts(11, kick(carol, bob), state), false)
    assert.equal(accepts(11, ban(carol, bob), state), false)
  })

  it('may hit users who are absent, by the letter of the rules', () => {
    for (const membership of [undefined, 'leave', 'invite', 'knock']) {
      const state = room(...maybe(membership), levels())
      assert.ok(accepts(11, kick(bob, alice), state))
      assert.ok(accepts(11, ban(bob, alice), state))
    }
  })

  it('lift a ban only with both levels', () => {
    const banned = member(bob, 'ban', by(alice))
    assert.ok(accepts(11, kick(bob, alice), room(banned, levels())))
    assert.equal(accepts(11, kick(bob, alice), room(banned, levels({ ban: 51 }))), false)
    assert.equal(accepts(11, kick(bob, alice), room(banned, levels({ kick: 51 }))), false)
    assert.equal(accepts(11, kick(bob, bob), room(banned, levels({ users: { [bob]: 100 } }))), false)
  })

  it('never reach creators in version 12', () => {
    const rules = rulesOf(12)
    const state = roomOf(rules, 'public', member(bob, 'join'), powerLevels({ users: { [bob]: 9007199254740991 } }))
    assert.equal(accepts(12, kick(alice, bob), state), false)
    assert.equal(accepts(12, ban(alice, bob), state), false)
    assert.ok(accepts(12, ban(bob, alice), state))
  })
})

describe('knocking', () => {
  it('is there from version 7 on, in rooms that take knocks', () => {
    for (const version of roomVersions.map(Number)) {
      for (const rule of ['public', 'invite', 'knock', 'restricted', 'knock_restricted']) {
        const expected = version >= 7 && (rule === 'knock' || (version >= 10 && rule === 'knock_restricted'))
        const state = roomOf(rulesOf(version), rule)
        assert.equal(accepts(version, member(bob, 'knock'), state), expected, `${version} ${rule}`)
      }
    }
  })

  it('is for those who are neither banned nor invited nor in the room, and for oneself', () => {
    for (const [membership, expected] of [
      [undefined, true],
      ['leave', true],
      ['knock', true],
      ['ban', false],
      ['invite', false],
      ['join', false],
    ] as const) {
      assert.equal(accepts(11, member(bob, 'knock'), roomOf(rulesOf(11), 'knock', ...maybe(membership))), expected)
    }
    assert.equal(accepts(11, member(bob, 'knock', by(carol)), roomOf(rulesOf(11), 'knock')), false)
  })
})
