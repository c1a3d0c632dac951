import type { Reader } from '../db/database.ts'
import { canonicalAliasOf, roomNameOf } from '../matrix/content.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { UserId } from '../matrix/ids.ts'
import type { RoomReads } from '../rooms/reads.ts'
import type { Room } from '../rooms/types.ts'

export interface Summary {
  readonly content: JsonObject
  /** Member events of the heroes, which lazily loading clients need to name the room. */
  readonly heroEvents: readonly number[]
}

const maxHeroes = 5

/** Member counts, and for rooms without a name the people to name it after: those in it, else those who were. */
export async function summarise(reads: RoomReads, reader: Reader, room: Room, userId: UserId): Promise<Summary> {
  const { joined, invited } = await reads.countMembers(reader, room.nid)
  const counts = { 'm.joined_member_count': joined, 'm.invited_member_count': invited }
  const name = await reads.view.entry(reader, room.stateNid, 'm.room.name', '')
  const alias = await reads.view.entry(reader, room.stateNid, 'm.room.canonical_alias', '')
  if (roomNameOf(name?.pdu) !== undefined || canonicalAliasOf(alias?.pdu) !== undefined) {
    return { content: counts, heroEvents: [] }
  }
  const heroes = []
  for (const membership of ['join', 'invite', 'leave', 'ban']) {
    if (membership === 'leave' && heroes.length > 0) break
    heroes.push(...(await reads.heroes(reader, room.nid, userId, membership)))
  }
  const chosen = heroes.slice(0, maxHeroes)
  return {
    content: { ...counts, 'm.heroes': chosen.map((hero) => hero.user_id) },
    heroEvents: chosen.map((hero) => hero.event_nid),
  }
}
