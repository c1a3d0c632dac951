import { isUserId } from '../../../matrix/ids.ts'
import type { Evidence } from '../kernel/evidence.ts'
import type { ParticipantNews } from '../types.ts'

/** The server of a call does not say for how long somebody will stay. */
const day = 86_400_000

/** What the LiveKit server says of those who are in a call: the best evidence there is. */
export function readParticipant({ userId, deviceId, what, ts }: ParticipantNews): Evidence | undefined {
  if (!isUserId(userId)) return undefined
  if (what !== 'joined') return { what: 'gone', by: userId, device: deviceId, ts }
  const leg = `sfu ${userId} ${deviceId ?? ''}`
  return { what: 'present', by: userId, leg, isFresh: true, device: deviceId, until: ts + day, ts }
}
