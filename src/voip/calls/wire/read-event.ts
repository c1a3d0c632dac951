import type { Evidence } from '../kernel/evidence.ts'
import { declineTypes, isEdit, readDecline } from './decline.ts'
import { encryptedType, readEncrypted } from './encrypted.ts'
import { legacyTypes, readLegacy } from './legacy.ts'
import { memberStateTypes, readMemberState } from './member-state.ts'
import { memberStickyTypes, readMemberSticky } from './member-sticky.ts'
import { readRing, ringTypes } from './ring.ts'
import type { SeenEvent } from './seen-event.ts'

/** Event types that may say something about a call. */
export const callTypes: ReadonlySet<string> = new Set([
  ...legacyTypes,
  ...memberStickyTypes,
  ...ringTypes,
  ...declineTypes,
  ...memberStateTypes,
  encryptedType,
])

/** What a new event says about a call; `before` is the state event that it replaces. */
export function readEvent(event: SeenEvent, before: SeenEvent | undefined): Evidence | undefined {
  const { type, state_key: stateKey, content } = event.pdu
  if (memberStateTypes.has(type)) return readMemberState(event, before)
  if (stateKey !== undefined || isEdit(content)) return undefined
  if (type === encryptedType) return readEncrypted(event)
  if (ringTypes.has(type)) return readRing(event)
  if (declineTypes.has(type)) return readDecline(event)
  if (memberStickyTypes.has(type)) return readMemberSticky(event)
  return readLegacy(event)
}
