import { createHash } from 'node:crypto'
import type { IndexedText, IndexQuery } from './index-types.ts'

/** Where a text stands and who wrote it, as words beside those of the text, so that the index itself narrows a search. */
export function placeWords({ roomNid, sender, kind }: Pick<IndexedText, 'roomNid' | 'sender' | 'kind'>): string[] {
  // Nearly everything is a message: a word that stands everywhere narrows nothing.
  return [roomWord(roomNid), senderWord(sender), ...(kind === 'body' ? [] : [kindWord(kind)])]
}

/** Sets of place words; a match has one of each set. */
export function wantedPlaces({ roomNids, senders, kinds }: IndexQuery): string[][] {
  const places: string[][] = []
  if (roomNids !== undefined) places.push(roomNids.map(roomWord))
  if (senders !== undefined) places.push(senders.map(senderWord))
  if (!kinds.includes('body')) places.push(kinds.map(kindWord))
  return places
}

const roomWord = (nid: number) => `r${nid}`
const kindWord = (kind: string) => `k${kind}`

/** Short, and made of letters and digits alone; that two users may share one is put right by whoever reads the events. */
const senderWord = (userId: string) => `u${createHash('sha256').update(userId).digest('hex').slice(0, 12)}`
