import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loadStateResVectors, type StateResVector } from '../../test/helpers/state-res-vectors.ts'
import { prevEventIds } from './event-references.ts'
import type { EventId } from './ids.ts'
import { type ResolvableEvent, resolveState, type StateMap, stateMapKey } from './state-res.ts'

const vectors = loadStateResVectors()

/** Every event by itself beside the state so far, as if each had come on a branch of its own. */
function resolveBatches(vector: StateResVector, batches: readonly (readonly ResolvableEvent[])[]): StateMap {
  const known = new Map<EventId, ResolvableEvent>()
  let state: StateMap | undefined
  for (const batch of batches) {
    for (const event of batch) known.set(event.eventId, event)
    const alone = batch.map(({ eventId, pdu }) => new Map([[stateMapKey(pdu.type, pdu.state_key ?? ''), eventId]]))
    state = resolveState(vector.rules, state === undefined ? alone : [state, ...alone], (id) => known.get(id))
  }
  return state ?? new Map()
}

/** The state after the last event, each event's state resolved from those after its previous events. */
function resolveAlongEdges(vector: StateResVector): StateMap {
  const events = vector.batches.flat()
  const known = new Map(events.map((event) => [event.eventId, event]))
  const after = new Map<EventId, StateMap>()
  const leaves = new Set<EventId>()
  const join = (ids: Iterable<EventId>): StateMap =>
    resolveState(
      vector.rules,
      [...ids].map((id) => after.get(id)!),
      (id) => known.get(id),
    )
  for (const { eventId, pdu } of events) {
    const before = prevEventIds(pdu)
    const state = new Map(before.length === 0 ? [] : join(before))
    if (pdu.state_key !== undefined) state.set(stateMapKey(pdu.type, pdu.state_key), eventId)
    after.set(eventId, state)
    for (const id of before) leaves.delete(id)
    leaves.add(eventId)
  }
  return join(leaves)
}

describe('state resolution vectors', { skip: vectors ? false : 'the vectors are not on this machine' }, () => {
  for (const vector of vectors ?? []) {
    const sets = vector.stateSets
    if (sets) {
      it(`${vector.name}: the given states`, () => {
        const known = new Map(vector.batches.flat().map((event) => [event.eventId, event]))
        const resolved = resolveState(vector.rules, sets, (id) => known.get(id))
        assert.deepEqual(new Map([...resolved].sort()), new Map([...vector.expected].sort()))
      })
      continue
    }
    const expected = new Map([...vector.expected].sort())
    it(`${vector.name}: event by event`, () => {
      assert.deepEqual(new Map([...resolveAlongEdges(vector)].sort()), expected)
    })
    it(`${vector.name}: batch by batch`, () => {
      assert.deepEqual(new Map([...resolveBatches(vector, vector.batches)].sort()), expected)
    })
    it(`${vector.name}: all at once`, () => {
      assert.deepEqual(new Map([...resolveBatches(vector, [vector.batches.flat()])].sort()), expected)
    })
  }
})
