import type { Room } from '../../rooms/types.ts'
import { type Slice, sliceTimeline } from '../timeline-section.ts'
import type { AnswerContext } from './room-context.ts'
import type { TimelineAnswer } from './types.ts'

export interface TimelineInput {
  readonly room: Room
  readonly after: number | undefined
  readonly upTo: number
  readonly limit: number
  readonly isIn: boolean
}

export function readTimeline(
  { ports, reader, userId, personal }: AnswerContext,
  { room, after, upTo, limit, isIn }: TimelineInput,
): Promise<Slice> {
  const { ignored } = personal
  return sliceTimeline(ports.reads, reader, { room, userId, after, upTo, filter: { limit }, ignored, isIn })
}

export async function timelineAnswer(
  { ports, reader, audience, acknowledged }: AnswerContext,
  room: Room,
  { events, limited, before }: Slice,
  { isIn, expanded, bundled }: { isIn: boolean; expanded: boolean; bundled: boolean },
): Promise<TimelineAnswer> {
  const isLive = (pos: number | undefined) => acknowledged !== undefined && (pos ?? 0) > acknowledged
  return {
    // Without a gap the client is told of the children themselves.
    events: await ports.reads.clientEvents.format(reader, room, events, audience, { omitRoomId: true, isIn, bundled }),
    before,
    limited,
    numLive: events.filter(({ streamPos }) => isLive(streamPos)).length,
    expanded,
  }
}
