import { roomAvatarOf, roomNameOf } from '../../matrix/content.ts'
import type { MembershipRow } from '../../rooms/reads.ts'
import type { StoredEvent } from '../../rooms/types.ts'
import { wasHiddenInvite } from '../hidden-invites.ts'
import { strip, strippedState } from '../invited-room.ts'
import { toldStay, withLeave } from '../left-room.ts'
import type { Slice } from '../timeline-section.ts'
import { type AnswerContext, type RoomInput, selectorBefore } from './room-context.ts'
import { type StateSection, stateSection } from './state-section.ts'
import { readTimeline, timelineAnswer } from './timeline-answer.ts'
import type { RoomAnswer } from './types.ts'

/** What is new of a room that the user is not in; undefined: nothing. */
export async function outsideAnswer(context: AnswerContext, input: RoomInput): Promise<RoomAnswer | undefined> {
  const { ports, reader, userId, draft } = context
  const { room, wanted, sent, since } = input
  const { timelineLimit, state } = wanted.config
  const row = await ports.reads.membership(reader, room.nid, userId)
  if (row === undefined || row.forgotten === 1) return undefined
  // A later change of the configuration brings nothing more of such a room, and joining begins anew with it.
  draft.mark(room.nid, { sentPos: undefined, timelineLimit, isDm: sent?.isDm ?? false }, state)
  if (since !== undefined && row.stream_pos <= since) return undefined
  const isPending = row.membership === 'invite' || row.membership === 'knock'
  if (isPending) return pendingAnswer(context, input, row)
  if (await wasHiddenInvite(ports.reads, reader, row, async () => context.personal.invites)) return undefined
  return leftAnswer(context, input, row)
}

async function pendingAnswer(
  { ports, reader }: AnswerContext,
  { room, wanted }: RoomInput,
  row: MembershipRow,
): Promise<RoomAnswer> {
  return {
    membership: row.membership,
    initial: true,
    lists: wanted.lists,
    bumpStamp: row.stream_pos,
    strippedState: await strippedState(ports, reader, room, row),
  }
}

const noState: StateSection = { events: [], removed: [], changed: [] }

/** What there was until the user left, and the event by which the user is out now. */
async function leftAnswer(
  context: AnswerContext,
  input: RoomInput,
  row: MembershipRow,
): Promise<RoomAnswer | undefined> {
  const { ports, reader, userId } = context
  const { reads } = ports
  const { room, wanted, since } = input
  const { timelineLimit, state: selector } = wanted.config
  const leave = (await reads.events(reader, [row.event_nid])).get(row.event_nid)
  if (leave?.streamPos === undefined) return undefined
  const stay = await toldStay(reads, reader, room, userId, since)
  // A stay that began and ended between two answers leaves nothing to follow.
  const end = stay?.isNew ? undefined : stay?.ended
  const slice: Slice =
    end?.streamPos === undefined
      ? { events: [], limited: false, before: leave.streamPos - 1 }
      : await readTimeline(context, {
          room,
          after: since,
          upTo: end.streamPos,
          limit: timelineLimit,
          isIn: false,
        })
  const events = withLeave(slice, leave, timelineLimit, true)
  const state = await stateUntil(context, input, end, events, slice.limited)
  const others = state.events.filter(({ pdu }) => pdu.type !== 'm.room.member' || pdu.state_key !== userId)
  const own = selector.matches('m.room.member', userId) ? [leave] : []
  const isFresh = since === undefined
  const wasNeverIn = end === undefined && (await reads.lastStay(reader, room.nid, userId)) === undefined
  return {
    membership: row.membership,
    initial: isFresh,
    lists: wanted.lists,
    bumpStamp: row.stream_pos,
    ...(await factsAt(context, end, state, isFresh)),
    requiredState: await reads.clientEvents.format(reader, room, [...others, ...own], context.audience, {
      omitRoomId: true,
    }),
    removedState: state.removed,
    strippedState: wasNeverIn ? [strip(leave)] : undefined,
    timeline: await timelineAnswer(
      context,
      room,
      { ...slice, events },
      { isIn: false, expanded: false, bundled: isFresh || slice.limited },
    ),
  }
}

async function stateUntil(
  context: AnswerContext,
  { room, wanted, sent, since }: RoomInput,
  end: StoredEvent | undefined,
  timeline: readonly StoredEvent[],
  isLimited: boolean,
): Promise<StateSection> {
  if (end === undefined) return noState
  const { ports, reader, userId, members, acknowledged, to } = context
  return stateSection(ports.reads, reader, {
    room,
    userId,
    known: since === undefined ? undefined : await ports.reads.recent.stateNidAt(reader, room.nid, since),
    end: end.stateNid,
    selector: wanted.config.state,
    before: selectorBefore(context, sent),
    timeline,
    isComplete: !isLimited,
    members: { ...members, acknowledged },
    to,
  })
}

async function factsAt(
  { ports, reader }: AnswerContext,
  end: StoredEvent | undefined,
  { changed }: StateSection,
  isFresh: boolean,
): Promise<Pick<RoomAnswer, 'name' | 'avatar'>> {
  if (end === undefined) return {}
  const has = (type: string) => isFresh || changed.some((key) => key.type === type)
  const entry = (type: string) => ports.reads.view.entry(reader, end.stateNid, type, '')
  const name = has('m.room.name') ? (roomNameOf((await entry('m.room.name'))?.pdu) ?? null) : undefined
  const avatar = has('m.room.avatar') ? (roomAvatarOf((await entry('m.room.avatar'))?.pdu) ?? null) : undefined
  return {
    ...(name === undefined || (isFresh && name === null) ? {} : { name }),
    ...(avatar === undefined || (isFresh && avatar === null) ? {} : { avatar }),
  }
}
