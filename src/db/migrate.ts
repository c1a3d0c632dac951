import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Kysely } from 'kysely'
import { postgresTypes, sqliteTypes, type Types } from '../../migrations/types.ts'
import type { Clock } from '../util/clock.ts'
import type { Database, Reader, Tx } from './database.ts'

const folder = new URL('../../migrations/', import.meta.url)
const fileName = /^(\d{4})-([a-z0-9-]+)\.ts$/

interface Migration {
  readonly number: number
  readonly name: string
  readonly checksum: string
  readonly url: string
}

/** The database cannot be used by this version of the program; the message says what to do. */
export class SchemaError extends Error {
  override name = 'SchemaError'
}

function listMigrations(): Migration[] {
  return readdirSync(fileURLToPath(folder))
    .sort()
    .flatMap((file) => {
      const match = fileName.exec(file)
      if (match?.[1] === undefined || match[2] === undefined) return []
      const url = new URL(file, folder)
      const checksum = createHash('sha256').update(readFileSync(url)).digest('hex')
      return [{ number: Number(match[1]), name: match[2], checksum, url: url.href }]
    })
}

async function listApplied(db: Database): Promise<{ number: number; name: string; checksum: string }[]> {
  await db.write('create schema_migrations', async (tx) => {
    await tx.qb.schema
      .createTable('schema_migrations')
      .ifNotExists()
      .addColumn('number', 'integer', (c) => c.primaryKey())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('checksum', 'text', (c) => c.notNull())
      .addColumn('applied_ts', 'bigint', (c) => c.notNull())
      .execute()
  })
  return db.read((r: Reader) => r.qb.selectFrom('schema_migrations').selectAll().orderBy('number').execute())
}

function check(applied: { number: number; name: string; checksum: string }[], known: Migration[]): void {
  const byNumber = new Map(known.map((migration) => [migration.number, migration]))
  for (const { number, name, checksum } of applied) {
    const migration = byNumber.get(number)
    if (migration === undefined) {
      throw new SchemaError(
        `The database was written by a newer Ringback (it has migration ${number} "${name}"). Start that version, or restore a backup made before the upgrade.`,
      )
    }
    if (migration.checksum !== checksum) {
      throw new SchemaError(
        `Migration ${number} "${name}" is not the one that this database was made with. Restore the original file from the release.`,
      )
    }
  }
}

/** Brings the database to this version's schema. Throws `SchemaError` for a database that is newer or was changed. */
export async function migrate(db: Database, clock: Clock): Promise<void> {
  const known = listMigrations()
  const applied = await listApplied(db)
  check(applied, known)
  const done = new Set(applied.map(({ number }) => number))
  const types: Types = db.engine === 'sqlite' ? sqliteTypes : postgresTypes
  for (const migration of known) {
    if (done.has(migration.number)) continue
    const { up } = (await import(migration.url)) as { up(args: { db: Kysely<unknown>; t: Types }): Promise<void> }
    await db.write(`migration ${migration.number}`, async (tx: Tx) => {
      await up({ db: tx.qb as unknown as Kysely<unknown>, t: types })
      await tx.qb
        .insertInto('schema_migrations')
        .values({
          number: migration.number,
          name: migration.name,
          checksum: migration.checksum,
          applied_ts: clock.now(),
        })
        .execute()
    })
  }
  await db.optimize()
}
