import type { Database } from '../../../db/database.ts'
import { errors } from '../../../matrix/errors.ts'
import type { IdentifiedPdu, Json, Pdu } from '../../../matrix/event.ts'
import { checkPduFormat } from '../../../matrix/event-format.ts'
import { contentHashMatches, eventIdOf } from '../../../matrix/event-hash.ts'
import { signEvent } from '../../../matrix/event-signing.ts'
import { type ServerName, serverOf } from '../../../matrix/ids.ts'
import type { JsonFault } from '../../../matrix/json-parse.ts'
import { joinAuthoriserOf, membershipOf } from '../../../matrix/member-content.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions.ts'
import type { SigningKey } from '../../../matrix/signing.ts'
import type { Rooms } from '../../../rooms/rooms.ts'
import type { StoredEvent } from '../../../rooms/types.ts'
import type { Keyring } from '../../client/ports.ts'
import type { TemplateAction } from '../../client/requests-membership.ts'
import { authoriserFor } from './templates.ts'

/** What another server sends as the event that it made of a template. */
export interface SentMember {
  readonly action: TemplateAction
  readonly roomId: string
  readonly eventId: string
  readonly body: Json
  readonly faults: readonly JsonFault[]
}

/** Takes such an event into the room. Throws `400 M_INVALID_PARAM`, `403` where the rules forbid it, `404` for a room that nobody here is in. */
export type ReceiveMember = (origin: ServerName, sent: SentMember) => Promise<StoredEvent>

interface Deps {
  readonly db: Database
  readonly rooms: Pick<Rooms, 'writer' | 'reads' | 'history' | 'localMembers' | 'ingest' | 'whole'>
  readonly federation: { readonly keyring: Keyring }
  readonly serverName: ServerName
  readonly signingKeys: readonly [SigningKey, ...SigningKey[]]
}

export function createReceiveMember({ db, rooms, federation, serverName, signingKeys }: Deps): ReceiveMember {
  const { writer, reads, history, localMembers, ingest, whole } = rooms
  const unknownRoom = () => errors.notFound('This server does not know that room')

  async function requireRules(origin: ServerName, roomId: string): Promise<RoomVersionRules> {
    if ((await localMembers.of(roomId)).size === 0) throw unknownRoom()
    return db.read(async (reader) => {
      const room = await reads.roomById(reader, roomId)
      if (room?.stateNid === undefined) throw unknownRoom()
      if (!(await history.isAllowed(reader, room, origin))) throw errors.forbidden('The room keeps your server out')
      return room.rules
    })
  }

  /** A join that one of our users lets in is signed by us too, if the conditions still hold. */
  async function vouch(pdu: Pdu, rules: RoomVersionRules, roomId: string): Promise<Pdu> {
    const authoriser = rules.restrictedJoin && membershipOf(pdu) === 'join' ? joinAuthoriserOf(pdu) : undefined
    if (authoriser === undefined) return pdu
    if (serverOf(authoriser) !== serverName) {
      throw errors.invalidParam('The join is let in by a user of another server, which has to sign it')
    }
    await writer.change(roomId, (draft) => authoriserFor(draft, pdu.sender))
    return signEvent(pdu, rules, serverName, signingKeys[0])
  }

  return async (origin, sent) => {
    const rules = await requireRules(origin, sent.roomId)
    const { eventId, pdu } = readMember(rules, sent)
    if (serverOf(pdu.sender) !== origin) throw errors.invalidParam('The sender is no user of your server')
    // Who was banned or invited is known once all members are.
    await whole.wait(sent.roomId)
    const signed = await vouch(pdu, rules, sent.roomId)
    const [isSigned] = await federation.keyring.verifyEvents(rules, [signed])
    if (!isSigned) throw errors.invalidParam('The event is not signed as it must be')
    if (ingest === undefined) throw unknownRoom()
    return ingest.accept(origin, { eventId, pdu: signed })
  }
}

/** The event of a request, as far as it can be checked by itself. Throws `400`. */
export function readMember(
  rules: RoomVersionRules,
  { roomId, eventId, body, faults, action }: Omit<SentMember, 'action'> & { action: TemplateAction | 'invite' },
): IdentifiedPdu {
  if (rules.strictCanonicalJson && faults.length > 0) throw errors.badJson('The event is not canonical JSON')
  const verdict = checkPduFormat(body, rules)
  if (!verdict.valid) throw errors.invalidParam(`The event is malformed: ${verdict.reason}`)
  const { unsigned: _, ...pdu } = verdict.pdu
  if (pdu.type !== 'm.room.member') throw errors.invalidParam('The event is no m.room.member')
  if (pdu.content.membership !== action) throw errors.invalidParam(`The membership is not ${action}`)
  if (pdu.state_key === undefined) throw errors.invalidParam('The event has no state_key')
  if (action !== 'invite' && pdu.state_key !== pdu.sender) {
    throw errors.invalidParam('The state_key is not the sender')
  }
  if (pdu.room_id !== roomId) throw errors.invalidParam('The event is for another room')
  const id = eventIdOf(pdu, rules)
  if (id !== eventId) throw errors.invalidParam('The event has another id')
  if (!contentHashMatches(pdu)) throw errors.invalidParam('The hash of the event does not fit')
  return { eventId: id, pdu }
}
