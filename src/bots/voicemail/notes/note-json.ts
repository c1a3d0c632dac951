import type { NoteState } from '../../../db/schema/bots.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import type { NoteRow } from './store-notes.ts'

export interface NoteView {
  readonly viewer: string
  /** Whether the sender may see that it was played. */
  readonly isShared: boolean
  /** When its media is deleted at the latest, in ms since 1970. */
  readonly expiresTs?: number | undefined
  /** Whether the receiver wants to keep it. */
  readonly isKept?: boolean
}

/** Whether it is not for the viewer to know what the receiver does with a note. */
const isPrivate = ({ sender, receiver }: NoteRow, { viewer, isShared }: NoteView) =>
  viewer === sender && viewer !== receiver && !isShared

/** The state as the viewer may know it: whether somebody has listened is theirs to tell. */
export function visibleState(note: NoteRow, view: NoteView): NoteState {
  const { state } = note
  return isPrivate(note, view) && (state === 'fetched' || state === 'played') ? 'delivered' : state
}

/** A note as its sender or receiver sees it. Transcripts are for the receiver. */
export function noteJson(note: NoteRow, view: NoteView): JsonObject {
  const isIncoming = note.receiver === view.viewer
  const state = visibleState(note, view)
  return {
    note_id: note.note_id,
    room_id: note.room_id,
    event_id: note.event_id,
    peer: isIncoming ? note.sender : note.receiver,
    direction: isIncoming ? 'incoming' : 'outgoing',
    kind: note.kind,
    duration_ms: note.duration_ms,
    sent_ts: note.sent_ts,
    state,
    ...(note.call_id !== null && { call_id: note.call_id }),
    ...(state === 'played' && note.played_ts !== null && { played_ts: note.played_ts }),
    ...(note.caption !== null && { caption: note.caption }),
    ...(isIncoming && note.transcript !== null && { transcript: note.transcript }),
    // When it is deleted tells since when the receiver has it.
    ...(state !== 'deleted' && !isPrivate(note, view) && fateJson(view)),
  }
}

const fateJson = ({ isKept, expiresTs }: NoteView): JsonObject => ({
  ...(isKept && { kept: true }),
  ...(expiresTs !== undefined && { expires_ts: expiresTs }),
})
