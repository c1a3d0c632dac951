import type { Database, Tx } from '../../db/database.ts'
import type { RoomId } from '../../matrix/ids.ts'
import { getRoom } from '../store-rooms.ts'
import type { Candidate, Outcome } from './outcomes.ts'
import { RoomTurn, type TurnDeps } from './room-turn.ts'

export interface PlaceRequest {
  readonly roomId: RoomId
  /** Each after what it refers to. */
  readonly candidates: readonly Candidate[]
  /** Runs in the transaction with what has become of each. */
  readonly settle?: (tx: Tx, candidate: Candidate, outcome: Outcome) => Promise<void>
  /** Runs at the end of the transaction. */
  readonly finish?: (tx: Tx, turn: RoomTurn, outcomes: readonly Outcome[]) => Promise<void>
}

/** Gives events their places. */
export interface Placer {
  /**
   * What became of the candidates, up to the first for which something is missing; fewer where it would take too long at
   * once. Empty where the room is not known. Resolves states as it needs them.
   */
  place(request: PlaceRequest): Promise<readonly Outcome[]>
}

/** A transaction holds up all others, and on SQLite everything: so many ms are enough. */
const longestTurn = 15
/** While resolutions are computed the room may move on; after so many tries others have to wait. */
const maxTries = 6

export function createPlacer(deps: TurnDeps & { readonly db: Database }): Placer {
  const { db, resolutions, policies } = deps

  async function placeOne(tx: Tx, turn: RoomTurn, candidate: Candidate, isPatient: boolean): Promise<Outcome> {
    for (;;) {
      const outcome = await turn.place(candidate)
      if (outcome.kind !== 'unresolved' || isPatient) return outcome
      await resolutions.compute((fn) => fn(tx), turn.rules, outcome.stateNids)
    }
  }

  function run(
    request: PlaceRequest,
    isPatient: boolean,
  ): Promise<{ outcomes: Outcome[]; turn: RoomTurn } | undefined> {
    return db.write('receive events', async (tx) => {
      const room = await getRoom(tx, request.roomId)
      if (room === undefined) return undefined
      const turn = new RoomTurn(deps, tx, room)
      const outcomes: Outcome[] = []
      const until = performance.now() + longestTurn
      for (const candidate of request.candidates) {
        if (outcomes.length > 0 && performance.now() > until) break
        const outcome = await placeOne(tx, turn, candidate, isPatient)
        outcomes.push(outcome)
        if (['unresolved', 'unsigned', 'missing'].includes(outcome.kind)) break
        await request.settle?.(tx, candidate, outcome)
      }
      await (request.finish?.(tx, turn, outcomes) ?? turn.finish())
      return { outcomes, turn }
    })
  }

  return {
    place: async (request) => {
      const { candidates } = request
      const placed: Outcome[] = []
      for (let tries = 1; ; tries++) {
        const rest = candidates.slice(placed.length)
        const result = await run({ ...request, candidates: rest }, tries < maxTries)
        const last = result?.outcomes.at(-1)
        if (result === undefined || last === undefined) return placed
        if (last.kind !== 'unresolved' && last.kind !== 'unsigned') return [...placed, ...result.outcomes]
        placed.push(...result.outcomes.slice(0, -1))
        if (result.outcomes.length > 1) tries = 1
        if (last.kind === 'unsigned') await policies.settle(result.turn.rules, last.unsigned)
        else await resolutions.compute(db.read, result.turn.rules, last.stateNids)
      }
    },
  }
}
