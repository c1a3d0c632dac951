import { isJsonObject, ownValue } from '../../matrix/auth-state.ts'
import type { IdentifiedPdu, Json, JsonObject, Pdu } from '../../matrix/event.ts'
import { checkPduFormat } from '../../matrix/event-format.ts'
import { hashAndSign } from '../../matrix/event-hash.ts'
import type { EventId, RoomId, ServerName, UserId } from '../../matrix/ids.ts'
import type { Membership } from '../../matrix/member-content.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'
import type { SigningKey } from '../../matrix/signing.ts'

/** The member event that we asked another server to prepare. */
export interface WantedMember {
  readonly roomId: RoomId
  readonly userId: UserId
  readonly membership: Membership
  /** What we write into it beside the membership. */
  readonly content: JsonObject
  readonly originServerTs: number
  /** For room versions 1 and 2, where whoever makes an event names it. */
  readonly newEventId: EventId
}

export type TemplateVerdict =
  | { readonly valid: true; readonly event: IdentifiedPdu }
  | { readonly valid: false; readonly reason: string }

const refuse = (reason: string): TemplateVerdict => ({ valid: false, reason })

/**
 * Makes our event of a template. Of what the other server wrote only its place in the room is taken (previous and
 * authorising events, depth) and who lets the user in; where it is about anything else than what was asked for, it is refused.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1make_joinroomiduserid
 */
export function completeTemplate(
  template: JsonObject,
  wanted: WantedMember,
  rules: RoomVersionRules,
  server: ServerName,
  key: SigningKey,
): TemplateVerdict {
  const { roomId, userId, membership } = wanted
  if (template.type !== 'm.room.member') return refuse('it is no member event')
  if (template.room_id !== roomId) return refuse('it is for another room')
  if (template.sender !== userId || template.state_key !== userId) return refuse('it is for another user')
  if (ownValue(template.content, 'membership') !== membership) return refuse(`its membership is not ${membership}`)
  const { depth, prev_events: prevEvents, auth_events: authEvents } = template
  const authoriser = ownValue(template.content, 'join_authorised_via_users_server')
  const isLetIn = rules.restrictedJoin && membership === 'join' && typeof authoriser === 'string'
  const draft: JsonObject = {
    ...(rules.eventIdFormat === 'v1' ? { event_id: wanted.newEventId } : {}),
    type: 'm.room.member',
    room_id: roomId,
    sender: userId,
    state_key: userId,
    origin: server,
    origin_server_ts: wanted.originServerTs,
    depth: depth ?? null,
    prev_events: prevEvents ?? null,
    auth_events: authEvents ?? null,
    content: {
      ...wanted.content,
      membership,
      ...(isLetIn ? { join_authorised_via_users_server: authoriser } : {}),
    },
    // Placeholders of the form that the format asks for.
    hashes: { sha256: '' },
    signatures: {},
  }
  const verdict = checkPduFormat(draft, rules)
  if (!verdict.valid) return refuse(verdict.reason)
  const { hashes: _hashes, signatures: _signatures, ...pdu } = verdict.pdu
  return { valid: true, event: hashAndSign(pdu, rules, server, key) }
}

/** The other server's signature, where `answer` is our event as it passes it on; undefined where that is another event. */
export function withSignaturesOf(
  event: IdentifiedPdu,
  answer: Json | undefined,
  server: ServerName,
): IdentifiedPdu | undefined {
  const signatures = ownValue(ownValue(answer, 'signatures'), server)
  if (!isJsonObject(signatures)) return undefined
  const texts = Object.entries(signatures).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  const own = event.pdu.signatures ?? {}
  return {
    eventId: event.eventId,
    pdu: { ...event.pdu, signatures: { ...own, [server]: { ...own[server], ...Object.fromEntries(texts) } } },
  }
}

/** An event as the body of a request: a PDU holds nothing but JSON. */
export function toJson(pdu: Pdu): JsonObject {
  return pdu as unknown as JsonObject
}
