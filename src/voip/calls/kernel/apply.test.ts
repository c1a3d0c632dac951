import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settingOf, userOf, usualTimings } from '../scenarios/simulate.ts'
import { apply } from './apply.ts'
import { type CallState, legsOf, newCall } from './call-state.ts'
import type { Evidence } from './evidence.ts'
import { judge } from './judge.ts'
import { routeOf } from './route.ts'

const alice = userOf('alice')
const bob = userOf('bob')
const start = 1_000_000
const hour = 3_600_000

const present = (by = bob, ts = start, leg = `${by} 1`): Evidence => {
  return { what: 'present', by, ts, leg, isFresh: true, until: start + 4 * hour }
}
const gone = (by = bob, ts = start, leg = `${by} 1`): Evidence => ({ what: 'gone', by, ts, leg })
const ring = (by = alice, ts = start, eventId = '$ring'): Evidence => {
  return { what: 'ring', by, ts, eventId, lifetime: 30_000, kind: undefined }
}

const setting = settingOf({ name: '', steps: [], expect: [] }, alice, ring())
const after = (...all: Evidence[]): CallState =>
  all.reduce((call, one) => apply(call, one, usualTimings), newCall(setting, start))
const outcomeOf = (call: CallState) => {
  const verdict = judge(call, usualTimings, start + hour)
  return verdict.isCertain && verdict.outcome
}

test('that somebody left is not taken back by hearing late that they had left before', () => {
  const call = after(
    present(alice),
    ring(),
    present(bob, start + 5000),
    gone(bob, start + 5500),
    present(bob, start + 6000),
  )
  const late = apply(call, gone(bob, start + 5500), usualTimings)
  assert.deepEqual(late, call)
  assert.equal(outcomeOf(late), 'answered')
})

test('an answer is remembered when its device comes again after a longer time', () => {
  const stays = [
    present(bob, start + 1000),
    gone(bob, start + 9000),
    present(bob, start + 25_000),
    gone(bob, start + 26_000),
  ]
  const call = after(present(alice), ring(), ...stays, gone(alice, start + 29_000))
  assert.equal(outcomeOf(call), 'answered')
})

test('one person cannot fill a call with devices, and one that comes in anew is known still', () => {
  let call = after(present(alice), ring())
  for (let i = 0; i < 100; i += 1) call = apply(call, present(bob, start + i, `bob ${i}`), usualTimings)
  assert.equal(legsOf(call).filter(({ by }) => by === bob).length, 12)
  for (let i = 0; i < 100; i += 1) call = apply(call, gone(bob, start + 200, `bob ${i}`), usualTimings)
  call = apply(call, present(bob, start + 5000, 'bob again'), usualTimings)
  assert.equal(legsOf(call).filter(({ by }) => by === bob).length, 12)
  assert.equal(outcomeOf(call), 'answered')
})

test('heartbeats change nothing', () => {
  const call = after(present(alice), ring())
  const beat: Evidence = {
    what: 'present',
    by: alice,
    ts: start + 5000,
    leg: `${alice} 1`,
    isFresh: false,
    until: start + 4 * hour + 5000,
  }
  assert.equal(apply(call, beat, usualTimings), call)
})

test('what was told of a call that is decided opens no other one when it is told again', () => {
  const state: CallState = {
    ...after(present(alice), ring()),
    decision: { outcome: 'missed', reason: 'timeout', ts: start + 45_000, endedTs: start + 45_000 },
  }
  const live = { state, hasEnded: true }
  for (const told of [ring(), present(alice), ring(alice, start + 50_000, '$other')]) {
    assert.notEqual(routeOf(live, told, usualTimings).to, 'new', JSON.stringify(told))
  }
  assert.equal(routeOf(live, present(bob, start + 50_000), usualTimings).to, 'new')
  assert.equal(routeOf({ state: after(present(alice)), hasEnded: false }, present(bob), usualTimings).to, 'live')
  assert.equal(routeOf(undefined, gone(bob), usualTimings).to, 'nothing')
})
