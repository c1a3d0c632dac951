import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import type { PeopleSchema } from '../../db/schema/people.ts'

export type PresenceRow = PeopleSchema['presence']

const upsert = prepare((qb, p: PresenceRow) =>
  qb
    .insertInto('presence')
    .values({
      user_id: p.user_id,
      state: p.state,
      status_msg: p.status_msg,
      last_active_ts: p.last_active_ts,
      changed_at: p.changed_at,
    })
    .onConflict((c) =>
      c.column('user_id').doUpdateSet((eb) => ({
        state: eb.ref('excluded.state'),
        status_msg: eb.ref('excluded.status_msg'),
        last_active_ts: eb.ref('excluded.last_active_ts'),
        changed_at: eb.ref('excluded.changed_at'),
      })),
    ),
)

export async function upsertPresence(tx: Tx, row: PresenceRow): Promise<void> {
  await upsert.run(tx, row)
}

/** The rows that changed last, oldest first. */
export async function listPresence(reader: Reader, limit: number): Promise<PresenceRow[]> {
  const rows = await reader.qb.selectFrom('presence').selectAll().orderBy('changed_at', 'desc').limit(limit).execute()
  return rows.reverse()
}
