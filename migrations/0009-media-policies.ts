import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await db.schema
    .createTable('media_policies')
    .addColumn('subject', 'text', (c) => c.primaryKey())
    .addColumn('content', 'text', (c) => c.notNull())
    .execute()
}
