import type { JsonObject } from '../../../matrix/event.ts'
import type { EventId, RoomId, UserId } from '../../../matrix/ids.ts'

export const noteKinds = ['voice', 'video'] as const

export type NoteKind = (typeof noteKinds)[number]

/** A recording that is ready to be sent. */
export interface FinishedNote {
  /** The same when it is sent again after a crash. */
  readonly noteId: string
  readonly callId: string
  readonly roomId: RoomId
  readonly caller: UserId
  readonly kind: NoteKind
  readonly mxc: string
  /** Of the `m.room.message`, but for what tells of the call. */
  readonly content: JsonObject
  readonly durationMs: number
  /** The message that it was left as, where it was not left on the page. */
  readonly source?: string
}

export interface SentNote {
  readonly eventId: EventId
  readonly roomId: RoomId
}

/**
 * Sends a note, however often it is called, once. Throws a `MatrixError` with a status below 500 where the note cannot be
 * sent as things are, and anything else where it is worth another try.
 */
export type DeliverNote = (note: FinishedNote) => Promise<SentNote>
