import type { Appservice } from '../../accounts/appservices/appservice.ts'
import type { Reader } from '../../db/database.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import type { Room } from '../../rooms/types.ts'
import { createYielder } from '../../util/async.ts'
import { type Interest, isOwnUser } from './interest.ts'
import type { MemberEvent } from './queued-events.ts'
import { listMembers } from './store-members.ts'

export interface MetUsers {
  /** Users whose devices the service may never have heard of. */
  readonly met: ReadonlySet<string>
  /** Users with whom it shares no room any more. */
  readonly left: ReadonlySet<string>
}

interface Deps {
  readonly reads: Pick<RoomReads, 'view' | 'members'>
  readonly interest: Interest
}

/** What the comings and goings of a transaction mean for the device lists that the service keeps; of encrypted rooms only. */
export async function listMetUsers(
  { reads, interest }: Deps,
  reader: Reader,
  service: Appservice,
  members: readonly MemberEvent[],
): Promise<MetUsers> {
  const met = new Set<string>()
  const left = new Set<string>()
  const entered = new Map<Room, Set<string>>()
  const pause = createYielder()
  for (const { room, event } of members) {
    await pause()
    const userId = event.pdu.state_key ?? ''
    const before = await reads.view.entry(reader, event.beforeNid, 'm.room.member', userId)
    const [was, is] = [membershipOf(before?.pdu), membershipOf(event.pdu)]
    if (was === is || (was !== 'join' && is !== 'join')) continue
    if (isOwnUser(service, userId)) {
      if (is === 'join') entered.set(room, (entered.get(room) ?? new Set()).add(userId))
    } else if (await interest.isUser(reader, service, userId)) {
      if (is === 'join' && (await isEncrypted(room))) met.add(userId)
    } else {
      left.add(userId)
    }
  }
  for (const [room, newcomers] of entered) {
    if (!(await isEncrypted(room)) || !(await isNewRoom(room, newcomers))) continue
    for (const row of await reads.members(reader, room.nid, 'join')) met.add(row.user_id)
  }
  return { met, left }

  async function isEncrypted(room: Room): Promise<boolean> {
    return (await reads.view.entry(reader, room.stateNid, 'm.room.encryption', '')) !== undefined
  }

  /** Whether nobody of the service was there before. */
  async function isNewRoom(room: Room, newcomers: ReadonlySet<string>): Promise<boolean> {
    const own = await listMembers(reader, service.id, room.nid, newcomers.size + 1)
    return own.every((userId) => newcomers.has(userId))
  }
}
