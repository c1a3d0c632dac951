import { objectOf, stringOf } from '../../../matrix/content.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import { maxIdBytes } from '../../../matrix/ids.ts'
import type { Evidence } from '../kernel/evidence.ts'
import { kindOfIntent } from './member-state.ts'
import type { SeenEvent } from './seen-event.ts'

/**
 * Who is in a call of MatrixRTC by sticky events: https://github.com/matrix-org/matrix-spec-proposals/pull/4143 as
 * Element Call sends them in 2026, and as the proposal has them by now. They are encrypted in encrypted rooms.
 */
export const memberStickyTypes: ReadonlySet<string> = new Set(['org.matrix.msc4143.rtc.member', 'm.rtc.member'])

const hour = 3_600_000

export const legOfSticky = (userId: string, key: string) => `sticky ${userId} ${key}`

export function stickyKeyOf(content: JsonObject): string | undefined {
  const key = stringOf({ content }, 'sticky_key') ?? stringOf({ content }, 'msc4354_sticky_key')
  return key !== undefined && key !== '' && key.length <= maxIdBytes ? key : undefined
}

export function readMemberSticky({ eventId, pdu, ts }: SeenEvent): Evidence | undefined {
  const key = stickyKeyOf(pdu.content)
  if (key === undefined) return undefined
  const leg = legOfSticky(pdu.sender, key)
  const member = objectOf(pdu, 'member')
  const isLeave = member?.membership === 'leave' || (member === undefined && objectOf(pdu, 'application') === undefined)
  if (isLeave) return { what: 'gone', by: pdu.sender, leg, ts }
  const application = { content: objectOf(pdu, 'application') ?? {} }
  return {
    what: 'present',
    by: pdu.sender,
    leg,
    // The key is made anew for each stay.
    isFresh: true,
    device: stringOf({ content: member ?? {} }, 'device_id')?.slice(0, maxIdBytes),
    eventId,
    kind: kindOfIntent(stringOf(application, 'm.call.intent')),
    until: ts + hour,
    ts,
  }
}
