import { type Kysely, sql } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  // How far the index has got in the stream of events: what was there before is indexed after the start.
  await sql`insert into streams (name, position) values ('search', 0)`.execute(db)
  if (t.engine === 'sqlite') {
    // The words are split and folded already, and nothing but the index is kept. The row id is the stream position.
    await sql`create virtual table search_text using
      fts5(words, place, content = '', contentless_delete = 1, tokenize = 'ascii')`.execute(db)
    return
  }
  await db.schema
    .createTable('search_text')
    .addColumn('stream_pos', 'bigint', (c) => c.primaryKey())
    .addColumn('words', sql`tsvector`, (c) => c.notNull())
    .execute()
  await db.schema.createIndex('search_text_words').on('search_text').using('gin').column('words').execute()
}
