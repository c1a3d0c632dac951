import { lenientCanonicalJson } from '../../matrix/canonical-json.ts'
import type { IdentifiedPdu, JsonObject } from '../../matrix/event.ts'
import type { RoomDraft } from '../draft.ts'
import type { EventTemplate } from '../event-template.ts'

export interface StateTemplate extends EventTemplate {
  readonly stateKey: string
}

function isSameContent(a: JsonObject, b: JsonObject): boolean {
  return lenientCanonicalJson(a) === lenientCanonicalJson(b)
}

/** The event that stands, where the same sender has said exactly that before; what is sticky is so anew each time. */
export async function findSame(draft: RoomDraft, template: StateTemplate): Promise<IdentifiedPdu | undefined> {
  if (template.sticky !== undefined) return undefined
  const current = await draft.state(template.type, template.stateKey)
  if (current === undefined || current.pdu.sender !== template.sender) return undefined
  return isSameContent(current.pdu.content, template.content) ? current : undefined
}

/** Appends a state event, unless the same sender has said exactly that before: then the event that stands is the answer. */
export async function appendState(draft: RoomDraft, template: StateTemplate): Promise<IdentifiedPdu> {
  const current = await findSame(draft, template)
  if (current === undefined) return draft.append(template)
  await draft.check(template)
  return current
}
