/**
 * Readers of room state that never throw: content is written by anyone, so that a field with another type is as good as
 * none. Each takes the event, or undefined where the room has none.
 */
import type { Json, JsonObject } from './event.ts'
import {
  type EventId,
  isEventId,
  isRoomAlias,
  isRoomId,
  isUserId,
  type RoomAlias,
  type RoomId,
  type UserId,
} from './ids.ts'

/** Anything with the content of an event: PDUs, client events, rows. */
export interface HasContent {
  readonly content: JsonObject
}

type Event = HasContent | undefined

export type HistoryVisibility = 'world_readable' | 'shared' | 'invited' | 'joined'

const visibilities: readonly string[] = ['world_readable', 'shared', 'invited', 'joined'] satisfies HistoryVisibility[]

/** Any field of the content. Rows and events of old rooms may hold a content that is no object; only own keys count, so that `constructor` is none. */
export function fieldOf(event: Event, key: string): Json | undefined {
  const content: Json | undefined = event?.content
  return isObject(content) && Object.hasOwn(content, key) ? content[key] : undefined
}

/** A string field of the content. */
export function stringOf(event: Event, key: string): string | undefined {
  const value = fieldOf(event, key)
  return typeof value === 'string' ? value : undefined
}

/** An object field of the content. */
export function objectOf(event: Event, key: string): JsonObject | undefined {
  const value = fieldOf(event, key)
  return isObject(value) ? value : undefined
}

/** An integer field of the content. */
export function integerOf(event: Event, key: string): number | undefined {
  const value = fieldOf(event, key)
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined
}

/** The strings of an array field of the content; empty where it is none. */
export function stringsOf(event: Event, key: string): string[] {
  const value = fieldOf(event, key)
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

/** `shared` where the room says nothing that we know: https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility */
export function historyVisibilityOf(event: Event): HistoryVisibility {
  const value = stringOf(event, 'history_visibility')
  return isVisibility(value) ? value : 'shared'
}

/** The join rule as it is written, also one that we do not know. */
export function joinRuleOf(event: Event): string | undefined {
  return stringOf(event, 'join_rule')
}

/** The rooms whose members may join a restricted room; none where `allow` is malformed. */
export function allowedRoomsOf(event: Event): RoomId[] {
  const allow = fieldOf(event, 'allow')
  if (!Array.isArray(allow)) return []
  return allow.flatMap((entry) => {
    if (!isObject(entry) || entry.type !== 'm.room_membership' || typeof entry.room_id !== 'string') return []
    return isRoomId(entry.room_id) ? [entry.room_id] : []
  })
}

/** Whether guests may join; they may not where the room says nothing. */
export function guestsMayJoin(event: Event): boolean {
  return stringOf(event, 'guest_access') === 'can_join'
}

/** The algorithm of `m.room.encryption`; a room with such an event stays encrypted even where it is malformed. */
export function encryptionAlgorithmOf(event: Event): string | undefined {
  return stringOf(event, 'algorithm')
}

export function roomNameOf(event: Event): string | undefined {
  return nonEmpty(stringOf(event, 'name'))
}

export function topicOf(event: Event): string | undefined {
  return nonEmpty(stringOf(event, 'topic'))
}

/** The `mxc:` address of `m.room.avatar`. */
export function roomAvatarOf(event: Event): string | undefined {
  return nonEmpty(stringOf(event, 'url'))
}

export function canonicalAliasOf(event: Event): RoomAlias | undefined {
  const alias = stringOf(event, 'alias')
  return alias !== undefined && isRoomAlias(alias) ? alias : undefined
}

export function altAliasesOf(event: Event): RoomAlias[] {
  return stringsOf(event, 'alt_aliases').filter(isRoomAlias)
}

export function pinnedEventsOf(event: Event): EventId[] {
  return stringsOf(event, 'pinned').filter(isEventId)
}

/** The type of a room by its create event, for example `m.space`. */
export function roomTypeOf(create: Event): string | undefined {
  return stringOf(create, 'type')
}

/** The room version by a create event: `1` where it names none, undefined where it names something that is no string. */
export function roomVersionOf(create: Event): string | undefined {
  if (!create) return undefined
  return fieldOf(create, 'room_version') === undefined ? '1' : stringOf(create, 'room_version')
}

/** Whether users of other servers may take part; only `false` itself excludes them. */
export function isFederated(create: Event): boolean {
  return fieldOf(create, 'm.federate') !== false
}

/** Who shares the creator's power from room version 12 on. */
export function additionalCreatorsOf(create: Event): UserId[] {
  return stringsOf(create, 'additional_creators').filter(isUserId)
}

/** The room that this one replaces. */
export function predecessorOf(create: Event): RoomId | undefined {
  return roomIdIn(objectOf(create, 'predecessor')?.room_id)
}

/** The room that replaces this one, by its `m.room.tombstone`. */
export function replacementRoomOf(tombstone: Event): RoomId | undefined {
  return roomIdIn(stringOf(tombstone, 'replacement_room'))
}

function roomIdIn(value: Json | undefined): RoomId | undefined {
  return typeof value === 'string' && isRoomId(value) ? value : undefined
}

function isVisibility(value: string | undefined): value is HistoryVisibility {
  return value !== undefined && visibilities.includes(value)
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
