import type { Keyring } from '../../federation/client/ports.ts'
import type { IdentifiedPdu } from '../../matrix/event.ts'
import { contentHashMatches } from '../../matrix/event-hash.ts'
import { redact } from '../../matrix/redact.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'
import { createYielder } from '../../util/async.ts'

/**
 * The events as they may be used: undefined where signatures are missing or wrong, and redacted where the content is not
 * what was hashed. https://spec.matrix.org/v1.19/server-server-api/#validating-hashes-and-signatures-on-received-events
 */
export async function verifyEvents(
  keyring: Pick<Keyring, 'verifyEvents'>,
  rules: RoomVersionRules,
  events: readonly IdentifiedPdu[],
): Promise<(IdentifiedPdu | undefined)[]> {
  const signed = await keyring.verifyEvents(
    rules,
    events.map(({ pdu }) => pdu),
  )
  const pause = createYielder()
  const usable: (IdentifiedPdu | undefined)[] = []
  for (const [index, event] of events.entries()) {
    await pause()
    if (!signed[index]) usable.push(undefined)
    else if (contentHashMatches(event.pdu)) usable.push(event)
    else usable.push({ eventId: event.eventId, pdu: redact(event.pdu, rules) })
  }
  return usable
}
