import { fieldOf, objectOf, stringOf } from '../../../matrix/content.ts'
import { maxIdBytes } from '../../../matrix/ids.ts'
import type { Evidence } from '../kernel/evidence.ts'
import type { SeenEvent } from './seen-event.ts'

/**
 * Calls between two clients by `m.call.*`, versions 0 and 1. In encrypted rooms nothing of them can be seen.
 * https://spec.matrix.org/v1.19/client-server-api/#voice-over-ip
 */
export const legacyTypes: ReadonlySet<string> = new Set([
  'm.call.invite',
  'm.call.answer',
  'm.call.select_answer',
  'm.call.reject',
  'm.call.hangup',
])

const usualLifetime = 60_000

export function readLegacy({ eventId, pdu, ts }: SeenEvent): Evidence | undefined {
  const callId = stringOf(pdu, 'call_id')
  if (callId === undefined || callId === '' || callId.length > maxIdBytes) return undefined
  const common = { by: pdu.sender, ts, callId }
  const reason = stringOf(pdu, 'reason')?.slice(0, 64)
  const party = (key: string) => stringOf(pdu, key)?.slice(0, maxIdBytes)
  switch (pdu.type) {
    case 'm.call.invite': {
      const lifetime = fieldOf(pdu, 'lifetime')
      const sdp = stringOf({ content: objectOf(pdu, 'offer') ?? {} }, 'sdp') ?? ''
      return {
        ...common,
        what: 'invite',
        eventId,
        lifetime: typeof lifetime === 'number' && lifetime > 0 ? lifetime : usualLifetime,
        kind: /^m=video /m.test(sdp) ? 'video' : 'voice',
        invitee: stringOf(pdu, 'invitee'),
      }
    }
    case 'm.call.answer':
      return { ...common, what: 'answer', reason, party: party('party_id') }
    case 'm.call.select_answer':
      return { ...common, what: 'select', reason, party: party('selected_party_id') }
    case 'm.call.reject':
      return { ...common, what: 'reject', reason, party: party('party_id') }
    case 'm.call.hangup':
      return { ...common, what: 'hangup', reason, party: party('party_id') }
    default:
      return undefined
  }
}
