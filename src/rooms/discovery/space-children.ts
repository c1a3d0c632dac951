import type { Reader } from '../../db/database.ts'
import { isJsonObject } from '../../matrix/auth-state.ts'
import { roomTypeOf, stringOf, stringsOf } from '../../matrix/content.ts'
import type { JsonObject, Pdu } from '../../matrix/event.ts'
import { isRoomId } from '../../matrix/ids.ts'
import type { RoomReads } from '../reads.ts'
import type { Room, StoredEvent } from '../types.ts'
import { listChildNids } from './store-discovery.ts'

const validOrder = /^[\x20-\x7e]{1,50}$/

/** A child as the order goes by it, whoever told of it. */
type ChildEvent = { readonly pdu: Pick<Pdu, 'content' | 'origin_server_ts' | 'state_key'> }

function orderOf({ pdu }: ChildEvent): string | undefined {
  const order = stringOf(pdu, 'order')
  return order !== undefined && validOrder.test(order) ? order : undefined
}

/** https://spec.matrix.org/v1.19/client-server-api/#ordering-of-children-within-a-space */
export function compareChildren(a: ChildEvent, b: ChildEvent): number {
  const [orderA, orderB] = [orderOf(a), orderOf(b)]
  if (orderA !== orderB) {
    if (orderA === undefined) return 1
    if (orderB === undefined) return -1
    return orderA < orderB ? -1 : 1
  }
  if (a.pdu.origin_server_ts !== b.pdu.origin_server_ts) return a.pdu.origin_server_ts - b.pdu.origin_server_ts
  return (a.pdu.state_key ?? '') < (b.pdu.state_key ?? '') ? -1 : 1
}

/** The valid children of a space in their order; none for a room that is no space. */
export async function listChildren(
  reader: Reader,
  { view, events }: Pick<RoomReads, 'view' | 'events'>,
  room: Room,
  suggestedOnly: boolean,
): Promise<StoredEvent[]> {
  const create = await view.entry(reader, room.stateNid, 'm.room.create', '')
  if (roomTypeOf(create?.pdu) !== 'm.space') return []
  const found = await events(reader, await listChildNids(reader, room.nid))
  return [...found.values()]
    .filter(({ pdu }) => isRoomId(pdu.state_key ?? '') && stringsOf(pdu, 'via').length > 0)
    .filter(({ pdu }) => !suggestedOnly || pdu.content.suggested === true)
    .sort(compareChildren)
}

/** Stripped, with the time that the order goes by. */
export function toChildState({ pdu }: StoredEvent): JsonObject {
  const { type, state_key: stateKey = '', content, sender, origin_server_ts } = pdu
  return { type, state_key: stateKey, content, sender, origin_server_ts }
}

/** The valid children that another server tells of, in their order. */
export function sortRemoteChildren(states: readonly JsonObject[], suggestedOnly: boolean): JsonObject[] {
  const valid: { state: JsonObject; pdu: ChildEvent['pdu'] }[] = []
  for (const state of states) {
    const { type, state_key: stateKey, content, origin_server_ts: ts } = state
    if (type !== 'm.space.child' || typeof stateKey !== 'string' || !isRoomId(stateKey)) continue
    if (!isJsonObject(content) || typeof state.sender !== 'string') continue
    const pdu = { content, state_key: stateKey, origin_server_ts: typeof ts === 'number' ? ts : 0 }
    if (stringsOf(pdu, 'via').length === 0 || (suggestedOnly && content.suggested !== true)) continue
    valid.push({ state, pdu })
  }
  return valid.sort(compareChildren).map(({ state }) => state)
}
