import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { IdentifiedPdu, JsonObject } from '../src/matrix/event.ts'
import { prevEventIds } from '../src/matrix/event-references.ts'
import type { EventId, UserId } from '../src/matrix/ids.ts'
import {
  asSeenBy,
  currentState,
  deliver,
  joinedRoom,
  newSigner,
  signerOf,
  sorted,
  trust,
} from './helpers/federation/remote-room.ts'
import type { BuiltRoom } from './helpers/federation/room-builder.ts'
import { createTestServer } from './helpers/server.ts'

/** One more event of a history: by whom, on which earlier events, and what. */
interface Step {
  readonly who: number
  readonly on: readonly number[]
  readonly what: number
  readonly target: number
}

const step: fc.Arbitrary<Step> = fc.record({
  who: fc.nat(3),
  on: fc.array(fc.nat(5), { minLength: 1, maxLength: 2 }),
  what: fc.nat(7),
  target: fc.nat(3),
})

const creator = '@creator:remote.test' as UserId
const people = [creator, '@bob:third.test', '@carol:third.test', '@dan:remote.test'] as UserId[]

/** The event of a step, or undefined where the room does not allow it where it stands. */
function build(room: BuiltRoom, recent: readonly IdentifiedPdu[], { who, on, what, target }: Step) {
  const sender = people[who] ?? creator
  const other = people[target] ?? creator
  const prev = [...new Set(on.map((i) => recent.at(-1 - (i % recent.length))?.eventId ?? ('' as EventId)))]
  const state = (type: string, content: JsonObject, stateKey = ''): [string, JsonObject, string?] => [
    type,
    content,
    stateKey,
  ]
  const [type, content, stateKey] = [
    state('m.room.topic', { topic: `${who}` }),
    state('m.room.member', { membership: 'join', displayname: `${target}` }, sender),
    state('m.room.member', { membership: 'leave' }, other),
    state('m.room.member', { membership: 'ban' }, other),
    state('m.room.power_levels', { users: { [other]: 50 * (1 + (target % 2)) }, events: { 'm.room.topic': 0 } }),
    state('m.room.join_rules', { join_rule: target % 2 === 0 ? 'public' : 'invite' }),
    state('m.room.member', { membership: 'join' }, sender),
    ['m.room.message', { body: `${target}` }] as [string, JsonObject],
  ][what % 8] as [string, JsonObject, string?]
  const event = room.build(sender, type, content, { prev, ...(stateKey !== undefined && { stateKey }) })
  return room.check(event.pdu).allowed ? event : undefined
}

for (const version of ['2', '11', '12']) {
  test(`any history in any order of arrival ends with the same state (version ${version})`, async () => {
    await using server = await createTestServer()
    const alice = await server.user('alice')
    const [remote, third] = [newSigner('remote.test'), newSigner('third.test')]
    await trust(server, remote, third)
    const signers = [remote, third, third, remote]
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 25 }), fc.nat(), async (steps, seed) => {
        const powerLevels = { users: version === '12' ? {} : { [creator]: 100 } }
        const { room } = await joinedRoom(server, remote, alice.userId, { version, powerLevels })
        const recent = [...room.graph.heads].map((id) => room.graph.require(id))
        const made: IdentifiedPdu[] = []
        for (const one of steps) {
          const seen = asSeenBy(room, signers[one.who] ?? remote)
          const event = build(seen, recent, one)
          if (event === undefined) continue
          room.graph.add(event)
          recent.push(event)
          made.push(event)
        }
        // What refers to events that are not here yet comes after them: nobody is there to be asked for them.
        const waiting = new Set(made)
        const known = new Set([...room.graph.events.keys()].filter((id) => !made.some(({ eventId }) => eventId === id)))
        let random = seed
        while (waiting.size > 0) {
          const ready = [...waiting].filter(({ pdu }) => prevEventIds(pdu).every((id) => known.has(id)))
          random = (random * 1_103_515_245 + 12_345) % 2_147_483_648
          const next = ready[random % ready.length]
          assert.ok(next)
          waiting.delete(next)
          known.add(next.eventId)
          await deliver(server, remote.server, next)
        }
        // What was soft-failed, which depends on the order of arrival, counts again once somebody has seen it.
        fc.pre(room.graph.heads.size <= 20)
        const last = asSeenBy(room, signerOf(server)).message(alice.userId, 'seen')
        await deliver(server, remote.server, last)
        assert.deepEqual(sorted(await currentState(server, room.roomId)), sorted(room.graph.current()))
      }),
      { numRuns: 40 },
    )
  })
}
