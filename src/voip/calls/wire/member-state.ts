import { fieldOf, integerOf, stringOf } from '../../../matrix/content.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import { maxIdBytes } from '../../../matrix/ids.ts'
import type { Evidence } from '../kernel/evidence.ts'
import type { CallKind } from '../types.ts'
import type { SeenEvent } from './seen-event.ts'

/**
 * Who is in a call of MatrixRTC by the state of the room, as Element Call (`created_ts`, `membershipID`) and FluffyChat
 * (`created_at`) write it. `{}` is leaving. State is never encrypted.
 */
export const memberStateType = 'org.matrix.msc3401.call.member'

const usualExpiry = 4 * 3_600_000

export const legOfState = (stateKey: string) => `state ${stateKey}`

/** The keys begin with `_`, so that the rules of rooms do not keep others from them. */
export const isKeyOf = (userId: string, stateKey: string) =>
  stateKey === userId || [`_${userId}_`, `${userId}_`].some((own) => stateKey.startsWith(own))

/** `m.call.intent`, or what it stands for where it is left out: Element Call opens with the camera. */
export function kindOfIntent(intent: string | undefined): CallKind {
  return intent === 'audio' ? 'voice' : 'video'
}

/** A membership, with what stood there before. */
export function readMemberState({ eventId, pdu, ts }: SeenEvent, before: SeenEvent | undefined): Evidence | undefined {
  const stateKey = pdu.state_key ?? ''
  const leg = legOfState(stateKey)
  // Moderators may take away what a client has left behind.
  if (!isIn(pdu.content)) return { what: 'gone', by: pdu.sender, leg, ts }
  if (!isKeyOf(pdu.sender, stateKey)) return undefined
  const session = stringOf(pdu, 'membershipID')?.slice(0, maxIdBytes)
  return {
    what: 'present',
    by: pdu.sender,
    leg,
    isFresh: isFresh({ eventId, pdu, ts }, before),
    device: stringOf(pdu, 'device_id')?.slice(0, maxIdBytes),
    session,
    eventId,
    kind: kindOfIntent(stringOf(pdu, 'm.call.intent')),
    until: ts + expiryOf(pdu.content),
    ts,
  }
}

const isIn = (content: JsonObject) => fieldOf({ content }, 'application') === 'm.call'

function expiryOf(content: JsonObject): number {
  const expires = integerOf({ content }, 'expires')
  // Relative to the creation of the membership: a refreshed one has more.
  return expires !== undefined && expires > 0 ? Math.min(expires, 24 * 3_600_000) : usualExpiry
}

function isFresh({ pdu, ts }: SeenEvent, before: SeenEvent | undefined): boolean {
  if (before === undefined || !isIn(before.pdu.content)) return true
  const session = stringOf(pdu, 'membershipID')
  const sessionBefore = stringOf(before.pdu, 'membershipID')
  if (session !== undefined && sessionBefore !== undefined) return session !== sessionBefore
  const createdBefore = createdOf(before)
  if (createdBefore + expiryOf(before.pdu.content) <= ts) return true
  // FluffyChat names the time of joining in each refresh.
  return integerOf(pdu, 'created_at') !== undefined && createdOf({ eventId: '', pdu, ts }) !== createdBefore
}

function createdOf({ pdu, ts }: SeenEvent): number {
  const created = fieldOf(pdu, 'created_ts') ?? fieldOf(pdu, 'created_at')
  return typeof created === 'number' ? created : ts
}
