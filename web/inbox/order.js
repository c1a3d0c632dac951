/** @import { Json } from '../shared/api.js' */

/** Whether a note still waits to be played by whom it is for. @param {Json} note */
export function isWaiting(note) {
  return note.direction === 'incoming' && note.state !== 'played' && note.state !== 'deleted'
}

/**
 * The notes of one direction in which all words of a search stand, those that wait first, the newest first.
 * @param {Iterable<Json>} notes
 * @param {{ direction: string, search: string, nameOf: (userId: string) => string }} wanted
 */
export function listNotes(notes, { direction, search, nameOf }) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  /** @param {Json} note */
  const matches = (note) => {
    const text =
      `${note.transcript ?? ''} ${note.caption ?? ''} ${note.peer ?? ''} ${note.peer ? nameOf(note.peer) : ''}`.toLowerCase()
    return note.direction === direction && words.every((word) => text.includes(word))
  }
  return [...notes].filter(matches).sort((a, b) => Number(isWaiting(b)) - Number(isWaiting(a)) || b.sent_ts - a.sent_ts)
}
