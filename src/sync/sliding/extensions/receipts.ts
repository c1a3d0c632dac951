import type { JsonObject } from '../../../matrix/event.ts'
import type { RoomEvents, Scope } from '../types.ts'
import type { WantedRoom } from '../windows.ts'
import { type ExtensionContext, sinceOf } from './context.ts'
import { isInScope } from './scope.ts'

/**
 * What has been read: of a room that the client begins with, the receipts on the events that it is sent and the user's
 * own; of others what is new. https://github.com/matrix-org/matrix-spec-proposals/pull/3960
 */
export async function receiptsAnswer(context: ExtensionContext, scope: Scope): Promise<RoomEvents | undefined> {
  const rooms: Record<string, JsonObject> = {}
  for (const wanted of candidates(context)) {
    if (wanted.room.membership !== 'join' || !isInScope(scope, wanted)) continue
    const content = await receiptsOf(context, wanted.room.nid)
    if (content !== undefined) rooms[wanted.room.roomId] = { type: 'm.receipt', content }
  }
  return Object.keys(rooms).length > 0 ? rooms : undefined
}

function candidates({ wanted, withReceipts, behind, answers }: ExtensionContext): Iterable<WantedRoom> {
  if (withReceipts === undefined) return wanted.values()
  const nids = new Set([...withReceipts, ...behind.keys(), ...answers.keys()])
  return [...nids].flatMap((nid) => wanted.get(nid) ?? [])
}

async function receiptsOf(context: ExtensionContext, roomNid: number): Promise<JsonObject | undefined> {
  const { ports, reader, userId, answers, since, to, withReceipts } = context
  const { receipts } = ports.ephemeral
  const answer = answers.get(roomNid)
  if (answer?.initial || answer?.timeline?.expanded) {
    const ids = new Set<string>((answer.timeline?.events ?? []).map((event) => event.event_id))
    return receipts.contentOn(reader, userId, roomNid, { after: answer.timeline?.before ?? to, ids })
  }
  const from = sinceOf(context, roomNid)
  if (from === undefined || (from === since && withReceipts?.has(roomNid) === false)) return undefined
  return receipts.content(reader, userId, roomNid, { after: from, upTo: to })
}
