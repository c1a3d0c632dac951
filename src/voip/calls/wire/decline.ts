import { objectOf, stringOf } from '../../../matrix/content.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import type { Evidence } from '../kernel/evidence.ts'
import type { SeenEvent } from './seen-event.ts'

/** https://github.com/matrix-org/matrix-spec-proposals/pull/4310 */
export const declineTypes: ReadonlySet<string> = new Set(['org.matrix.msc4310.rtc.decline', 'm.rtc.decline'])

const relationOf = (content: JsonObject) => ({ content: objectOf({ content }, 'm.relates_to') ?? {} })

/** The event that an event refers to by `m.reference`. */
export function referenceOf(content: JsonObject): string | undefined {
  const relation = relationOf(content)
  return stringOf(relation, 'rel_type') === 'm.reference' ? stringOf(relation, 'event_id') : undefined
}

/** Whether an event only says anew what another one said. */
export const isEdit = (content: JsonObject): boolean => stringOf(relationOf(content), 'rel_type') === 'm.replace'

export function readDecline({ pdu, ts }: SeenEvent): Evidence | undefined {
  const target = referenceOf(pdu.content)
  return target === undefined ? undefined : { what: 'decline', by: pdu.sender, target, ts }
}
