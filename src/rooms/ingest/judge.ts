import type { Reader } from '../../db/database.ts'
import type { EventStatus } from '../../db/schema/rooms.ts'
import { type AuthState, authStateKeys, checkAuth, checkAuthEventsSelection } from '../../matrix/auth-rules.ts'
import type { IdentifiedPdu, Pdu } from '../../matrix/event.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'
import type { RoomView } from '../room-view.ts'

export interface Verdict {
  readonly status: EventStatus
  /** Why it is not accepted. */
  readonly reason: string | undefined
}

/** An event that another one cites. */
export interface CitedEvent extends IdentifiedPdu {
  readonly status: EventStatus
}

export interface Judged {
  readonly rules: RoomVersionRules
  readonly event: IdentifiedPdu
  /** All that the event cites. */
  readonly authEvents: readonly CitedEvent[]
  /** The room's create event, which is not cited from version 12 on. */
  readonly create: CitedEvent | undefined
}

const accepted: Verdict = { status: 0, reason: undefined }
const rejected = (reason: string): Verdict => ({ status: 2, reason })

/** Whether what an event cites authorises it: all that can be asked of an event whose place in the room is not known. */
export function judgeByCited({ rules, event, authEvents, create }: Judged): Verdict {
  const { pdu } = event
  const cited = authEvents.map(({ eventId, pdu, status }) => ({ eventId, pdu, rejected: status === 2 }))
  const createEvent = create && { eventId: create.eventId, rejected: create.status === 2 }
  const selection = checkAuthEventsSelection(rules, pdu, cited, createEvent)
  if (!selection.allowed) return rejected(selection.reason)
  const verdict = checkAuth(rules, pdu, citedState(authEvents, rules.roomIdIsCreateHash ? create : undefined))
  return verdict.allowed ? accepted : rejected(`by its auth events: ${verdict.reason}`)
}

function citedState(authEvents: readonly CitedEvent[], create: CitedEvent | undefined): AuthState {
  const all = create === undefined ? authEvents : [...authEvents, create]
  return (type, stateKey) => all.find(({ pdu }) => pdu.type === type && pdu.state_key === stateKey)?.pdu
}

/**
 * Whether an event is authorised by what it cites and by the state before it, else it is rejected; and by the present
 * state of the room, else it is kept and not shown. https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 */
export async function judge(
  reader: Reader,
  view: RoomView,
  judged: Judged,
  states: {
    readonly beforeNid: number | undefined
    readonly currentNid: number | undefined
    /** Whether members may be missing in them: then what the event cites tells of these. */
    readonly isPartial?: boolean
  },
): Promise<Verdict> {
  const cited = judgeByCited(judged)
  if (cited.status !== 0) return cited
  const { rules, event } = judged
  const { beforeNid, currentNid } = states
  const instead = states.isPartial ? citedState(judged.authEvents, undefined) : undefined
  const stateAt = (nid: number | undefined) => authStateAt(reader, view, { rules, pdu: event.pdu, instead }, nid)
  const before = checkAuth(rules, event.pdu, await stateAt(beforeNid))
  if (!before.allowed) return rejected(`by the state before it: ${before.reason}`)
  if (currentNid === undefined || currentNid === beforeNid) return accepted
  const current = checkAuth(rules, event.pdu, await stateAt(currentNid))
  return current.allowed ? accepted : { status: 1, reason: `by the present state: ${current.reason}` }
}

/** What the rules may look at in a state. */
export async function authStateAt(
  reader: Reader,
  view: RoomView,
  { rules, pdu, instead }: { rules: RoomVersionRules; pdu: Pdu; instead: AuthState | undefined },
  stateNid: number | undefined,
): Promise<AuthState> {
  const found = new Map<string, Pdu>()
  for (const [type, stateKey] of authStateKeys(pdu, rules)) {
    const event = await view.entry(reader, stateNid, type, stateKey)
    const entry = event?.pdu ?? (type === 'm.room.member' ? instead?.(type, stateKey) : undefined)
    if (entry !== undefined) found.set(`${type}\0${stateKey}`, entry)
  }
  return (type, stateKey) => found.get(`${type}\0${stateKey}`)
}
