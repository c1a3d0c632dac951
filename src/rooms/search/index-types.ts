import type { Reader, Tx } from '../../db/database.ts'
import type { Phrase } from './phrases.ts'
import type { TextKind } from './text-of.ts'

/** An event as the index knows it. */
export interface IndexedText {
  /** Its position in the stream. */
  readonly pos: number
  readonly roomNid: number
  readonly sender: string
  readonly kind: TextKind
  readonly phrases: readonly Phrase[]
}

export interface IndexQuery {
  /** All of them must occur. */
  readonly phrases: readonly Phrase[]
  /** A hint: what is found may be of another kind. */
  readonly kinds: readonly TextKind[]
  /** Undefined: any room. */
  readonly roomNids: readonly number[] | undefined
  /** Undefined: anybody. A hint as well. */
  readonly senders: readonly string[] | undefined
  /** Only events at lower stream positions. */
  readonly below: number
  readonly limit: number
}

/** The full-text index: each engine has its own, and both find the same. */
export interface SearchIndex {
  /** Files the texts, in the place of what was filed for the same positions. */
  put(tx: Tx, texts: readonly IndexedText[]): Promise<void>
  remove(tx: Tx, positions: readonly number[]): Promise<void>
  /** Stream positions of matches, newest first. */
  find(reader: Reader, query: IndexQuery): Promise<number[]>
}
