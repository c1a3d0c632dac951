import type { HasContent } from '../../../matrix/content.ts'
import { fieldOf, integerOf, objectOf, stringOf } from '../../../matrix/content.ts'
import type { Evidence } from '../kernel/evidence.ts'
import { kindOfIntent } from './member-state.ts'
import type { SeenEvent } from './seen-event.ts'

/**
 * Ringing: https://github.com/matrix-org/matrix-spec-proposals/pull/4075 as clients send it in 2026, as the proposal has it
 * by now (with the fields in `application`), and in its first form (`call.notify`).
 */
export const ringTypes: ReadonlySet<string> = new Set([
  'org.matrix.msc4075.rtc.notification',
  'm.rtc.notification',
  'org.matrix.msc4075.call.notify',
  'm.call.notify',
])

const usualLifetime = 30_000

export function readRing({ eventId, pdu, ts }: SeenEvent): Evidence | undefined {
  const nested: HasContent = { content: objectOf(pdu, 'application') ?? {} }
  const either = <T>(read: (of: HasContent, key: string) => T | undefined, key: string) =>
    read(pdu, key) ?? read(nested, key)
  const way = either(stringOf, 'notification_type') ?? either(stringOf, 'notify_type')
  if (way !== 'ring') return undefined
  const lifetime = either(integerOf, 'lifetime') ?? usualLifetime
  const intent = either(stringOf, 'm.call.intent')
  return {
    what: 'ring',
    by: pdu.sender,
    eventId,
    lifetime: lifetime > 0 ? lifetime : usualLifetime,
    kind: intent === undefined && fieldOf(pdu, 'call_id') === undefined ? undefined : kindOfIntent(intent),
    ts,
  }
}
