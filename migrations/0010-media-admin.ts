import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await accesses(db, t)
  await deletions(db, t)
  await moderation(db, t)
}

async function accesses(db: Kysely<unknown>, t: Types): Promise<void> {
  await t
    .withoutRowid(
      db.schema
        .createTable('media_accesses')
        .addColumn('media_nid', 'bigint', (c) => c.primaryKey())
        .addColumn('kind', 'text', (c) => c.notNull())
        .addColumn('created_ts', 'bigint', (c) => c.notNull())
        .addColumn('used_ts', 'bigint', (c) => c.notNull()),
    )
    .execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('thumbnail_accesses')
        .addColumn('blob_nid', 'bigint', (c) => c.primaryKey())
        .addColumn('created_ts', 'bigint', (c) => c.notNull())
        .addColumn('used_ts', 'bigint', (c) => c.notNull()),
    )
    .execute()
  for (const column of ['created_ts', 'used_ts']) {
    await db.schema
      .createIndex(`media_accesses_${column}`)
      .on('media_accesses')
      .columns(['kind', column, 'media_nid'])
      .execute()
    await db.schema
      .createIndex(`thumbnail_accesses_${column}`)
      .on('thumbnail_accesses')
      .columns([column, 'blob_nid'])
      .execute()
  }
}

async function deletions(db: Kysely<unknown>, t: Types): Promise<void> {
  await t
    .id(db.schema.createTable('media_deletions'), 'deletion_nid')
    .addColumn('deleted_ts', 'bigint', (c) => c.notNull())
    .addColumn('reason', 'text', (c) => c.notNull())
    .addColumn('requested_by', 'text')
    .addColumn('origin', 'text', (c) => c.notNull())
    .addColumn('media_id', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('uploader', 'text')
    .addColumn('content_type', 'text')
    .addColumn('size', 'bigint', (c) => c.notNull())
    .addColumn('sha256', 'text', (c) => c.notNull())
    .addColumn('created_ts', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('media_deletions_ts').on('media_deletions').column('deleted_ts').execute()
  await db.schema
    .createIndex('media_deletions_uploader')
    .on('media_deletions')
    .columns(['uploader', 'deletion_nid'])
    .execute()
  await db.schema
    .createTable('media_deletion_totals')
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('reason', 'text', (c) => c.notNull())
    .addColumn('files', 'bigint', (c) => c.notNull())
    .addColumn('bytes', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('media_deletion_totals_pk', ['kind', 'reason'] as never)
    .execute()
}

async function moderation(db: Kysely<unknown>, t: Types): Promise<void> {
  await db.schema
    .createTable('media_quarantines')
    .addColumn('sha256', 'text', (c) => c.primaryKey())
    .addColumn('quarantined_by', 'text', (c) => c.notNull())
    .addColumn('quarantined_ts', 'bigint', (c) => c.notNull())
    .execute()
  await t
    .id(db.schema.createTable('media_quarantine_changes'), 'change_nid')
    .addColumn('origin', 'text', (c) => c.notNull())
    .addColumn('media_id', 'text', (c) => c.notNull())
    .addColumn('is_quarantined', 'integer', (c) => c.notNull())
    .addColumn('changed_by', 'text', (c) => c.notNull())
    .addColumn('changed_ts', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('media_protections')
    .addColumn('media_nid', 'bigint', (c) => c.primaryKey())
    .addColumn('protected_by', 'text', (c) => c.notNull())
    .addColumn('protected_ts', 'bigint', (c) => c.notNull())
    .execute()
}
