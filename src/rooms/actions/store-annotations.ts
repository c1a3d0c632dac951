import type { Reader } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import type { Pdu } from '../../matrix/event.ts'

const annotations = prepare((qb, p: { parentId: string; sender: string; type: string }) =>
  qb
    .selectFrom('relations as r')
    .innerJoin('events as e', 'e.event_nid', 'r.event_nid')
    .select('e.json')
    .where('r.parent_id', '=', p.parentId)
    .where('r.rel_type', '=', 'm.annotation')
    .where('e.sender', '=', p.sender)
    .where('e.type', '=', p.type)
    .where('e.status', '=', 0),
)

/** What a user has annotated an event with by events of one type. Redacted ones are no relations any more. */
export async function listAnnotations(reader: Reader, parentId: string, sender: string, type: string): Promise<Pdu[]> {
  const rows = await annotations.all(reader, { parentId, sender, type })
  return rows.map((row) => JSON.parse(row.json) as Pdu)
}
