import type { Tx } from '../../../db/database.ts'
import { deleteOldestMessages } from '../devices/store-outgoing-devices.ts'
import { isLongerThan, keepNewestOfRooms } from './store-queue.ts'

/** A server that was away fetches what it lacks of a room from the newest event: of more events than this it is sent only that. */
const maxLate = 200
/** Of more messages to devices the newest are kept: what is older has most likely been asked for again by then. */
const maxMessages = 20_000

/** Leaves the newest event of each room where many wait after a position. Returns how many went. */
export async function thinOutEvents(tx: Tx, destination: string, after: number): Promise<number> {
  return (await isLongerThan(tx, destination, after, maxLate)) ? keepNewestOfRooms(tx, destination, after) : 0
}

/** Leaves the newest messages to devices. Returns how many went. */
export function thinOutMessages(tx: Tx, destination: string): Promise<number> {
  return deleteOldestMessages(tx, destination, maxMessages)
}
