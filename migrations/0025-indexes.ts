import type { Kysely } from 'kysely'

/** What sweeps and the admin API look for without knowing the first column of a key. */
export async function up({ db }: { db: Kysely<unknown> }): Promise<void> {
  await db.schema
    .createIndex('federation_device_streams_destination')
    .on('federation_device_streams')
    .column('destination')
    .execute()
  await db.schema
    .createIndex('federation_destinations_failing')
    .on('federation_destinations')
    .columns(['failing_since', 'destination'])
    .execute()
  await db.schema.createIndex('media_deletions_content').on('media_deletions').column('sha256').execute()
}
