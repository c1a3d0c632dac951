import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import type { JsonObject } from '../../matrix/event.ts'

/** Whose choice it is: `room:NUMBER` or `user:ID`. */
export type Subject = `room:${number}` | `user:${string}`

const one = prepare((qb, p: { subject: string }) =>
  qb.selectFrom('media_policies').select('content').where('subject', '=', p.subject),
)

export async function getPolicy(reader: Reader, subject: Subject): Promise<JsonObject | undefined> {
  const row = await one.first(reader, { subject })
  // Written below.
  return row && (JSON.parse(row.content) as JsonObject)
}

/** Undefined: nothing is chosen any more. */
export async function putPolicy(tx: Tx, subject: Subject, content: JsonObject | undefined): Promise<void> {
  if (content === undefined) {
    await tx.qb.deleteFrom('media_policies').where('subject', '=', subject).execute()
    return
  }
  const values = { content: JSON.stringify(content) }
  await tx.qb
    .insertInto('media_policies')
    .values({ subject, ...values })
    .onConflict((conflict) => conflict.column('subject').doUpdateSet(values))
    .execute()
}
