import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Simulation, settingOf, userOf, usualTimings } from '../scenarios/simulate.ts'
import { apply } from './apply.ts'
import { type CallState, newCall } from './call-state.ts'
import type { Evidence } from './evidence.ts'
import { judge } from './judge.ts'

const alice = userOf('alice')
const bob = userOf('bob')
const start = 1_700_000_000_000
const setting = (caller = alice) =>
  settingOf({ name: '', steps: [], expect: [] }, caller, { what: 'out', by: bob, ts: 0 })

const person = fc.constantFrom(alice, bob)
const ts = fc.integer({ min: 0, max: 200_000 }).map((n) => start + n)
const callId = fc.constantFrom('a', 'b', 'c')
const eventId = fc.constantFrom('$1', '$2', '$3')
const reason = fc.constantFrom(
  undefined,
  'user_hangup',
  'user_busy',
  'ice_failed',
  'invite_timeout',
  'replaced',
  'answered_elsewhere',
)
const party = fc.constantFrom(undefined, 'phone', 'laptop')
const leg = fc.tuple(person, fc.constantFrom('x', 'y'))

const evidence: fc.Arbitrary<Evidence> = fc.oneof(
  fc.record({
    what: fc.constant('invite' as const),
    by: person,
    ts,
    callId,
    eventId,
    lifetime: fc.constantFrom(1, 60_000, 9e9),
    kind: fc.constantFrom('voice' as const, 'video' as const),
    invitee: fc.constant(undefined),
  }),
  fc.record({
    what: fc.constantFrom('answer' as const, 'select' as const, 'reject' as const, 'hangup' as const),
    by: person,
    ts,
    callId,
    reason,
    party,
  }),
  fc.record({ leg, ts, isFresh: fc.boolean(), eventId }).map(({ leg: [by, device], ...rest }) => {
    return { ...rest, what: 'present' as const, by, device, leg: `${by} ${device}`, until: start + 9e6 }
  }),
  fc.record({ leg, ts, isSfu: fc.boolean() }).map(({ leg: [by, device], ts: at, isSfu }) => {
    return { what: 'gone' as const, by, ts: at, ...(isSfu ? { device } : { leg: `${by} ${device}` }) }
  }),
  fc.record({
    what: fc.constant('ring' as const),
    by: person,
    ts,
    eventId,
    lifetime: fc.constantFrom(undefined, 30_000),
    kind: fc.constant(undefined),
  }),
  fc.record({ what: fc.constant('decline' as const), by: person, ts, target: eventId }),
  fc.record({ what: fc.constant('reference' as const), by: person, ts, eventId, target: eventId }),
  fc.record({ what: fc.constantFrom('sealed' as const), by: person, ts, eventId }),
  fc.record({ what: fc.constant('out' as const), by: person, ts }),
  fc.record({ what: fc.constant('redacted' as const), eventId, ts }),
)

/** Plays evidence as it comes, each at its own time and never before what came earlier; timers run in between. */
function play(all: readonly Evidence[], { repeats = 1, isGroup = false } = {}): Simulation {
  const scenario = { name: '', steps: [], expect: [], isGroup }
  const room = new Simulation((caller, opening) => settingOf(scenario, caller, opening))
  let now = start
  const lookUntil = (until: number) => {
    for (let due = room.look(now); due !== undefined && due <= until; due = room.look(now)) {
      assert.ok(due > now, 'time goes on')
      now = due
    }
    now = Math.max(now, until)
  }
  for (const one of all) {
    lookUntil(Math.max(one.ts, now))
    for (let i = 0; i < repeats; i += 1) room.record(one, now)
  }
  lookUntil(now + 3 * 86_400_000)
  return room
}

test('whatever comes in whatever order, each call has one outcome, and all of them end', () => {
  fc.assert(
    fc.property(fc.array(evidence, { maxLength: 40 }), fc.boolean(), (all, isGroup) => {
      const room = play(all, { isGroup })
      assert.equal(room.decided.length, room.opened)
      assert.equal(room.look(start + 1e12), undefined)
    }),
    { numRuns: 500 },
  )
})

test('what is told again is as if it had been told once', () => {
  fc.assert(
    fc.property(fc.array(evidence, { maxLength: 30 }), (all) => {
      assert.deepEqual(play(all, { repeats: 2 }).decided, play(all).decided)
    }),
    { numRuns: 300 },
  )
})

test('a call is never missed after an answer, and an answer to it is never lost', () => {
  fc.assert(
    fc.property(fc.array(evidence, { maxLength: 20 }), fc.nat(19), (others, place) => {
      let call: CallState = newCall(setting(), start)
      const invite: Evidence = {
        what: 'invite',
        by: alice,
        ts: start,
        callId: 'a',
        eventId: '$9',
        lifetime: 60_000,
        kind: 'voice',
        invitee: undefined,
      }
      const answer: Evidence = { what: 'answer', by: bob, ts: start + 9_000, callId: 'a', reason: undefined }
      call = apply(call, invite, usualTimings)
      for (const one of [...others.slice(0, place), answer, ...others.slice(place)])
        call = apply(call, one, usualTimings)
      const verdict = judge(call, usualTimings, start + 1e9)
      assert.equal(verdict.isCertain && verdict.outcome, 'answered')
    }),
  )
})

test('somebody who has been in the call long enough has answered it, however that comes to be known', () => {
  const stay = fc.record({ from: fc.integer({ min: 0, max: 60_000 }), length: fc.integer({ min: 2_000, max: 60_000 }) })
  fc.assert(
    fc.property(stay, fc.nat(100_000), ({ from, length }, extra) => {
      const base = { by: bob, leg: 'b', isFresh: true, until: start + 9e6 }
      const mine = { by: alice, leg: 'a', isFresh: true, until: start + 9e6 }
      const told: Evidence[] = [
        { what: 'present', ...mine, ts: start },
        { what: 'present', ...base, ts: start + from },
        { what: 'gone', by: bob, leg: 'b', ts: start + from + length },
        { what: 'gone', by: alice, leg: 'a', ts: start + from + length + extra },
      ]
      const call = told.reduce((state, one) => apply(state, one, usualTimings), newCall(setting(), start))
      const verdict = judge(call, usualTimings, start + 1e9)
      assert.equal(verdict.isCertain && verdict.outcome, 'answered')
    }),
  )
})

test('what two people do is judged alike in whatever order their servers tell of it', () => {
  const mine: Evidence[] = [
    { what: 'hangup', by: alice, ts: start + 20_000, callId: 'a', reason: undefined },
    { what: 'gone', by: alice, leg: 'a', ts: start + 21_000 },
    { what: 'out', by: alice, ts: start + 30_000 },
  ]
  const at = fc.integer({ min: 0, max: 40_000 }).map((n) => start + n)
  const theirs = fc.array(
    fc.oneof(
      fc.record({
        what: fc.constantFrom('answer' as const, 'reject' as const, 'hangup' as const),
        by: fc.constant(bob),
        ts: at,
        callId: fc.constant('a'),
        reason,
        party,
      }),
      fc.record({ what: fc.constant('decline' as const), by: fc.constant(bob), ts: at, target: fc.constant('$1') }),
      at.map((when) => ({ what: 'present' as const, by: bob, leg: 'b', isFresh: true, until: start + 9e6, ts: when })),
    ),
    { maxLength: 6 },
  )
  const begin: Evidence[] = [
    {
      what: 'invite',
      by: alice,
      ts: start,
      callId: 'a',
      eventId: '$0',
      lifetime: 60_000,
      kind: 'voice',
      invitee: undefined,
    },
    { what: 'present', by: alice, leg: 'a', isFresh: true, until: start + 9e6, ts: start },
    { what: 'ring', by: alice, ts: start, eventId: '$1', lifetime: 30_000, kind: undefined },
  ]
  const verdictOf = (all: readonly Evidence[]) =>
    judge(
      all.reduce((state, one) => apply(state, one, usualTimings), newCall(setting(), start)),
      usualTimings,
      start + 1e9,
    )
  fc.assert(
    fc.property(theirs, fc.array(fc.boolean(), { minLength: 9, maxLength: 9 }), (bobs, turns) => {
      const left = [...mine]
      const mixed: Evidence[] = []
      const rest = [...bobs]
      for (const isMine of turns) {
        const next = (isMine ? left : rest).shift()
        if (next !== undefined) mixed.push(next)
      }
      mixed.push(...left, ...rest)
      assert.deepEqual(verdictOf([...begin, ...mixed]), verdictOf([...begin, ...mine, ...bobs]))
    }),
    { numRuns: 300 },
  )
})
