import { type Kysely, sql } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await blobs(db, t)
  await media(db, t)
  await thumbnails(db, t)
  await previews(db, t)
  await deliveries(db, t)
  await fetches(db, t)
  await holds(db, t)
}

async function blobs(db: Kysely<unknown>, t: Types): Promise<void> {
  await t
    .id(db.schema.createTable('media_blobs'), 'blob_nid')
    .addColumn('sha256', 'text', (c) => c.notNull())
    .addColumn('storage_key', 'text', (c) => c.notNull().unique())
    .addColumn('size', 'bigint', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('detected_type', 'text')
    .addColumn('width', 'integer')
    .addColumn('height', 'integer')
    .addColumn('frames', 'integer')
    .addColumn('created_ts', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('media_blobs_content')
    .unique()
    .on('media_blobs')
    .column('sha256')
    .where(sql.ref('state'), '=', sql.lit('stored'))
    .execute()
  await db.schema
    .createIndex('media_blobs_unsettled')
    .on('media_blobs')
    .columns(['state', 'blob_nid'])
    .where(sql.ref('state'), '<>', sql.lit('stored'))
    .execute()
}

async function media(db: Kysely<unknown>, t: Types): Promise<void> {
  await t
    .id(db.schema.createTable('media'), 'media_nid')
    .addColumn('origin', 'text', (c) => c.notNull())
    .addColumn('media_id', 'text', (c) => c.notNull())
    .addColumn('uploader', 'text')
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('content_type', 'text')
    .addColumn('file_name', 'text')
    .addColumn('blob_nid', 'bigint')
    .addColumn('size', 'bigint', (c) => c.notNull())
    .addColumn('is_pinned', 'integer', (c) => c.notNull())
    .addColumn('created_ts', 'bigint', (c) => c.notNull())
    .addColumn('expires_ts', 'bigint')
    .addColumn('deleted_ts', 'bigint')
    .addColumn('deleted_reason', 'text')
    .addUniqueConstraint('media_mxc', ['origin', 'media_id'] as never)
    .execute()
  await db.schema.createIndex('media_blob').on('media').column('blob_nid').execute()
  await db.schema.createIndex('media_uploader').on('media').columns(['uploader', 'created_ts']).execute()
  await db.schema.createIndex('media_expires').on('media').column('expires_ts').execute()
}

async function thumbnails(db: Kysely<unknown>, t: Types): Promise<void> {
  await t
    .withoutRowid(
      db.schema
        .createTable('media_thumbnails')
        .addColumn('source_nid', 'bigint', (c) => c.notNull())
        .addColumn('variant', 'text', (c) => c.notNull())
        .addColumn('blob_nid', 'bigint')
        .addColumn('content_type', 'text')
        .addPrimaryKeyConstraint('media_thumbnails_pk', ['source_nid', 'variant'] as never),
    )
    .execute()
  await db.schema.createIndex('media_thumbnails_blob').on('media_thumbnails').column('blob_nid').execute()
}

async function previews(db: Kysely<unknown>, t: Types): Promise<void> {
  await t
    .id(db.schema.createTable('url_previews'), 'preview_nid')
    .addColumn('url_digest', 'text', (c) => c.notNull())
    .addColumn('properties', 'text')
    .addColumn('media_nid', 'bigint')
    .addColumn('fetched_ts', 'bigint', (c) => c.notNull())
    .addColumn('expires_ts', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('url_previews_url').on('url_previews').columns(['url_digest', 'fetched_ts']).execute()
  await db.schema.createIndex('url_previews_expires').on('url_previews').column('expires_ts').execute()
}

async function deliveries(db: Kysely<unknown>, t: Types): Promise<void> {
  await db.schema
    .createTable('media_deliveries')
    .addColumn('media_nid', 'bigint', (c) => c.primaryKey())
    .addColumn('linked_ts', 'bigint', (c) => c.notNull())
    .addColumn('delivered_ts', 'bigint')
    .addColumn('unlinked_ts', 'bigint')
    .addColumn('paused_ms', 'bigint', (c) => c.notNull())
    .addColumn('due_ts', 'bigint')
    .addColumn('due_reason', 'text')
    .addColumn('policy', 'text', (c) => c.notNull())
    .addColumn('is_ephemeral', 'integer', (c) => c.notNull())
    .execute()
  for (const column of ['due_ts', 'policy']) {
    await db.schema.createIndex(`media_deliveries_${column}`).on('media_deliveries').column(column).execute()
  }
  await t
    .withoutRowid(
      db.schema
        .createTable('media_links')
        .addColumn('media_nid', 'bigint', (c) => c.notNull())
        .addColumn('event_id', 'text', (c) => c.notNull())
        .addColumn('room_nid', 'bigint', (c) => c.notNull())
        .addColumn('sender', 'text', (c) => c.notNull())
        .addColumn('kind', 'text', (c) => c.notNull())
        .addColumn('main_nid', 'bigint')
        .addColumn('is_open', 'integer', (c) => c.notNull())
        .addColumn('is_tracked', 'integer', (c) => c.notNull())
        .addPrimaryKeyConstraint('media_links_pk', ['media_nid', 'event_id'] as never),
    )
    .execute()
  await db.schema.createIndex('media_links_event').on('media_links').column('event_id').execute()
  await db.schema.createIndex('media_links_main').on('media_links').column('main_nid').execute()
  await db.schema.createIndex('media_links_room').on('media_links').columns(['room_nid', 'media_nid']).execute()
}

async function fetches(db: Kysely<unknown>, t: Types): Promise<void> {
  await t
    .withoutRowid(
      db.schema
        .createTable('media_recipients')
        .addColumn('media_nid', 'bigint', (c) => c.notNull())
        .addColumn('event_id', 'text', (c) => c.notNull())
        .addColumn('room_nid', 'bigint', (c) => c.notNull())
        .addColumn('recipient', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('media_recipients_pk', ['media_nid', 'event_id', 'recipient'] as never),
    )
    .execute()
  await db.schema
    .createIndex('media_recipients_room')
    .on('media_recipients')
    .columns(['room_nid', 'recipient'])
    .execute()
  await db.schema.createIndex('media_recipients_recipient').on('media_recipients').column('recipient').execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('media_fetches')
        .addColumn('media_nid', 'bigint', (c) => c.notNull())
        .addColumn('recipient', 'text', (c) => c.notNull())
        .addColumn('device', 'text', (c) => c.notNull())
        .addColumn('parts', 'text', (c) => c.notNull())
        .addColumn('complete_ts', 'bigint')
        .addPrimaryKeyConstraint('media_fetches_pk', ['media_nid', 'recipient', 'device'] as never),
    )
    .execute()
}

async function holds(db: Kysely<unknown>, t: Types): Promise<void> {
  await t
    .id(db.schema.createTable('media_holds'), 'hold_nid')
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('media_nid', 'bigint')
    .addColumn('user_id', 'text')
    .addColumn('room_nid', 'bigint')
    .addColumn('from_ts', 'bigint')
    .addColumn('until_ts', 'bigint')
    .addColumn('note', 'text')
    .addColumn('created_by', 'text')
    .addColumn('created_ts', 'bigint', (c) => c.notNull())
    .addColumn('expires_ts', 'bigint')
    .addColumn('released_ts', 'bigint')
    .addColumn('released_by', 'text')
    .execute()
  await db.schema.createIndex('media_holds_media').on('media_holds').column('media_nid').execute()
  await db.schema
    .createIndex('media_holds_wide')
    .on('media_holds')
    .column('user_id')
    .where(sql.ref('media_nid'), 'is', sql.lit(null))
    .execute()
}
