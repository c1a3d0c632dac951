import type { Database, Reader } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import { checkEventSize } from '../../matrix/event-size.ts'
import type { RoomDraft } from '../draft.ts'
import type { DraftEvent } from '../event-template.ts'
import { type ChainDeps, persistChain } from '../persist/chain.ts'
import { getRoom } from '../store-rooms.ts'
import type { Room } from '../types.ts'
import type { RoomPolicies } from './policies.ts'
import { needsPolicy, type PolicyServer } from './policy-server.ts'

interface Deps extends ChainDeps {
  readonly db: Database
  readonly policies: Pick<RoomPolicies, 'find' | 'ask'>
}

interface Built {
  readonly room: Room
  readonly draft: RoomDraft
  readonly value: unknown
  readonly policy: PolicyServer | undefined
}

/** Others may change the room while the policy server thinks. */
const maxTries = 5

/**
 * Runs a task in a room that has a policy server: its events are built on a snapshot, signed by that server, and written
 * if they still fit. Undefined where there is no such room. Throws what the policy server refuses.
 */
export type PolicedChange = (roomId: string, task: (draft: RoomDraft) => Promise<unknown>) => Promise<unknown>

export function createPolicedChange(
  deps: Deps,
  openDraft: (reader: Reader, room: Room) => Promise<RoomDraft>,
): PolicedChange {
  const { db, policies } = deps

  const build = (roomId: string, task: (draft: RoomDraft) => Promise<unknown>): Promise<Built | undefined> =>
    db.read(async (reader) => {
      const room = await getRoom(reader, roomId)
      if (room === undefined) return undefined
      const draft = await openDraft(reader, room)
      const value = await task(draft)
      return { room, draft, value, policy: await policies.find(reader, room) }
    })

  async function sign({ room, draft, policy }: Built): Promise<DraftEvent[]> {
    const signed: DraftEvent[] = []
    for (const event of draft.events) {
      const pdu = policy && needsPolicy(event.pdu) ? await policies.ask(policy, room.rules, event.pdu) : event.pdu
      const size = checkEventSize(pdu, room.rules)
      if (!size.fits) throw errors.tooLarge(size.reason)
      signed.push({ ...event, pdu })
    }
    return signed
  }

  function write({ room: before, draft }: Built, events: readonly DraftEvent[]): Promise<boolean> {
    return db.write('change room', async (tx) => {
      const room = await getRoom(tx, before.roomId)
      if (room === undefined || !fits(before, room, events)) return false
      const { roomId, rules } = room
      await persistChain(deps, tx, { room, roomId, rules, events, works: draft.works, prev: before.extremities })
      return true
    })
  }

  return async (roomId, task) => {
    for (let tries = 0; tries < maxTries; tries++) {
      const built = await build(roomId, task)
      if (built === undefined || built.draft.events.length === 0) return built?.value
      if (await write(built, await sign(built))) return built.value
    }
    throw errors.unknown(503, 'The room changes faster than its policy server answers')
  }
}

/** Messages may stand beside those that others have sent meanwhile; what changes the state must see the state that it changes. */
function fits(before: Room, now: Room, events: readonly DraftEvent[]): boolean {
  if (before.stateNid !== now.stateNid || before.citedNid !== now.citedNid) return false
  const ends = ({ extremities }: Room) => extremities.map(([nid]) => nid).join()
  return ends(before) === ends(now) || events.every(({ pdu }) => pdu.state_key === undefined)
}
