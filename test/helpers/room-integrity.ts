import assert from 'node:assert/strict'
import { sql } from 'kysely'
import type { Database } from '../../src/db/database.ts'
import type { Pdu } from '../../src/matrix/event.ts'
import { authEventIds } from '../../src/matrix/event-references.ts'

/** Columns that refer to rows which must be there, with the condition under which they do. */
const references = [
  ['events', 'before_nid', 'states', 'state_nid', 'before_nid is not null'],
  ['events', 'state_nid', 'states', 'state_nid', 'state_nid is not null'],
  ['events', 'current_nid', 'states', 'state_nid', 'current_nid is not null'],
  ['rooms', 'state_nid', 'states', 'state_nid', 'state_nid is not null'],
  ['rooms', 'cited_nid', 'states', 'state_nid', 'cited_nid is not null'],
  ['further_ends', 'event_nid', 'events', 'event_nid', '1 = 1'],
  ['states', 'base_nid', 'states', 'state_nid', 'base_nid is not null'],
  ['state_changes', 'state_nid', 'states', 'state_nid', '1 = 1'],
  ['state_changes', 'event_nid', 'events', 'event_nid', 'event_nid <> 0'],
  ['current_state', 'event_nid', 'events', 'event_nid', '1 = 1'],
  ['memberships', 'event_nid', 'events', 'event_nid', '1 = 1'],
  ['event_auth', 'event_nid', 'events', 'event_nid', '1 = 1'],
  ['event_auth', 'auth_nid', 'events', 'event_nid', '1 = 1'],
  ['event_edges', 'event_nid', 'events', 'event_nid', '1 = 1'],
  ['event_edges', 'prev_nid', 'events', 'event_nid', '1 = 1'],
  ['event_gaps', 'event_nid', 'events', 'event_nid', '1 = 1'],
  ['relations', 'event_nid', 'events', 'event_nid', '1 = 1'],
  ['sticky_events', 'event_nid', 'events', 'event_nid', '1 = 1'],
  ['receipts', 'event_id', 'events', 'event_id', '1 = 1'],
  ['push_highlights', 'event_nid', 'events', 'event_nid', '1 = 1'],
  ['push_class_highlights', 'event_nid', 'events', 'event_nid', '1 = 1'],
  ['media_links', 'event_id', 'events', 'event_id', "is_open = 1 and event_id <> ''"],
] as const

/** Whether everything that rows about rooms refer to is there. */
export async function checkIntegrity(db: Database): Promise<void> {
  for (const [table, column, target, key, condition] of references) {
    const dangling = await db.read(async (reader) => {
      const query = sql<{ n: number }>`select count(*) as n from ${sql.table(table)} as t where ${sql.raw(condition)}
        and not exists (select 1 from ${sql.table(target)} as other where other.${sql.ref(key)} = t.${sql.ref(column)})`
      return Number((await query.execute(reader.qb)).rows[0]?.n)
    })
    assert.equal(dangling, 0, `${table}.${column} refers to ${target} that are gone`)
  }
  const events = await db.read((reader) =>
    reader.qb.selectFrom('events').select(['event_id', 'json', 'status']).where('room_nid', '<>', 0).execute(),
  )
  const known = new Set(events.map((event) => event.event_id))
  for (const { event_id, json, status } of events) {
    const pdu = JSON.parse(json) as Pdu
    // Members that were told from outside stand alone.
    const isAlone = authEventIds(pdu).every((id) => !known.has(id))
    for (const id of status === 2 || isAlone ? [] : authEventIds(pdu)) {
      assert.ok(known.has(id), `${event_id} (${pdu.type}) is authorised by ${id}, which is gone`)
    }
  }
}

/** How many rows a table has for a room. */
export async function countRows(db: Database, table: string, condition: string): Promise<number> {
  const { rows } = await db.read((reader) =>
    sql<{ n: number }>`select count(*) as n from ${sql.table(table)} where ${sql.raw(condition)}`.execute(reader.qb),
  )
  return Number(rows[0]?.n)
}
