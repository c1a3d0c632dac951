import type { Tx } from '../db/database.ts'
import { LruMap } from '../util/lru.ts'
import type { TokenRow } from './store-sessions.ts'

/** Access tokens that were looked up, by their hash. */
export interface TokenCache {
  get(hash: string): TokenRow | undefined
  /** Looks a token up and remembers the answer, unless something changed meanwhile. */
  load(hash: string, find: () => Promise<TokenRow | undefined>): Promise<TokenRow | undefined>
  /** Forgets everything once the write is on disk: sessions ended or an account changed. */
  invalidate(tx: Tx): void
}

const maxEntries = 50_000

export function createTokenCache(): TokenCache {
  const entries = new LruMap<string, TokenRow>(maxEntries)
  let generation = 0
  return {
    get: (hash) => entries.get(hash),
    load: async (hash, find) => {
      const before = generation
      const row = await find()
      if (row && before === generation) entries.set(hash, row)
      return row
    },
    invalidate: (tx) =>
      tx.afterCommit(() => {
        generation += 1
        entries.clear()
      }),
  }
}
