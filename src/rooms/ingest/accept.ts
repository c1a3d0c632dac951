import type { Database } from '../../db/database.ts'
import type { Keyring } from '../../federation/client/ports.ts'
import { errors } from '../../matrix/errors.ts'
import type { IdentifiedPdu } from '../../matrix/event.ts'
import { contentHashMatches, roomIdOf } from '../../matrix/event-hash.ts'
import type { RoomId, ServerName } from '../../matrix/ids.ts'
import { getEventById } from '../store-events.ts'
import { getRoom } from '../store-rooms.ts'
import type { Room, StoredEvent } from '../types.ts'
import type { Placer } from './placer.ts'

interface Deps {
  readonly db: Database
  readonly keyring: Pick<Keyring, 'verifyEvents'>
  readonly placer: Placer
}

/** Takes membership events that other servers have built on templates of ours; see `Ingest.accept`. */
export function createAccept({ db, keyring, placer }: Deps) {
  async function requireRoom(roomId: RoomId): Promise<Room> {
    const room = await db.read((reader) => getRoom(reader, roomId))
    if (room?.stateNid === undefined) throw errors.notFound('This server does not know that room')
    return room
  }

  async function requireStored(event: IdentifiedPdu): Promise<StoredEvent> {
    const stored = await db.read((reader) => getEventById(reader, event.eventId))
    if (stored?.status !== 0) throw errors.forbidden('The event has been refused before')
    return stored
  }

  return async (_origin: ServerName, event: IdentifiedPdu): Promise<StoredEvent> => {
    const roomId = roomIdOf(event)
    const room = await requireRoom(roomId)
    const [isSigned] = await keyring.verifyEvents(room.rules, [event.pdu])
    if (!isSigned) throw errors.badJson('The event is not signed by all who must')
    if (!contentHashMatches(event.pdu)) throw errors.badJson('The hash of the event is wrong')
    const { unsigned: _unsigned, ...pdu } = event.pdu
    const [outcome] = await placer.place({
      roomId,
      candidates: [{ event: { eventId: event.eventId, pdu }, isStrict: true }],
      finish: async (_tx, turn, outcomes) => {
        await turn.finish({ outgoing: outcomes.flatMap((one) => (one.kind === 'placed' ? one.event : [])) })
      },
    })
    if (outcome?.kind === 'refused') throw errors.forbidden(outcome.reason)
    if (outcome?.kind === 'missing') throw errors.badJson('The event refers to events that are not known')
    return outcome?.kind === 'placed' ? outcome.event : requireStored(event)
  }
}
