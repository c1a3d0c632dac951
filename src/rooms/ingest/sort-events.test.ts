import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { IdentifiedPdu } from '../../matrix/event.ts'
import type { EventId } from '../../matrix/ids.ts'
import { sortByReferences, sortManyByReferences } from './sort-events.ts'

const idOf = (i: number) => `$${i}` as EventId
const eventOf = (i: number) => ({ eventId: idOf(i), pdu: {} }) as IdentifiedPdu

/** References of each event to others, those by higher numbers to lower ones: a history without circles. */
const histories = fc
  .integer({ min: 1, max: 40 })
  .chain((count) =>
    fc.tuple(
      ...Array.from({ length: count }, (_, i) => fc.subarray([...Array(i).keys()], { maxLength: Math.min(i, 3) })),
    ),
  )
  .chain((references) =>
    fc.tuple(fc.constant(references), fc.shuffledSubarray([...references.keys()], { minLength: references.length })),
  )

test('what events refer to comes before them, whatever the order was, and the long way round gives the same', () =>
  fc.assert(
    fc.asyncProperty(histories, async ([references, order]) => {
      const referencesOf = ({ eventId }: IdentifiedPdu) => (references[Number(eventId.slice(1))] ?? []).map(idOf)
      const events = order.map(eventOf)
      const sorted = sortByReferences(events, referencesOf)
      const at = new Map(sorted.map(({ eventId }, index) => [eventId, index]))
      assert.equal(at.size, events.length)
      for (const event of events) {
        for (const id of referencesOf(event)) assert.ok((at.get(id) ?? -1) < (at.get(event.eventId) ?? -1))
      }
      assert.deepEqual(await sortManyByReferences(events, referencesOf), sorted)
    }),
  ))

test('events that refer to each other come last, and none is lost', async () => {
  const references: Record<string, readonly EventId[]> = { $0: ['$1' as EventId], $1: ['$0' as EventId], $2: [] }
  const events = [0, 1, 2].map(eventOf)
  const sorted = await sortManyByReferences(events, ({ eventId }) => references[eventId] ?? [])
  assert.deepEqual(
    sorted.map(({ eventId }) => eventId),
    ['$2', '$0', '$1'],
  )
})
