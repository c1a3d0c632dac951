import type { Reader } from '../../db/database.ts'
import { canonicalAliasOf, roomNameOf } from '../../matrix/content.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { displayNameOf } from '../../matrix/member-content.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import type { Room } from '../../rooms/types.ts'
import { LruMap } from '../../util/lru.ts'
import type { Notified } from '../notified/notified.ts'
import type { PushContent } from './payload.ts'

type Names = Pick<PushContent, 'senderName' | 'roomName' | 'roomAlias'>

/** The names that people read in a notification, as the room has them now. */
export type Describe = (reader: Reader, userId: string, one: Notified) => Promise<Names>

/** An event is described alike to all who are told of it, so that what a state says is looked up once. */
export function createDescribe({ reads }: { reads: Pick<RoomReads, 'view' | 'membership'> }): Describe {
  const known = new LruMap<string, Names>(5000)

  async function namesIn(reader: Reader, stateNid: number, sender: string): Promise<Names> {
    const key = `${stateNid} ${sender}`
    const found = known.get(key)
    if (found !== undefined) return found
    const entry = async (type: string, stateKey = '') => (await reads.view.entry(reader, stateNid, type, stateKey))?.pdu
    const names: Names = {
      senderName: displayNameOf(await entry('m.room.member', sender)),
      roomName: roomNameOf(await entry('m.room.name')),
      roomAlias: canonicalAliasOf(await entry('m.room.canonical_alias')),
    }
    known.set(key, names)
    return names
  }

  /** A room that we are not in is known by what came with the invitation. */
  async function namesTold(reader: Reader, userId: string, room: Room, sender: string): Promise<Names> {
    const own = await reads.membership(reader, room.nid, userId)
    const told = strippedState(own?.stripped_state ?? '[]')
    return {
      senderName: displayNameOf(told.get(`m.room.member ${sender}`)),
      roomName: roomNameOf(told.get('m.room.name ')),
      roomAlias: canonicalAliasOf(told.get('m.room.canonical_alias ')),
    }
  }

  return (reader, userId, { room, event }) => {
    const { sender } = event.pdu
    return room.stateNid === undefined
      ? namesTold(reader, userId, room, sender)
      : namesIn(reader, room.stateNid, sender)
  }
}

/** Contents by type and state key. */
function strippedState(text: string): Map<string, { content: JsonObject }> {
  const events = JSON.parse(text) as { type?: unknown; state_key?: unknown; content?: JsonObject }[]
  return new Map(
    events.flatMap(({ type, state_key: key, content }): [string, { content: JsonObject }][] =>
      content === undefined ? [] : [[`${type} ${key}`, { content }]],
    ),
  )
}
