import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { resolvePlainly, splitMaps } from '../../test/helpers/plain-state-res.ts'
import { alice, bob, carol, createId } from '../../test/helpers/room-events.ts'
import { acts, mallory, SimulatedRoom } from '../../test/helpers/room-simulation.ts'
import type { JsonObject } from './event.ts'
import { authEventIds } from './event-references.ts'
import type { EventId, UserId } from './ids.ts'
import { roomVersions } from './room-versions.ts'
import {
  ResolutionMemo,
  type ResolvableEvent,
  resolveConflicts,
  resolveState,
  type StateMap,
  stateMapKey,
} from './state-res.ts'

const anyVersion = fc.constantFrom(...roomVersions)
const fixedVersion = fc.constantFrom(...roomVersions.slice(1))
const sorted = (state: StateMap): [string, EventId][] => [...state].sort()
const runs = { numRuns: 300 }

describe('state resolution', () => {
  it('gives one answer for every order of the states', () => {
    fc.assert(
      fc.property(anyVersion, acts, fc.infiniteStream(fc.nat()), (version, actions, keys) => {
        const room = new SimulatedRoom(version, actions)
        const states = [...room.states(), ...[...room.after.values()].slice(-4)]
        const shuffled = states.map((state) => [keys.next().value, state] as const).sort(([a], [b]) => a - b)
        const expected = sorted(resolveState(room.rules, states, room.get))
        const reordered = shuffled.map(([, state]) => new Map([...state].reverse()))
        assert.deepEqual(sorted(resolveState(room.rules, reordered, room.get)), expected)
        assert.deepEqual(sorted(resolveState(room.rules, [...reordered, ...states], room.get)), expected)
      }),
      runs,
    )
  })

  it('gives one answer for every order of arrival', () => {
    fc.assert(
      fc.property(anyVersion, acts, fc.infiniteStream(fc.nat()), (version, actions, picks) => {
        const room = new SimulatedRoom(version, actions)
        const expected = sorted(resolveState(room.rules, room.states(), room.get))
        const replayed = room.replay((waiting) => waiting[picks.next().value % waiting.length]!)
        assert.deepEqual(sorted(replayed), expected)
      }),
      runs,
    )
  })

  it('leaves states alone that are the same', () => {
    fc.assert(
      fc.property(anyVersion, acts, (version, actions) => {
        const room = new SimulatedRoom(version, actions)
        for (const state of [...room.after.values()].slice(-3)) {
          const copies = [state, new Map(state), new Map([...state].reverse())]
          assert.deepEqual(sorted(resolveState(room.rules, copies, room.get)), sorted(state))
          assert.deepEqual(sorted(resolveState(room.rules, [state], room.get)), sorted(state))
        }
      }),
      runs,
    )
    assert.equal(resolveState(new SimulatedRoom('12').rules, [], () => undefined).size, 0)
  })

  it('keeps what all states agree on, and takes nothing from elsewhere', () => {
    fc.assert(
      fc.property(anyVersion, acts, (version, actions) => {
        const room = new SimulatedRoom(version, actions)
        const states = room.states()
        const resolved = resolveState(room.rules, states, room.get)
        for (const [key, id] of states[0] ?? []) {
          if (states.every((state) => state.get(key) === id)) assert.equal(resolved.get(key), id)
        }
        for (const [key, id] of resolved) {
          const pdu = room.get(id)?.pdu
          assert.equal(stateMapKey(pdu?.type ?? '', pdu?.state_key ?? ''), key)
        }
      }),
      runs,
    )
  })

  it('is the same with events loaded as they are needed', async () => {
    await fc.assert(
      fc.asyncProperty(anyVersion, acts, fc.boolean(), async (version, actions, withEdges) => {
        const room = new SimulatedRoom(version, actions)
        const expected = sorted(resolveState(room.rules, room.states(), room.get))
        const find = (ids: readonly EventId[]): ResolvableEvent[] => ids.flatMap((id) => room.get(id) ?? [])
        const source = {
          loadEvents: async (ids: readonly EventId[]) => find(ids),
          ...(withEdges && {
            loadAuthIds: async (ids: readonly EventId[]) =>
              new Map(find(ids).map(({ eventId, pdu }) => [eventId, authEventIds(pdu)] as const)),
          }),
        }
        const split = splitMaps(room.rules, room.states())
        const tools = { rules: room.rules, source, yieldNow: async () => {}, memo: new ResolutionMemo() }
        const resolved = new Map([...(split.unconflicted as StateMap), ...(await resolveConflicts(split, tools))])
        assert.deepEqual(sorted(resolved), expected)
      }),
      runs,
    )
  })

  it('is what the specification says word by word, also where much is known from before', async () => {
    await fc.assert(
      fc.asyncProperty(fixedVersion, acts, async (version, actions) => {
        const room = new SimulatedRoom(version, actions)
        const memo = new ResolutionMemo()
        const source = { loadEvents: async (ids: readonly EventId[]) => ids.flatMap((id) => room.get(id) ?? []) }
        // Two ends that move, one after the other, as events come in.
        const states = [...room.after.values()]
        for (const [i, state] of states.entries()) {
          const others = [states[i >> 1] ?? state, states[(i * 7) % (i + 1)] ?? state]
          const given = [...new Set([state, ...others])]
          const expected = resolvePlainly(room.rules, given, room.get)
          const split = splitMaps(room.rules, given)
          const changes = await resolveConflicts(split, { rules: room.rules, source, yieldNow: async () => {}, memo })
          assert.deepEqual(sorted(new Map([...(split.unconflicted as StateMap), ...changes])), sorted(expected))
          assert.deepEqual(sorted(resolveState(room.rules, given, room.get)), sorted(expected))
        }
      }),
      runs,
    )
  })

  it('lets no user without power change levels, join rules or the membership of others, whatever a server claims', () => {
    const forgeries: [type: string, stateKey: string, content: Record<string, string | number | object>][] = [
      ['m.room.power_levels', '', { users: { [mallory]: 100 } }],
      ['m.room.power_levels', '', { users: {}, users_default: 100 }],
      ['m.room.join_rules', '', { join_rule: 'invite' }],
      ['m.room.member', alice, { membership: 'ban' }],
      ['m.room.member', alice, { membership: 'leave' }],
      ['m.room.member', bob, { membership: 'ban' }],
      ['m.room.member', carol, { membership: 'join' }],
      ['m.room.topic', '', { topic: 'mine' }],
    ]
    fc.assert(
      fc.property(
        fixedVersion,
        acts,
        fc.infiniteStream(fc.nat()),
        fc.boolean(),
        (version, actions, picks, hidesLevels) => {
          const room = new SimulatedRoom(version, actions)
          const honest = room.states()
          const branch = [...room.leaves][0]!
          const base = room.stateAfter(branch)
          const forged = new Map(base)
          const events = new Map(room.events)
          for (const [i, [type, stateKey, content]] of forgeries.entries()) {
            if (picks.next().value % 2 === 0) continue
            const eventId = `$forged${i}` as EventId
            const event = { type, state_key: stateKey, content: JSON.parse(JSON.stringify(content)) }
            const pdu = room.draft(base, [branch], mallory, event)
            pdu.origin_server_ts = picks.next().value % 20
            const levels = base.get(stateMapKey('m.room.power_levels', ''))
            if (hidesLevels) pdu.auth_events = authEventIds(pdu).filter((id) => id !== levels)
            events.set(eventId, { eventId, pdu })
            forged.set(stateMapKey(type, stateKey), eventId)
          }
          const resolved = resolveState(room.rules, [forged, ...honest], (id) => events.get(id))
          for (const id of resolved.values()) assert.ok(!id.startsWith('$forged'), id)
        },
      ),
      { numRuns: 1500 },
    )
  })

  it('lets nobody use power on one branch that was taken on another', () => {
    let attempts = 0
    fc.assert(
      fc.property(fixedVersion, acts, fc.nat({ max: 8 }), (version, before, time) => {
        const room = new SimulatedRoom(version, before)
        const fork = [...room.events.keys()].at(-1)!
        const old = new Set(room.events.keys())
        const levels = room.contentOf(fork, 'm.room.power_levels')
        const users = levels.users as JsonObject
        const raised = room.send(fork, alice, 'm.room.power_levels', { ...levels, users: { ...users, [mallory]: 50 } })
        const lowered = room.send(raised, alice, 'm.room.power_levels', {
          ...levels,
          users: { ...users, [mallory]: 0 },
        })
        let last = room.send(raised, mallory, 'm.room.join_rules', { join_rule: 'invite' }, '', time)
        last = room.send(
          last,
          mallory,
          'm.room.power_levels',
          { ...levels, users: { ...users, [mallory]: 50 }, ban: 0 },
          '',
          time,
        )
        last = room.send(last, mallory, 'm.room.member', { membership: 'ban' }, carol, time)
        // Whoever has left the room before can do none of this.
        if (last === raised) return
        attempts++
        const states = [lowered, last].map((id) => room.stateAfter(id))
        const resolved = resolveState(room.rules, states, room.get)
        assert.equal(resolved.get(stateMapKey('m.room.power_levels', '')), lowered)
        for (const id of resolved.values()) {
          const pdu = room.get(id)?.pdu
          assert.ok(old.has(id) || pdu?.sender !== mallory, `${id} ${pdu?.type}`)
        }
      }),
      runs,
    )
    assert.ok(attempts > 100, `only ${attempts} attempts`)
  })

  it('keeps out whom somebody with power has banned', () => {
    let bans = 0
    fc.assert(
      fc.property(fixedVersion, acts, (version, actions) => {
        const room = new SimulatedRoom(version, actions)
        const key = stateMapKey('m.room.member', mallory)
        const ban = (state: StateMap, by?: UserId): boolean => {
          const pdu = room.get(state.get(key) ?? createId)?.pdu
          return pdu?.content.membership === 'ban' && (by === undefined || pdu.sender === by)
        }
        if (!room.states().some((state) => ban(state, alice))) return
        bans++
        assert.ok(ban(resolveState(room.rules, room.states(), room.get)))
      }),
      { numRuns: 1500 },
    )
    assert.ok(bans > 50, `only ${bans} rooms had a ban`)
  })
})
