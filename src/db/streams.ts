import type { Database, Reader, Tx, Wake } from './database.ts'
import { prepare } from './prepare.ts'

export interface Advance extends Wake {
  /** Everything up to this position is committed. */
  readonly position: number
}

export interface Streams {
  /** The last committed position. */
  position(): number
  /** The last position that a snapshot holds: what a reader may claim to have seen. */
  positionIn(reader: Reader): Promise<number>
  /** Takes the next `n` positions and returns the last. Call it as the last lock of a write. */
  allocate(tx: Tx, n: number): Promise<number>
  /** Says who is to be woken when the write is on disk. */
  notify(tx: Tx, wake: Wake): void
  /** Wakes at once, about something that is in no database. */
  wake(wake: Wake): void
  /** Calls `listener` after each commit that allocated or notified. Returns the way to stop. */
  subscribe(listener: (advance: Advance) => void): () => void
}

const name = 'events'
const bump = prepare((qb, p: { n: number }) =>
  qb
    .updateTable('streams')
    .set((eb) => ({ position: eb('position', '+', p.n) }))
    .where('name', '=', name)
    .returning('position'),
)

const current = prepare((qb, p: { name: string }) =>
  qb.selectFrom('streams').select('position').where('name', '=', p.name),
)

/** The one counter that gives every durable row its place: commit order is position order. */
export async function openStreams(db: Database): Promise<Streams> {
  let position = await db.write('open streams', async (tx) => {
    await tx.qb
      .insertInto('streams')
      .values({ name, position: 0 })
      .onConflict((c) => c.doNothing())
      .execute()
    const row = await tx.qb.selectFrom('streams').select('position').where('name', '=', name).executeTakeFirstOrThrow()
    return row.position
  })
  const listeners = new Set<(advance: Advance) => void>()

  return {
    position: () => position,
    positionIn: async (reader) => (await current.first(reader, { name }))?.position ?? 0,
    allocate: async (tx, n) => {
      const row = await bump.first(tx, { n })
      if (row === undefined) throw new Error('the stream counter is missing')
      const last = row.position
      tx.afterCommit(() => {
        position = Math.max(position, last)
      })
      return last
    },
    notify: (tx, wake) => {
      tx.afterCommit(() => {
        for (const listener of listeners) listener({ position, ...wake })
      })
    },
    wake: (wake) => {
      for (const listener of listeners) listener({ position, ...wake })
    },
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
