/** What happens to media in the histories of the property test. */
import fc from 'fast-check'
import type { DeliveryPolicy } from '../../src/media/delivery/policy.ts'
import type { ModelChoice } from './ledger-model.ts'
import { day, hour } from './ledger-under-test.ts'

const index = fc.nat(7)
const times = fc.constantFrom(1, hour, day - 1, day, 3 * day, 7 * day - 1, 9 * day, 10 * day, 30 * day)
const weighted = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary })
const choice: fc.Arbitrary<ModelChoice | undefined> = fc.option(
  fc.record(
    {
      kind: fc.constantFrom('keep' as const, 'after_delivery' as const),
      grace: fc.constantFrom(0, 3 * day),
      max_lifetime: fc.constantFrom(10 * day, 50 * day),
    },
    { requiredKeys: ['kind'] },
  ),
  { nil: undefined, freq: 4 },
)
/** In `but`: all users of the other server. */
export const farUsers = 3
/** In `media`: the newest. */
export const newest = -1

const step = fc.oneof(
  weighted(2, fc.record({ do: fc.constant('upload' as const), user: index, content: fc.nat(2) })),
  weighted(
    5,
    fc.record({
      do: fc.constant('send' as const),
      user: index,
      room: index,
      media: index,
      thumbnail: fc.option(index, { nil: undefined, freq: 2 }),
      isNote: fc.boolean(),
      isDeclared: fc.constantFrom(false, false, true),
      byUploader: fc.constantFrom(true, true, false),
    }),
  ),
  weighted(
    3,
    fc.record({
      do: fc.constant('fetch' as const),
      user: index,
      media: index,
      device: fc.nat(1),
      part: fc.constantFrom('whole' as const, 'front' as const, 'back' as const, 'halves' as const),
    }),
  ),
  weighted(
    4,
    fc.record({
      do: fc.constant('fetch by all' as const),
      media: index,
      but: fc.constantFrom(0, 1, 2, farUsers, 9, 9, 9),
    }),
  ),
  weighted(2, fc.record({ do: fc.constant('redact' as const), event: index })),
  weighted(1, fc.record({ do: fc.constant('edit' as const), event: index, user: index, media: index })),
  weighted(2, fc.record({ do: fc.constantFrom('leave' as const, 'join' as const), user: index, room: index })),
  weighted(1, fc.record({ do: fc.constant('pin' as const), media: index })),
  weighted(
    1,
    fc.record({
      do: fc.constantFrom('hold' as const, 'lift' as const),
      media: index,
      ms: fc.constantFrom(hour, 10 * day, undefined),
    }),
  ),
  weighted(1, fc.record({ do: fc.constantFrom('hold user' as const, 'lift user' as const), user: index })),
  weighted(1, fc.record({ do: fc.constantFrom('server away' as const, 'server back' as const) })),
  weighted(
    1,
    fc.record({
      do: fc.constantFrom('room policy' as const, 'user policy' as const),
      room: index,
      user: index,
      choice,
    }),
  ),
  weighted(4, fc.record({ do: fc.constant('wait' as const), ms: times })),
  weighted(3, fc.record({ do: fc.constantFrom('sweep' as const, 'crash' as const) })),
)
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** A file is sent, and what may come in between does: chance alone seldom brings all of that together. */
const story: fc.Arbitrary<Step[]> = fc
  .record({
    user: index,
    room: index,
    isNote: fc.boolean(),
    isDeclared: fc.boolean(),
    choice: fc.option(fc.record({ do: fc.constantFrom('room policy' as const, 'user policy' as const), choice })),
    but: fc.constantFrom(1, farUsers, 9, 9),
    isAway: fc.boolean(),
    hold: fc.constantFrom('hold' as const, 'hold user' as const, undefined, undefined),
    holdMs: fc.constantFrom(10 * day, undefined),
    waits: fc.tuple(times, times, times, times),
  })
  .map(({ user, room, isNote, isDeclared, choice: chosen, but, isAway, hold, holdMs, waits }) => {
    const [first, second, third, fourth] = waits.map((ms) => ({ do: 'wait' as const, ms }))
    const sweep = { do: 'sweep' as const }
    const sent = { user, room, isNote, isDeclared, thumbnail: undefined, byUploader: true }
    // Only the first user may choose for rooms.
    const chooser = chosen?.do === 'room policy' ? 0 : user
    const steps: (Step | undefined)[] = [
      chosen ? { ...chosen, user: chooser, room } : undefined,
      { do: 'upload', user, content: 0 },
      { do: 'send', media: newest, ...sent },
      isAway ? { do: 'server away' } : undefined,
      first,
      { do: 'fetch by all', media: newest, but },
      sweep,
      hold === 'hold user' ? { do: hold, user } : hold ? { do: hold, media: newest, ms: holdMs } : undefined,
      second,
      sweep,
      isAway ? { do: 'server back' } : undefined,
      third,
      hold === 'hold user'
        ? { do: 'lift user', user }
        : hold
          ? { do: 'lift', media: newest, ms: undefined }
          : undefined,
      sweep,
      fourth,
      sweep,
    ]
    return steps.filter((one) => one !== undefined)
  })

export const histories: fc.Arbitrary<Step[]> = fc
  .array(
    fc.oneof(
      weighted(
        12,
        step.map((one) => [one]),
      ),
      weighted(1, story),
    ),
    {
      minLength: 10,
      maxLength: 24,
      size: 'max',
    },
  )
  .map((parts) => parts.flat())

export const policies: fc.Arbitrary<DeliveryPolicy & { grace: number; maxLifetime: number }> = fc.record({
  scope: fc.constantFrom('notes' as const, 'all' as const, 'all' as const, 'none' as const),
  grace: fc.constantFrom(0, day, 7 * day),
  serverGrace: fc.constantFrom(undefined, 9 * day),
  maxLifetime: fc.constant(30 * day),
  redactedGrace: fc.constantFrom(0, day),
})
