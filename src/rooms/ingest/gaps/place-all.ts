import type { Tx } from '../../../db/database.ts'
import type { EventId, RoomId } from '../../../matrix/ids.ts'
import type { Candidate } from '../outcomes.ts'
import type { Placer } from '../placer.ts'

/** Places events one after another and passes over those for which something is missing. Returns those that are here then. */
export async function placeAll(
  placer: Placer,
  roomId: RoomId,
  candidates: readonly Candidate[],
  settle: (tx: Tx, candidate: Candidate) => Promise<void> = async () => {},
): Promise<Set<EventId>> {
  const here = new Set<EventId>()
  let rest = candidates
  while (rest.length > 0) {
    const outcomes = await placer.place({ roomId, candidates: rest, settle })
    if (outcomes.length === 0) break
    for (const [index, outcome] of outcomes.entries()) {
      const id = rest[index]?.event.eventId
      if (id !== undefined && (outcome.kind === 'placed' || outcome.kind === 'known')) here.add(id)
    }
    rest = rest.slice(outcomes.length)
  }
  return here
}
