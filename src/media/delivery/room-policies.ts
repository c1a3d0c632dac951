import type { Tx } from '../../db/database.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { Pdu } from '../../matrix/event.ts'
import { powerOf } from '../../matrix/power-levels.ts'
import { resettleJob } from './resettle.ts'
import type { RoomsOfMedia, SeenBatch, SeenEvent } from './rooms-port.ts'
import { putPolicy } from './store-policies.ts'

/** Follows what rooms want to become of their media. */
export interface RoomPolicies {
  changed(tx: Tx, room: SeenBatch['room'], event: SeenEvent['pdu']): Promise<void>
  removed(tx: Tx, roomNid: number): Promise<void>
}

interface Deps {
  readonly jobs: Pick<Jobs, 'enqueue'>
  readonly view: RoomsOfMedia['view']
}

/** Only those who may do everything may have what others have sent deleted. */
const requiredPower = 100

export function createRoomPolicies({ jobs, view }: Deps): RoomPolicies {
  async function put(tx: Tx, roomNid: number, content: Pdu['content'] | undefined): Promise<void> {
    await putPolicy(tx, `room:${roomNid}`, content)
    await jobs.enqueue(tx, resettleJob, { room: roomNid })
  }

  return {
    changed: async (tx, room, { sender, content }) => {
      const state = new Map<string, Pdu>()
      for (const type of ['m.room.create', 'm.room.power_levels']) {
        const entry = await view.entry(tx, room.stateNid, type, '')
        if (entry) state.set(type, entry.pdu)
      }
      const power = powerOf((type) => state.get(type), room.rules, sender)
      if (power >= requiredPower) await put(tx, room.nid, content)
    },
    removed: (tx, roomNid) => put(tx, roomNid, undefined),
  }
}
