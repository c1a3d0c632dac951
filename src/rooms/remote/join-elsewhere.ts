import { type JoinAnswer, sendJoin } from '../../federation/client/requests-membership.ts'
import { isJsonObject } from '../../matrix/auth-state.ts'
import { roomVersionOf } from '../../matrix/content.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { IdentifiedPdu, Json } from '../../matrix/event.ts'
import { type ServerName, serverOf } from '../../matrix/ids.ts'
import { joinAuthoriserOf } from '../../matrix/member-content.ts'
import { getRoomVersionRules, type RoomVersionRules } from '../../matrix/room-versions.ts'
import type { RoomEntry } from '../ingest/ports.ts'
import { getRoom } from '../store-rooms.ts'
import { requireSimple, requireSmall } from './complexity.ts'
import { type PreparedEvent, prepareEvent, type Wish } from './handshake.ts'
import type { RemoteDeps } from './remote-deps.ts'
import { updateVersion } from './store-remote.ts'
import { toJson, withSignaturesOf } from './template.ts'
import { UnusableAnswer } from './try-servers.ts'

/** Joins through one server, without storing anything. Throws what `tryServers` goes on after. */
export async function joinThrough(deps: RemoteDeps, server: ServerName, wish: Wish): Promise<RoomEntry> {
  if (!wish.isUnlimited) await requireSimple(deps, server, wish)
  const prepared = await prepareEvent(deps, server, wish)
  const { event } = prepared
  const answer = await sendJoin(deps.transport, {
    destination: server,
    roomId: wish.roomId,
    eventId: event.eventId,
    body: toJson(event.pdu),
  })
  if (answer.membersOmitted) throw new UnusableAnswer(`${server} left out members, which it was not asked to`)
  if (!wish.isUnlimited) await requireSmall(deps, server, wish, answer.state.length)
  const rules = rulesOf(prepared, answer)
  return {
    resident: server,
    roomId: wish.roomId,
    rules,
    event: await signedByAll(deps, rules, event, answer),
    state: withoutFaults(rules, answer, 'state', answer.state),
    authChain: withoutFaults(rules, answer, 'auth_chain', answer.authChain),
  }
}

/** Versions 1 and 2 look alike from outside: where a server did not say which, the create event does. */
function rulesOf({ rules }: PreparedEvent, { state }: JoinAnswer): RoomVersionRules {
  if (rules.version !== '1') return rules
  const create = state.find((event) => isJsonObject(event) && event.type === 'm.room.create')
  const content = isJsonObject(create) && isJsonObject(create.content) ? create.content : undefined
  const named = content && roomVersionOf({ content })
  return named === '2' ? (getRoomVersionRules(named) ?? rules) : rules
}

/** A join that somebody there has let in carries a signature of that server too. */
async function signedByAll(
  { keyring }: RemoteDeps,
  rules: RoomVersionRules,
  event: IdentifiedPdu,
  answer: JoinAnswer,
): Promise<IdentifiedPdu> {
  const authoriser = joinAuthoriserOf(event.pdu)
  if (authoriser === undefined) return event
  const server = serverOf(authoriser)
  const signed = withSignaturesOf(event, answer.event, server)
  const [isValid] = signed ? await keyring.verifyEvents(rules, [signed.pdu]) : []
  if (signed === undefined || !isValid) throw new UnusableAnswer(`${server} did not sign the join that it let in`)
  return signed
}

/** Since version 6 events are canonical JSON: what is not is no event. */
function withoutFaults(
  rules: RoomVersionRules,
  { faults }: JoinAnswer,
  name: 'state' | 'auth_chain',
  events: readonly Json[],
): readonly Json[] {
  if (!rules.strictCanonicalJson || faults.length === 0) return events
  const bad = new Set(faults.flatMap(({ path }) => (path[0] === name ? [path[1]] : [])))
  return bad.size === 0 ? events : events.filter((_, index) => !bad.has(index))
}

/** Stores the room, or says that the next server is to be tried. */
export async function enterRoom({ db, ingest }: RemoteDeps, entry: RoomEntry): Promise<void> {
  const { roomId, rules } = entry
  try {
    await db.write('version of a room', async (tx) => {
      const room = await getRoom(tx, roomId)
      // An invitation may have said otherwise: nobody has shown it until now.
      const isOther = room !== undefined && room.stateNid === undefined && room.rules.version !== rules.version
      if (isOther) await updateVersion(tx, room.nid, rules.version)
    })
    await ingest.enter(entry)
  } catch (error) {
    if (error instanceof MatrixError && error.status === 502) throw new UnusableAnswer(error.message)
    throw error
  }
}
