import type { Reader } from '../db/database.ts'
import type { Json, JsonObject } from '../matrix/event.ts'
import type { ClientEvent } from '../rooms/client-event.ts'
import type { RoomReads } from '../rooms/reads.ts'
import type { Room, StoredEvent } from '../rooms/types.ts'
import type { SyncRequest } from './types.ts'

/** Events as this request wants them: client or federation format, and only the fields that its filter names. */
export async function formatForSync(
  reads: RoomReads,
  reader: Reader,
  room: Room,
  events: readonly StoredEvent[],
  request: SyncRequest,
  options: { isIn?: boolean; bundled?: boolean } = {},
): Promise<ClientEvent[]> {
  const { requester, filter } = request
  const audience = { userId: requester.userId, deviceId: requester.deviceId }
  const formatted = await reads.clientEvents.format(reader, room, events, audience, { ...options, omitRoomId: true })
  if (filter.event_format === 'federation') {
    for (const [i, event] of formatted.entries()) Object.assign(event, events[i]?.pdu)
  }
  const fields = filter.event_fields
  return fields === undefined ? formatted : formatted.map((event) => pickFields(event, fields))
}

/** Fields are paths with dots; `\.` stands for a dot in a name. Both names and content are written by others. */
function pickFields(event: ClientEvent, fields: readonly string[]): ClientEvent {
  const picked: JsonObject = {}
  for (const field of fields) copyPath(event, picked, splitPath(field))
  return picked as ClientEvent
}

function splitPath(field: string): string[] {
  return [...field.matchAll(/(?:\\.|[^.\\])+/g)].map(([part]) => part.replace(/\\(.)/g, '$1'))
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function copyPath(from: JsonObject, to: JsonObject, [key, ...rest]: string[]): void {
  if (key === undefined || !Object.hasOwn(from, key)) return
  const value = from[key]
  if (value === undefined) return
  if (rest.length === 0) {
    setOwn(to, key, value)
    return
  }
  if (!isObject(value)) return
  const existing = Object.hasOwn(to, key) ? to[key] : undefined
  const inner: JsonObject = isObject(existing) ? existing : {}
  copyPath(value, inner, rest)
  if (Object.keys(inner).length > 0) setOwn(to, key, inner)
}

/** `__proto__` is a key like others here: assigned, it would reach the prototype of every object. */
function setOwn(target: JsonObject, key: string, value: Json): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
}
