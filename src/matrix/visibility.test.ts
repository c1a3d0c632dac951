import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { alice, bob } from '../../test/helpers/room-events.ts'
import type { HistoryVisibility } from './content.ts'
import { isEventVisible, isVisibleToServer, type VisibilityFacts } from './visibility.ts'

const visibilities: HistoryVisibility[] = ['world_readable', 'shared', 'invited', 'joined']
const message = { type: 'm.room.message' }
const facts = (visibility: HistoryVisibility, membership: string): VisibilityFacts => ({ visibility, membership })

describe('isEventVisible', () => {
  // By visibility: nobody, invited, joined, left; then the same for a user who joined later.
  const table: Record<HistoryVisibility, [boolean[], boolean[]]> = {
    world_readable: [
      [true, true, true],
      [true, true, true],
    ],
    shared: [
      [false, false, true],
      [true, true, true],
    ],
    invited: [
      [false, true, true],
      [false, true, true],
    ],
    joined: [
      [false, false, true],
      [false, false, true],
    ],
  }
  for (const visibility of visibilities) {
    it(`shows ${visibility} events to the right people`, () => {
      for (const [later, row] of table[visibility].entries()) {
        for (const [membership, expected] of [
          ['leave', row[0]],
          ['ban', row[0]],
          ['knock', row[0]],
          ['invite', row[1]],
          ['join', row[2]],
        ] as const) {
          const at = facts(visibility, membership)
          const visible = isEventVisible({ before: at, after: at, joinedLater: later === 1 }, message, alice)
          assert.equal(visible, expected, `${membership}, joined later: ${later}`)
        }
      }
    })
  }

  it('shows a change of visibility to those of before and of after', () => {
    const change = { type: 'm.room.history_visibility', state_key: '' }
    const from = (one: HistoryVisibility, other: HistoryVisibility): boolean =>
      isEventVisible({ before: facts(one, 'leave'), after: facts(other, 'leave'), joinedLater: false }, change, alice)
    assert.ok(from('world_readable', 'joined'))
    assert.ok(from('joined', 'world_readable'))
    assert.equal(from('joined', 'shared'), false)
    const other = { type: 'm.room.history_visibility', state_key: 'x' }
    const question = { before: facts('joined', 'leave'), after: facts('world_readable', 'leave'), joinedLater: false }
    assert.equal(isEventVisible(question, other, alice), false)
  })

  it('shows users their own joining and leaving', () => {
    const own = { type: 'm.room.member', state_key: alice }
    const change = (one: string, other: string, visibility: HistoryVisibility, event = own): boolean =>
      isEventVisible(
        { before: facts(visibility, one), after: facts(visibility, other), joinedLater: false },
        event,
        alice,
      )
    for (const visibility of visibilities) {
      assert.ok(change('leave', 'join', visibility))
      assert.ok(change('join', 'leave', visibility))
      assert.ok(change('join', 'ban', visibility))
    }
    assert.ok(change('leave', 'invite', 'invited'))
    assert.ok(change('invite', 'leave', 'invited'))
    assert.equal(change('leave', 'invite', 'joined'), false)
    const others = { type: 'm.room.member', state_key: bob }
    assert.equal(change('leave', 'leave', 'joined', others), false)
  })
})

describe('isVisibleToServer', () => {
  it('asks whether any user of the server may see the event', () => {
    const table: [HistoryVisibility, string[], boolean][] = [
      ['world_readable', [], true],
      ['shared', [], true],
      ['invited', ['leave', 'invite'], true],
      ['invited', ['leave', 'join'], true],
      ['invited', ['leave', 'knock', 'ban'], false],
      ['joined', ['invite', 'join'], true],
      ['joined', ['invite'], false],
      ['joined', [], false],
    ]
    for (const [visibility, memberships, expected] of table) {
      assert.equal(isVisibleToServer(visibility, memberships), expected, `${visibility} ${memberships}`)
    }
  })
})
