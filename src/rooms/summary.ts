import type { Reader } from '../db/database.ts'
import { canonicalAliasOf, roomNameOf } from '../matrix/content.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { UserId } from '../matrix/ids.ts'
import type { RoomReads } from './reads.ts'
import type { Room } from './types.ts'

export interface Summary {
  readonly joined: number
  readonly invited: number
  /** The people to name the room after, with the numbers of their member events; undefined where it has a name. */
  readonly heroes: readonly { readonly user_id: string; readonly event_nid: number }[] | undefined
}

const maxHeroes = 5

/** Member counts, and for rooms without a name the people to name it after, in the order in which they came: those in it or invited, else those who were. */
export async function summarise(reads: RoomReads, reader: Reader, room: Room, userId: UserId): Promise<Summary> {
  const counts = await reads.recent.memberCounts(reader, room)
  const name = await reads.view.entry(reader, room.stateNid, 'm.room.name', '')
  const alias = await reads.view.entry(reader, room.stateNid, 'm.room.canonical_alias', '')
  if (roomNameOf(name?.pdu) !== undefined || canonicalAliasOf(alias?.pdu) !== undefined) {
    return { ...counts, heroes: undefined }
  }
  const first = async (...memberships: readonly string[]) => {
    const found = []
    for (const membership of memberships) found.push(...(await reads.heroes(reader, room.nid, userId, membership)))
    return found.sort((a, b) => a.event_nid - b.event_nid).slice(0, maxHeroes)
  }
  const here = await first('join', 'invite')
  return { ...counts, heroes: here.length > 0 ? here : await first('leave', 'ban') }
}

/** As `/v3/sync` writes it. */
export function summaryContent({ joined, invited, heroes }: Summary): JsonObject {
  return {
    'm.joined_member_count': joined,
    'm.invited_member_count': invited,
    ...(heroes && { 'm.heroes': heroes.map((hero) => hero.user_id) }),
  }
}
