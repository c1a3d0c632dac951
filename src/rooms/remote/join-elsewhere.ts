import { RemoteError } from '../../federation/client/ports.ts'
import { requestState, requestStateIds } from '../../federation/client/requests-events.ts'
import { type JoinAnswer, sendJoin } from '../../federation/client/requests-membership.ts'
import { isJsonObject } from '../../matrix/auth-state.ts'
import { roomVersionOf } from '../../matrix/content.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { IdentifiedPdu, Json } from '../../matrix/event.ts'
import { type ServerName, serverOf } from '../../matrix/ids.ts'
import { joinAuthoriserOf } from '../../matrix/member-content.ts'
import { getRoomVersionRules, type RoomVersionRules } from '../../matrix/room-versions.ts'
import { FetchError } from '../../util/fetch-error.ts'
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
  const omitMembers = await mayLackMembers(deps, wish)
  const answer = await sendJoin(deps.transport, {
    destination: server,
    roomId: wish.roomId,
    eventId: event.eventId,
    body: toJson(event.pdu),
    omitMembers,
  })
  if (answer.membersOmitted && !omitMembers)
    throw new UnusableAnswer(`${server} left out members, which it was not asked to`)
  if (!wish.isUnlimited) await requireSmall(deps, server, wish, answer.state.length)
  const rules = rulesOf(prepared, answer)
  const entry = { resident: server, roomId: wish.roomId, rules, event: await signedByAll(deps, rules, event, answer) }
  const whole = answer.membersOmitted ? await askForWhole(deps, entry) : undefined
  if (whole !== undefined) return { ...entry, ...whole }
  return {
    ...entry,
    state: withoutFaults(rules, answer, 'state', answer.state),
    authChain: withoutFaults(rules, answer, 'auth_chain', answer.authChain),
    namedServers: answer.membersOmitted ? answer.servers : undefined,
  }
}

/**
 * Whether the members of the room may come later. Not where we have known the room before: most of them are here then. Nor
 * where its size matters, which is counted.
 */
async function mayLackMembers({ db, maxComplexity }: RemoteDeps, { roomId, isUnlimited }: Wish): Promise<boolean> {
  if (maxComplexity !== undefined && isUnlimited !== true) return false
  return (await db.read((reader) => getRoom(reader, roomId)))?.stateNid === undefined
}

/** Rooms of more state events than this open before their members are here, and others that take longer (ms). */
const mostAtOnce = 1_000
const patience = 3_000

/** The whole state of a small room, from the server that has left out its members; undefined where that takes long. */
async function askForWhole(
  { transport, log }: RemoteDeps,
  { resident, roomId, rules, event }: Omit<RoomEntry, 'state' | 'authChain'>,
): Promise<Pick<RoomEntry, 'state' | 'authChain'> | undefined> {
  const signal = AbortSignal.timeout(patience)
  const source = { destination: resident, isStrict: rules.strictCanonicalJson, signal }
  try {
    const ids = await requestStateIds(transport, source, roomId, event.eventId)
    return ids.state.length > mostAtOnce ? undefined : await requestState(transport, source, roomId, event.eventId)
  } catch (error) {
    if (!signal.aborted && !(error instanceof RemoteError || error instanceof FetchError)) throw error
    log.info({ err: error, roomId, server: resident }, 'the members of a room come later')
    return undefined
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
