import { isJsonObject } from '../../../matrix/auth-state.ts'
import { fieldOf, integerOf, stringOf } from '../../../matrix/content.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import { maxIdBytes } from '../../../matrix/ids.ts'
import type { Evidence } from '../kernel/evidence.ts'
import type { CallKind } from '../types.ts'
import type { SeenEvent } from './seen-event.ts'

/**
 * Who is in a call of MatrixRTC by the state of the room, as Element Call (`created_ts`, `membershipID`) and FluffyChat
 * (`created_at`) write it, or as a list for all devices of a person (`memberships`). `{}` is leaving. State is never
 * encrypted. The second name is that of https://github.com/matrix-org/matrix-spec-proposals/pull/3401
 */
export const memberStateTypes: ReadonlySet<string> = new Set(['org.matrix.msc3401.call.member', 'm.call.member'])

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
  const membership = membershipsOf(pdu.content, ts)[0]
  // Moderators may take away what a client has left behind.
  if (membership === undefined) return { what: 'gone', by: pdu.sender, leg, ts }
  if (!isKeyOf(pdu.sender, stateKey)) return undefined
  const content = { content: membership }
  return {
    what: 'present',
    by: pdu.sender,
    leg,
    isFresh: before === undefined || isFresh({ membership, ts }, before),
    device: stringOf(content, 'device_id')?.slice(0, maxIdBytes),
    session: stringOf(content, 'membershipID')?.slice(0, maxIdBytes),
    eventId,
    kind: kindOfIntent(stringOf(content, 'm.call.intent')),
    until: ts + expiryOf(membership),
    ts,
  }
}

/** The memberships of which there is one in each event, or of a list those that have not expired by a time. */
function membershipsOf(content: JsonObject, ts: number): JsonObject[] {
  if (isIn(content)) return [content]
  const list = fieldOf({ content }, 'memberships')
  if (!Array.isArray(list)) return []
  return list.filter(isJsonObject).filter((one) => isIn(one) && createdOf(one, ts) + expiryOf(one) > ts)
}

const isIn = (content: JsonObject) => fieldOf({ content }, 'application') === 'm.call'

function expiryOf(content: JsonObject): number {
  const expires = integerOf({ content }, 'expires')
  // Relative to the creation of the membership: a refreshed one has more.
  return expires !== undefined && expires > 0 ? Math.min(expires, 24 * 3_600_000) : usualExpiry
}

/** Whether somebody begins to be in the call, as against staying in it. */
function isFresh({ membership, ts }: { membership: JsonObject; ts: number }, before: SeenEvent): boolean {
  const all = membershipsOf(before.pdu.content, before.ts)
  const session = stringOf({ content: membership }, 'membershipID')
  const sessions = all.flatMap((content) => stringOf({ content }, 'membershipID') ?? [])
  if (session !== undefined && sessions.length > 0) return !sessions.includes(session)
  const [first] = all
  if (first === undefined) return true
  const createdBefore = createdOf(first, before.ts)
  if (createdBefore + expiryOf(first) <= ts) return true
  // FluffyChat names the time of joining in each refresh.
  return integerOf({ content: membership }, 'created_at') !== undefined && createdOf(membership, ts) !== createdBefore
}

function createdOf(content: JsonObject, sentTs: number): number {
  const created = fieldOf({ content }, 'created_ts') ?? fieldOf({ content }, 'created_at')
  return typeof created === 'number' ? created : sentTs
}
