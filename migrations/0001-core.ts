import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await db.schema
    .createTable('streams')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('position', 'bigint', (c) => c.notNull())
    .execute()
  const jobs = db.schema.createTable('jobs')
  // A job may be taken back while it is being done: its number must not be that of another one by the time it is deleted.
  const numbered =
    t.engine === 'sqlite'
      ? jobs.addColumn('job_id', 'integer', (c) => c.primaryKey().autoIncrement())
      : t.id(jobs, 'job_id')
  await numbered
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('job_key', 'text')
    .addColumn('payload', 'text', (c) => c.notNull())
    .addColumn('run_at', 'bigint', (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('last_error', 'text')
    .addUniqueConstraint('jobs_key', ['kind', 'job_key'] as never)
    .execute()
  await db.schema.createIndex('jobs_run_at').on('jobs').columns(['run_at', 'job_id']).execute()
  await db.schema
    .createTable('server_facts')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('value', 'text', (c) => c.notNull())
    .execute()
}
