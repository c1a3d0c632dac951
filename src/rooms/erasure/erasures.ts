import type { DeactivateHook } from '../../accounts/hooks.ts'
import type { Reader } from '../../db/database.ts'
import type { Streams } from '../../db/streams.ts'
import type { UserId } from '../../matrix/ids.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import type { Room, StoredEvent } from '../types.ts'
import { insertErasure, listErasures, listFirstMemberships } from './store-erasures.ts'

/**
 * What users who had their accounts erased have sent is shown in full to those who could see it by then, and redacted to
 * whoever came later. https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountdeactivate
 */
export interface Erasures {
  /** The numbers of those of the events that the user gets redacted only. */
  hidden(
    reader: Reader,
    room: Pick<Room, 'nid'>,
    userId: UserId,
    events: readonly StoredEvent[],
  ): Promise<ReadonlySet<number>>
  readonly onDeactivate: DeactivateHook
}

/** From a join to what ended it, by stream position. */
interface Stay {
  readonly from: number
  readonly until: number
}

const nothing: ReadonlySet<number> = new Set()

export function createErasures({ streams }: { streams: Streams }): Erasures {
  let known: ReadonlyMap<string, number> | undefined
  let generation = 0

  /** Few users are erased, and every page of events asks for all of them. */
  async function erased(reader: Reader): Promise<ReadonlyMap<string, number>> {
    if (known) return known
    const before = generation
    const found = await listErasures(reader)
    if (before === generation) known = found
    return found
  }

  return {
    hidden: async (reader, room, userId, events) => {
      const all = known ?? (await erased(reader))
      if (all.size === 0) return nothing
      const hidden = new Set<number>()
      let stays: readonly Stay[] | undefined
      for (const event of events) {
        const erasedAt = all.get(event.pdu.sender)
        if (erasedAt === undefined || !isErasable(event)) continue
        stays ??= staysIn(await listFirstMemberships(reader, room.nid, userId))
        const couldSee = stays.some(({ from, until }) => from <= erasedAt && until > (event.streamPos ?? 0))
        if (!couldSee) hidden.add(event.nid)
      }
      return hidden
    },
    onDeactivate: async (tx, { userId, erase }) => {
      if (!erase) return
      await insertErasure(tx, userId, await streams.allocate(tx, 1))
      tx.afterCommit(() => {
        generation += 1
        known = undefined
      })
    },
  }
}

/** The room keeps the state that it was given, but the user's own name and picture in it. */
function isErasable({ pdu }: StoredEvent): boolean {
  return pdu.state_key === undefined || (pdu.type === 'm.room.member' && pdu.state_key === pdu.sender)
}

function staysIn(memberships: readonly StoredEvent[]): Stay[] {
  const stays: Stay[] = []
  let from: number | undefined
  for (const { pdu, streamPos = 0 } of memberships) {
    const isIn = membershipOf(pdu) === 'join'
    if (isIn) from ??= streamPos
    else if (from !== undefined) {
      stays.push({ from, until: streamPos })
      from = undefined
    }
  }
  if (from !== undefined) stays.push({ from, until: Number.POSITIVE_INFINITY })
  return stays
}
