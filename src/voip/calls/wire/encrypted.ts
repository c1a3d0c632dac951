import type { Evidence } from '../kernel/evidence.ts'
import { referenceOf } from './decline.ts'
import type { SeenEvent } from './seen-event.ts'

export const encryptedType = 'm.room.encrypted'

/**
 * What shows of an encrypted event: whom it refers to, and whether it is kept as memberships are. Rings and declines
 * refer to an event; `m.call.*` do not, so that such calls cannot be told from messages.
 */
export function readEncrypted({ eventId, pdu, ts }: SeenEvent): Evidence | undefined {
  const target = referenceOf(pdu.content)
  if (target !== undefined) return { what: 'reference', by: pdu.sender, eventId, target, ts }
  const isSticky = Object.hasOwn(pdu, 'msc4354_sticky') || Object.hasOwn(pdu, 'sticky')
  return isSticky ? { what: 'sealed', by: pdu.sender, eventId, ts } : undefined
}
