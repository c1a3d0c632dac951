import { isJsonObject } from '../../../matrix/auth-state.ts'
import type { JsonObject } from '../../../matrix/event.ts'

/** A membership in the calls of a room, as state has it: https://github.com/matrix-org/matrix-spec-proposals/pull/3401 */
export interface CallMembership {
  readonly stateKey: string
  readonly sender: string
  readonly content: JsonObject
  /** In ms. */
  readonly sentTs: number
}

/** Who is gone, and since when. */
export interface Gone {
  readonly userId: string
  readonly deviceId: string
  /** In ms. */
  readonly ts: number
  /** The service of ours by which the call was found. */
  readonly serviceUrl: string
}

const isEmpty = ({ content }: CallMembership) => typeof content.application !== 'string'

/**
 * The memberships by which somebody who is gone from our LiveKit server still seems to be in a call. What they have sent
 * since then shows that their app is alive; and who has chosen another server is in a call there.
 */
export function staleMemberships(all: readonly CallMembership[], gone: Gone): CallMembership[] {
  const present = all.filter((membership) => !isEmpty(membership))
  const oldest = present.reduce<CallMembership | undefined>(
    (first, next) => (first === undefined || beginOf(next) < beginOf(first) ? next : first),
    undefined,
  )
  return present.filter(
    (membership) =>
      membership.sender === gone.userId &&
      membership.content.device_id === gone.deviceId &&
      membership.sentTs <= gone.ts &&
      serviceOf(isFollowing(membership) ? oldest : membership) === gone.serviceUrl,
  )
}

/** Refreshed memberships say when the first was sent. */
function beginOf({ content, sentTs }: CallMembership): number {
  const { created_ts: created } = content
  return typeof created === 'number' ? created : sentTs
}

/** Whether somebody goes where the first in the call went. */
function isFollowing({ content }: CallMembership): boolean {
  const { focus_active: active } = content
  return isJsonObject(active) && active.focus_selection === 'oldest_membership'
}

function serviceOf(membership: CallMembership | undefined): string | undefined {
  const preferred = membership?.content.foci_preferred
  const first = Array.isArray(preferred) ? preferred[0] : undefined
  const url = isJsonObject(first) ? first.livekit_service_url : undefined
  return typeof url === 'string' ? url.replace(/\/+$/, '') : undefined
}
