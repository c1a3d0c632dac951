import type { JsonObject } from '../../matrix/event.ts'
import type { EventId, RoomId, UserId } from '../../matrix/ids.ts'
import type { CallRow } from './store-calls.ts'
import type { Call, CallKind, CallOutcome, PromptReason } from './types.ts'

/** The row holds what this feature wrote. */
export const callOf = (row: CallRow): Call => ({
  callId: row.call_id,
  roomId: row.room_id as RoomId,
  caller: row.caller as UserId,
  callee: (row.callee ?? undefined) as UserId | undefined,
  kind: row.kind as CallKind,
  outcome: row.outcome as CallOutcome | 'ringing',
  startedTs: row.started_ts,
  endedTs: row.ended_ts ?? undefined,
  promptReason: (row.prompt_reason ?? undefined) as PromptReason | undefined,
  noteEventId: (row.note_event_id ?? undefined) as EventId | undefined,
})

/** To the one who was called it is the same why nobody answered. */
const unanswered: readonly string[] = ['missed', 'busy', 'cancelled']

/** The call as its viewer's log shows it. */
export function callObject(call: Call, viewer: UserId): JsonObject {
  const isOutgoing = call.caller === viewer
  return {
    call_id: call.callId,
    room_id: call.roomId,
    peer: isOutgoing ? (call.callee ?? null) : call.caller,
    direction: isOutgoing ? 'outgoing' : 'incoming',
    kind: call.kind,
    outcome: !isOutgoing && unanswered.includes(call.outcome) ? 'missed' : call.outcome,
    started_ts: call.startedTs,
    ended_ts: call.endedTs ?? null,
    ...(call.noteEventId !== undefined && { note_event_id: call.noteEventId }),
  }
}
