import { type CallState, type InviteState, isParty } from './call-state.ts'
import type { Invite, InviteReply } from './evidence.ts'

/** Nobody needs more in one call; others could fill the row with them. */
const maxInvites = 8

/** Those of the specification, and what matrix-js-sdk says besides. */
const failures = new Set([
  'ice_failed',
  'ice_timeout',
  'user_media_failed',
  'unknown_error',
  'signalling_timeout',
  'no_user_media',
  'unknown_devices',
  'local_offer_failed',
  'create_offer',
  'create_answer',
  'send_invite',
  'send_answer',
  'set_local_description',
  'set_remote_description',
])
/** Hangups by which a client tidies up: they say nothing about the person. */
const tidying = new Set(['invite_timeout', 'replaced', 'new_session', 'transferred'])

export function applyInvite(call: CallState, e: Invite): CallState {
  if (call.invites.length >= maxInvites || call.invites.some(({ callId }) => callId === e.callId)) return call
  if (e.by !== call.caller && !isParty(call, e.by)) return call
  const invite: InviteState = { callId: e.callId, eventId: e.eventId, by: e.by, ts: e.ts, lifetime: e.lifetime }
  const next = { ...call, kind: call.kind ?? e.kind, invites: [...call.invites, invite] }
  return isGlareWon(call, e) ? answered(next, e.ts) : next
}

/**
 * Both have called each other at once: the call with the lesser id goes on, without a question to anybody.
 * https://spec.matrix.org/v1.19/client-server-api/#glare
 */
function isGlareWon(call: CallState, e: Invite): boolean {
  if (e.by === call.caller) return false
  const open = call.invites.filter(({ by, goneTs }) => by === call.caller && (goneTs === undefined || goneTs > e.ts))
  return open.length > 0 && open.every(({ callId }) => e.callId < callId)
}

const answered = (call: CallState, ts: number): CallState => ({
  ...call,
  answeredTs: Math.min(call.answeredTs ?? ts, ts),
})

export function applyReply(call: CallState, e: InviteReply): CallState {
  const invite = call.invites.find(({ callId }) => callId === e.callId)
  if (invite === undefined) return call
  const isOwn = e.by === invite.by
  if (!isOwn && e.by !== call.caller && !isParty(call, e.by)) return call
  switch (e.what) {
    case 'answer':
      return isOwn ? call : answered(takenBy(call, invite, { takenBy: e.by, ...partyOf(e), ...takerOf(invite) }), e.ts)
    case 'select':
      return isOwn ? answered(takenBy(call, invite, partyOf(e)), e.ts) : call
    case 'reject':
      return isOwn ? call : refused(call, invite, e)
    case 'hangup':
      return hungUp(call, invite, e)
  }
}

const partyOf = ({ party }: InviteReply) => (party === undefined ? {} : { party })

/** Who has taken the call already; whoever answers later comes second. */
const takerOf = ({ takenBy, party }: InviteState) => ({
  ...(takenBy !== undefined && { takenBy }),
  ...(party !== undefined && { party }),
})

const takenBy = (call: CallState, invite: InviteState, taker: Pick<InviteState, 'takenBy' | 'party'>): CallState => ({
  ...call,
  invites: call.invites.map((other) => (other === invite ? { ...invite, ...taker } : other)),
})

/** Whether the call goes on with somebody else, or on another device: that this one stops ringing does not end it. */
function isTakenElsewhere({ takenBy, party }: InviteState, e: InviteReply): boolean {
  if (takenBy !== undefined && takenBy !== e.by) return true
  return party !== undefined && e.party !== undefined && party !== e.party
}

/** What somebody says who was called. */
function refused(call: CallState, invite: InviteState, e: InviteReply): CallState {
  // In a call of several, one of them does not speak for the others.
  if (call.callee !== e.by || invite.by !== call.caller) return call
  const key = e.reason === 'user_busy' ? 'busyTs' : 'declinedTs'
  return { ...call, [key]: Math.min(call[key] ?? e.ts, e.ts) }
}

function hungUp(call: CallState, invite: InviteState, e: InviteReply): CallState {
  const { reason } = e
  const isOwn = e.by === invite.by
  if (!isOwn && call.callee !== e.by && e.by !== call.caller && invite.takenBy !== e.by) return call
  if (!isOwn && reason === 'answered_elsewhere') return answered(call, e.ts)
  if (!isOwn && isTakenElsewhere(invite, e)) return call
  const isFirst = invite.goneTs === undefined || e.ts < invite.goneTs
  const gone: InviteState = isFirst ? { ...invite, goneTs: e.ts, ...(reason !== undefined && { reason }) } : invite
  const next = { ...call, invites: call.invites.map((other) => (other === invite ? gone : other)) }
  if (reason !== undefined && failures.has(reason)) return { ...next, failedTs: Math.min(call.failedTs ?? e.ts, e.ts) }
  if (isOwn || (reason !== undefined && tidying.has(reason))) return next
  return refused(next, gone, e)
}
