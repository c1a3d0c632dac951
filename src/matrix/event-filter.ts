import type { Json } from './event.ts'

/** Which events a client wants: https://spec.matrix.org/v1.19/client-server-api/#filtering */
export interface EventFilter {
  readonly limit?: number
  readonly types?: readonly string[]
  readonly not_types?: readonly string[]
  readonly senders?: readonly string[]
  readonly not_senders?: readonly string[]
}

export interface RoomEventFilter extends EventFilter {
  readonly rooms?: readonly string[]
  readonly not_rooms?: readonly string[]
  readonly contains_url?: boolean
  readonly lazy_load_members?: boolean
  readonly include_redundant_members?: boolean
  readonly unread_thread_notifications?: boolean
  readonly related_by_rel_types?: readonly string[]
  readonly related_by_senders?: readonly string[]
}

interface Filterable {
  readonly type: string
  readonly sender?: string
  readonly content: { readonly [key: string]: Json }
}

/** `*` in a type stands for any characters. Takes linear time, which a regular expression does not promise for what others write. */
function matchesType(pattern: string, type: string): boolean {
  const [start = '', ...middle] = pattern.split('*')
  const end = middle.pop()
  if (end === undefined) return pattern === type
  const stop = type.length - end.length
  if (stop < start.length || !type.startsWith(start) || !type.endsWith(end)) return false
  let at = start.length
  for (const part of middle) {
    const found = type.indexOf(part, at)
    if (found < 0 || found + part.length > stop) return false
    at = found + part.length
  }
  return true
}

const anyType = (patterns: readonly string[], type: string) => patterns.some((pattern) => matchesType(pattern, type))

/** Whether a filter lets an event through; exclusions win over inclusions, an empty inclusion lets nothing through. */
export function matchesFilter(filter: RoomEventFilter | undefined, event: Filterable): boolean {
  if (filter === undefined) return true
  const { type, sender, content } = event
  if (filter.types !== undefined && !anyType(filter.types, type)) return false
  if (filter.not_types !== undefined && anyType(filter.not_types, type)) return false
  if (filter.senders !== undefined && (sender === undefined || !filter.senders.includes(sender))) return false
  if (filter.not_senders !== undefined && sender !== undefined && filter.not_senders.includes(sender)) return false
  if (filter.contains_url !== undefined && filter.contains_url !== (typeof content.url === 'string')) return false
  return true
}

/** Whether a filter lets events of a room through at all. */
export function matchesRoom(filter: Pick<RoomEventFilter, 'rooms' | 'not_rooms'> | undefined, roomId: string): boolean {
  if (filter?.not_rooms?.includes(roomId)) return false
  return filter?.rooms === undefined || filter.rooms.includes(roomId)
}
