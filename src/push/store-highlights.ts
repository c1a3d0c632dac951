import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'

export interface Highlight {
  readonly roomNid: number
  readonly eventNid: number
  readonly pos: number
}

const insertRow = prepare((qb, p: Highlight & { userId: string }) =>
  qb
    .insertInto('push_highlights')
    .values({ user_id: p.userId, pos: p.pos, room_nid: p.roomNid, event_nid: p.eventNid }),
)
const insertClassRow = prepare((qb, p: Highlight & { classNid: number }) =>
  qb
    .insertInto('push_class_highlights')
    .values({ room_nid: p.roomNid, class_nid: p.classNid, pos: p.pos, event_nid: p.eventNid }),
)

interface Page {
  readonly userId: string
  readonly upTo: number
  readonly limit: number
}

const ofUser = prepare((qb, p: Page) =>
  qb
    .selectFrom('push_highlights')
    .select(['room_nid', 'event_nid', 'pos'])
    .where('user_id', '=', p.userId)
    .where('pos', '<=', p.upTo)
    .orderBy('pos', 'desc')
    .limit(p.limit),
)
const ofClasses = prepare((qb, p: Page) =>
  qb
    .selectFrom('push_members as m')
    .innerJoin('push_class_highlights as h', (join) =>
      join
        .onRef('h.room_nid', '=', 'm.room_nid')
        .on((eb) => eb('h.class_nid', 'in', [eb.lit(0), eb.ref('m.class_nid')])),
    )
    .select(['h.room_nid', 'h.event_nid', 'h.pos'])
    .where('m.user_id', '=', p.userId)
    .where('h.pos', '<=', p.upTo)
    .orderBy('h.pos', 'desc')
    .limit(p.limit),
)

export async function insertHighlight(tx: Tx, highlight: Highlight & { userId: string }): Promise<void> {
  await insertRow.run(tx, highlight)
}

export async function insertClassHighlight(tx: Tx, highlight: Highlight & { classNid: number }): Promise<void> {
  await insertClassRow.run(tx, highlight)
}

/** The newest events that highlighted for a user, or for the class that the user has now in a room, newest first. */
export async function listHighlights(reader: Reader, page: Page): Promise<Highlight[]> {
  const rows = [...(await ofUser.all(reader, page)), ...(await ofClasses.all(reader, page))]
  const byPosition = new Map(rows.map((row) => [row.pos, row]))
  return [...byPosition.values()]
    .sort((a, b) => b.pos - a.pos)
    .slice(0, page.limit)
    .map((row) => ({ roomNid: row.room_nid, eventNid: row.event_nid, pos: row.pos }))
}

export async function deleteHighlights(tx: Tx, userId: string): Promise<void> {
  await tx.qb.deleteFrom('push_highlights').where('user_id', '=', userId).execute()
}
