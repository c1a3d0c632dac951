import { roomAvatarOf, roomNameOf, stringOf } from '../../matrix/content.ts'
import { type Summary, summarise } from '../../rooms/summary.ts'
import type { StoredEvent } from '../../rooms/types.ts'
import { type AnswerContext, type RoomInput, selectorBefore } from './room-context.ts'
import { type StateSection, stateSection } from './state-section.ts'
import { readTimeline, timelineAnswer } from './timeline-answer.ts'
import type { Hero, RoomAnswer } from './types.ts'

/** What is new of a room that the user is in; undefined: nothing. `hasRead`: the user has read something there. */
export async function joinedAnswer(
  context: AnswerContext,
  input: RoomInput,
  hasRead: boolean,
): Promise<RoomAnswer | undefined> {
  const { ports, reader, userId, personal, draft, members, acknowledged, to } = context
  const { reads } = ports
  const { room, wanted, sent } = input
  const { timelineLimit, state: selector } = wanted.config
  const since = (await isNewlyIn(context, input)) ? undefined : input.since
  const isFresh = since === undefined
  const expanded = !isFresh && sent !== undefined && timelineLimit > sent.timelineLimit
  const slice = await readTimeline(context, {
    room,
    after: expanded ? undefined : since,
    upTo: to,
    limit: timelineLimit,
    isIn: true,
  })
  const state = await stateSection(reads, reader, {
    room,
    userId,
    known: isFresh ? undefined : await reads.recent.stateNidAt(reader, room.nid, since),
    end: room.stateNid,
    selector,
    before: selectorBefore(context, sent),
    timeline: slice.events,
    isComplete: !slice.limited && !expanded,
    members: { ...members, acknowledged },
    to,
  })
  const isDm = personal.dms.has(room.roomId)
  const dmChange = isFresh ? isDm || undefined : sent?.isDm === isDm ? undefined : isDm
  const facts = await changedFacts(context, input, state, isFresh)
  const isGap = isFresh || expanded || slice.limited
  const limit = isGap ? timelineLimit : Math.max(timelineLimit, sent?.timelineLimit ?? 0)
  draft.mark(room.nid, { sentPos: undefined, timelineLimit: limit, isDm }, selector)
  const hasNews =
    isFresh ||
    hasRead ||
    dmChange !== undefined ||
    (expanded && timelineLimit > 0) ||
    slice.limited ||
    slice.events.length + state.events.length + state.removed.length + Object.keys(facts).length > 0
  if (!hasNews) return undefined
  return {
    membership: 'join',
    initial: isFresh,
    lists: wanted.lists,
    bumpStamp: room.bumpPos,
    isDm: dmChange,
    ...facts,
    requiredState: await reads.clientEvents.format(reader, room, state.events, context.audience, {
      omitRoomId: true,
      isIn: true,
    }),
    removedState: state.removed,
    timeline: await timelineAnswer(context, room, slice, { isIn: true, expanded, bundled: isGap }),
    unread: await ports.push.counts(reader, userId, room.nid),
  }
}

/** Whether the user was not in the room where the client has got to, or its members were missing: then what it knows of it is of no use. */
async function isNewlyIn({ ports, reader, userId }: AnswerContext, { room, since }: RoomInput): Promise<boolean> {
  if (since === undefined || (room.completePos ?? 0) > since) return true
  const row = await ports.reads.membership(reader, room.nid, userId)
  if (row === undefined || row.stream_pos <= since) return false
  return (await ports.reads.membershipAt(reader, room.nid, userId, since)) !== 'join'
}

type Facts = Pick<RoomAnswer, 'name' | 'avatar' | 'heroes' | 'joinedCount' | 'invitedCount'>

/** Name, avatar and members: all where the client knows none, else what has changed. */
async function changedFacts(
  { ports, reader, userId }: AnswerContext,
  { room }: RoomInput,
  { changed }: StateSection,
  isFresh: boolean,
): Promise<Facts> {
  const { reads } = ports
  const has = (...types: string[]) => changed.some(({ type }) => types.includes(type))
  const entry = (type: string) => reads.view.entry(reader, room.stateNid, type, '')
  const facts: { -readonly [K in keyof Facts]: Facts[K] } = {}
  if (isFresh || has('m.room.name')) {
    const name = roomNameOf((await entry('m.room.name'))?.pdu)
    if (name !== undefined || !isFresh) facts.name = name ?? null
  }
  if (isFresh || has('m.room.avatar')) {
    const avatar = roomAvatarOf((await entry('m.room.avatar'))?.pdu)
    if (avatar !== undefined || !isFresh) facts.avatar = avatar ?? null
  }
  if (isFresh || has('m.room.member', 'm.room.name', 'm.room.canonical_alias')) {
    const summary = await summarise(reads, reader, room, userId)
    facts.joinedCount = summary.joined
    facts.invitedCount = summary.invited
    if (summary.heroes !== undefined) facts.heroes = await describe(ports.reads, reader, summary.heroes)
  }
  return facts
}

async function describe(
  reads: AnswerContext['ports']['reads'],
  reader: AnswerContext['reader'],
  heroes: NonNullable<Summary['heroes']>,
): Promise<Hero[]> {
  const events = await reads.events(
    reader,
    heroes.map((hero) => hero.event_nid),
  )
  return heroes.map((hero) => ({ user_id: hero.user_id, ...profileOf(events.get(hero.event_nid)) }))
}

function profileOf(member: StoredEvent | undefined): Omit<Hero, 'user_id'> {
  const displayname = stringOf(member?.pdu, 'displayname')
  const avatar = stringOf(member?.pdu, 'avatar_url')
  return {
    ...(displayname === undefined ? {} : { displayname }),
    ...(avatar === undefined ? {} : { avatar_url: avatar }),
  }
}
