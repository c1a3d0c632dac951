import { randomBytes } from 'node:crypto'
import type { Tx } from '../../src/db/database.ts'
import { openDatabase } from '../../src/db/open.ts'
import { openStreams } from '../../src/db/streams.ts'
import { isEventId } from '../../src/matrix/ids.ts'
import { createSearchIndexer } from '../../src/rooms/search/indexer.ts'
import { getIndexedUpTo, getNewestPosition } from '../../src/rooms/search/store-search.ts'
import { insertEvent } from '../../src/rooms/store-events.ts'
import { getRoom, updateRoomHead } from '../../src/rooms/store-rooms.ts'
import { systemClock } from '../../src/util/clock.ts'
import { silentLog } from '../../src/util/log.ts'
import type { Fill } from '../servers/server.ts'
import { createTexts } from './texts.ts'

const BATCH = 500

/**
 * Writes messages into the database of a Ringback that is not running, and indexes them. They have no signatures that anybody
 * could check: this is for reading, and ten times as fast as sending.
 */
export async function fillStore(databaseUrl: string, { rooms, senders, count, progress }: Fill): Promise<void> {
  const db = openDatabase(databaseUrl)
  try {
    const streams = await openStreams(db)
    const texts = createTexts()
    for (let done = 0; done < count; done += BATCH) {
      const size = Math.min(BATCH, count - done)
      const roomId = rooms[(done / BATCH) % rooms.length] ?? ''
      await db.write('fill', async (tx) => {
        const last = await streams.allocate(tx, size)
        const bodies = Array.from({ length: size }, () => texts.next())
        await insertMessages(tx, { roomId, senders, bodies, first: last - size + 1 })
      })
      if (done % 50_000 === 0) progress(done)
    }
    const indexer = createSearchIndexer({ db, streams, log: silentLog })
    for (let rest = 1; rest > 0; ) {
      await indexer.catchUp()
      rest = await db.read(async (reader) => (await getNewestPosition(reader)) - (await getIndexedUpTo(reader)))
    }
    await indexer.stop()
  } finally {
    await db.close()
  }
}

interface Messages {
  readonly roomId: string
  readonly senders: readonly string[]
  readonly bodies: readonly string[]
  readonly first: number
}

async function insertMessages(tx: Tx, { roomId, senders, bodies, first }: Messages): Promise<void> {
  const room = await getRoom(tx, roomId)
  if (room === undefined) throw new Error(`there is no room ${roomId}`)
  let depth = Math.max(...room.extremities.map((extremity) => extremity[2]))
  let extremities = room.extremities
  for (const [i, body] of bodies.entries()) {
    const eventId = `$${randomBytes(32).toString('base64url')}`
    if (!isEventId(eventId)) throw new Error(`${eventId} is no event id`)
    const sender = senders[i % senders.length] ?? ''
    depth += 1
    const time = systemClock.now()
    const pdu = {
      type: 'm.room.message',
      room_id: roomId,
      sender,
      content: { msgtype: 'm.text', body },
      origin_server_ts: time,
      depth,
      prev_events: extremities.map(([, id]) => id),
      auth_events: Array.from({ length: 2 }, () => `$${'a'.repeat(43)}`),
      hashes: { sha256: 'h'.repeat(43) },
      signatures: { localhost: { 'ed25519:bench': 's'.repeat(86) } },
    }
    const nid = await insertEvent(tx, {
      event_id: eventId,
      room_nid: room.nid,
      stream_pos: first + i,
      type: pdu.type,
      sender,
      state_key: null,
      depth,
      origin_server_ts: time,
      before_nid: room.stateNid ?? null,
      state_nid: room.stateNid ?? null,
      current_nid: null,
      status: 0,
      thread_id: null,
      txn_device: null,
      txn_id: null,
      delay_id: null,
      json: JSON.stringify(pdu),
    })
    extremities = [[nid, eventId, depth]]
  }
  const last = first + bodies.length - 1
  await updateRoomHead(tx, room.nid, { ...room, extremities, lastPos: last, bumpPos: last })
}
