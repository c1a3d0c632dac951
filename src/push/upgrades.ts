import type { Tx } from '../db/database.ts'
import { fieldOf, stringOf } from '../matrix/content.ts'
import type { Pdu } from '../matrix/event.ts'
import type { PersistedBatch } from '../rooms/types.ts'
import type { PushRules } from './rules.ts'
import { listMembersWithRules } from './store-rules.ts'
import { getStateOf } from './store-upgrades.ts'

/**
 * Copies the rules about a room to the one that replaces it, however the upgrade was made: for whoever is in the new
 * room when the old one gets its tombstone, and for everybody who joins it later.
 */
export function createUpgradeRules(rules: Pick<PushRules, 'copyForUpgrade'>) {
  return {
    joined: async (tx: Tx, { room }: PersistedBatch, userId: string): Promise<void> => {
      const create = await getStateOf(tx, room.roomId, 'm.room.create')
      const oldId = predecessorOf(create?.pdu)
      if (oldId === undefined) return
      const tombstone = await getStateOf(tx, oldId, 'm.room.tombstone')
      if (stringOf(tombstone?.pdu, 'replacement_room') !== room.roomId) return
      await rules.copyForUpgrade(tx, userId, oldId, room.roomId)
    },
    persisted: async (tx: Tx, { room, currentChanges }: PersistedBatch): Promise<void> => {
      const tombstone = currentChanges.find(({ pdu }) => pdu.type === 'm.room.tombstone' && pdu.state_key === '')
      const newId = stringOf(tombstone?.pdu, 'replacement_room')
      if (newId === undefined) return
      const create = await getStateOf(tx, newId, 'm.room.create')
      if (create === undefined || predecessorOf(create.pdu) !== room.roomId) return
      for (const userId of await listMembersWithRules(tx, create.roomNid)) {
        await rules.copyForUpgrade(tx, userId, room.roomId, newId)
      }
    },
  }
}

function predecessorOf(create: Pdu | undefined): string | undefined {
  const predecessor = fieldOf(create, 'predecessor')
  if (typeof predecessor !== 'object' || predecessor === null || Array.isArray(predecessor)) return undefined
  return typeof predecessor.room_id === 'string' ? predecessor.room_id : undefined
}
