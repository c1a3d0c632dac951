import type { Accounts } from '../../accounts/accounts.ts'
import type { Database, Tx } from '../../db/database.ts'
import type { RoomId } from '../../matrix/ids.ts'
import { requireJoined } from '../access.ts'
import type { Actor } from '../actor.ts'
import { getEventById } from '../store-events.ts'
import { type ReceiptRequest, type Receipts, requireEventOf } from './receipts.ts'

export interface Markers {
  readonly fullyRead?: string | undefined
  readonly read?: string | undefined
  readonly readPrivate?: string | undefined
}

export interface ReadMarkers {
  /** Moves the fully-read marker and the receipts, all or nothing. Throws `400` for events of other rooms. */
  set(actor: Actor, roomId: string, markers: Markers): Promise<void>
}

interface Deps {
  readonly db: Database
  readonly accountData: Accounts['accountData']
  readonly receipts: Receipts
}

const markerType = 'm.fully_read'

export function createReadMarkers({ db, accountData, receipts }: Deps): ReadMarkers {
  /** The marker never moves backwards. */
  async function moveMarker(tx: Tx, actor: Actor, roomId: string, eventId: string): Promise<void> {
    const room = await requireJoined(tx, roomId, actor.userId)
    const event = await requireEventOf(tx, room, eventId)
    const before = await accountData.get(tx, actor.userId, markerType, room.roomId)
    const marked = typeof before?.event_id === 'string' ? await getEventById(tx, before.event_id) : undefined
    if (marked?.roomNid === room.nid && (marked.streamPos ?? 0) >= (event.streamPos ?? 0)) return
    await accountData.set(tx, actor.userId, markerType, { event_id: event.eventId }, room.roomId as RoomId)
  }

  return {
    set: (actor, roomId, { fullyRead, read, readPrivate }) =>
      db.write('read markers', async (tx) => {
        const requests: ReceiptRequest[] = []
        if (read !== undefined) requests.push({ type: 'm.read', eventId: read })
        if (readPrivate !== undefined) requests.push({ type: 'm.read.private', eventId: readPrivate })
        if (fullyRead !== undefined) await moveMarker(tx, actor, roomId, fullyRead)
        await receipts.setIn(tx, actor, roomId, requests)
      }),
  }
}
