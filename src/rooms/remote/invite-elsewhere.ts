import { RemoteError } from '../../federation/client/ports.ts'
import { sendInvite, sendOldInvite } from '../../federation/client/requests-membership.ts'
import { fieldOf } from '../../matrix/content.ts'
import { errors, MatrixError } from '../../matrix/errors.ts'
import type { IdentifiedPdu, JsonObject, Pdu } from '../../matrix/event.ts'
import { hashAndSign } from '../../matrix/event-hash.ts'
import { type EventId, isUserId, type RoomId, serverOf } from '../../matrix/ids.ts'
import { redact } from '../../matrix/redact.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'
import { FetchError } from '../../util/fetch-error.ts'
import { findSame, type StateTemplate } from '../actions/append-state.ts'
import type { RoomDraft } from '../draft.ts'
import type { PolicyServer } from '../policy/policy-server.ts'
import type { RemoteDeps } from './remote-deps.ts'
import { listToldState } from './stripped-state.ts'
import { toJson, withSignaturesOf } from './template.ts'
import { asAnswer } from './try-servers.ts'

/** Invitations of users of other servers, whose servers have to sign them before anybody else learns of them. */
export interface RemoteInvites {
  /**
   * Sends the invitation that `template` makes of the room, and writes it once the other server has signed it. Throws
   * what the room's rules or the other server refuse, `502` where that one cannot be reached; undefined where there is
   * no such room, or nothing to do. An invitation that stands already is sent again, and is the answer.
   */
  invite(roomId: string, template: InviteTemplate): Promise<EventId | undefined>
}

/** Undefined: nothing is to be done, since the user is in already. */
export type InviteTemplate = (draft: RoomDraft) => Promise<StateTemplate | undefined>

/** Somebody waits for the answer, and the other server may have gone. */
const timeoutMs = 20_000

interface Prepared {
  readonly roomId: RoomId
  readonly rules: RoomVersionRules
  readonly policy: PolicyServer | undefined
  readonly event: IdentifiedPdu
  /** Whether it is in the room already. */
  readonly isStanding: boolean
  readonly told: readonly Pdu[]
}

export function createRemoteInvites(deps: RemoteDeps): RemoteInvites {
  const { writer, view, policies, transport, keyring, ingest, serverName, signingKey } = deps

  async function prepare(draft: RoomDraft, template: InviteTemplate): Promise<Prepared | undefined> {
    const { room, rules, reader } = draft
    const wanted = await template(draft)
    if (wanted === undefined || room === undefined) return undefined
    if (fieldOf((await draft.state('m.room.create', ''))?.pdu, 'm.federate') === false) {
      throw errors.forbidden('The room is for users of one server only')
    }
    const proposed = await draft.propose(wanted)
    const standing = await findSame(draft, wanted)
    const event = standing ?? hashAndSign(proposed, rules, serverName, signingKey)
    const told = await listToldState(reader, view, room, wanted.sender)
    const policy = standing ? undefined : await policies.find(reader, room)
    return { roomId: room.roomId, rules, event, isStanding: standing !== undefined, told, policy }
  }

  async function withPolicy(prepared: Prepared): Promise<Prepared> {
    const { policy, rules, event } = prepared
    if (policy === undefined) return prepared
    return { ...prepared, event: { ...event, pdu: await policies.ask(policy, rules, event.pdu) } }
  }

  async function send({ roomId, rules, event, told }: Prepared): Promise<JsonObject> {
    const target = event.pdu.state_key ?? ''
    if (!isUserId(target)) throw errors.invalidParam('The invited user has no valid id')
    const invite = {
      destination: serverOf(target),
      timeoutMs,
      isAwaited: true,
      roomId,
      eventId: event.eventId,
      event: toJson(event.pdu),
      roomState: told.map(toJson),
    }
    try {
      return await sendInvite(transport, { ...invite, roomVersion: rules.version })
    } catch (error) {
      const isOld = rules.eventIdFormat === 'v1' && error instanceof RemoteError
      if (!isOld || (error.status !== 404 && error.status !== 400)) throw error
      return await sendOldInvite(transport, invite)
    }
  }

  async function signedByOther({ rules, event }: Prepared, answer: JsonObject): Promise<IdentifiedPdu> {
    const target = event.pdu.state_key ?? ''
    const server = isUserId(target) ? serverOf(target) : serverName
    const signed = withSignaturesOf(event, answer, server)
    if (signed === undefined || !(await keyring.verifyJson(server, toJson(redact(signed.pdu, rules))))) {
      throw new MatrixError(502, 'M_UNKNOWN', `${server} did not sign the invitation`)
    }
    return signed
  }

  return {
    invite: async (roomId, template) => {
      const prepared = await writer.change(roomId, (draft) => prepare(draft, template))
      if (prepared === undefined) return undefined
      const recommended = await withPolicy(prepared)
      const signed = await signedByOther(recommended, await asClientError(() => send(recommended)))
      // The other user may have turned it down when this server could not be told.
      if (prepared.isStanding) return prepared.event.eventId
      return (await ingest.accept(serverName, signed)).eventId
    },
  }
}

async function asClientError<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (error) {
    if (error instanceof RemoteError) throw asAnswer([error])
    if (error instanceof FetchError)
      throw new MatrixError(502, 'M_UNKNOWN', 'The server of that user cannot be reached')
    throw error
  }
}
