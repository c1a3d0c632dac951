import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Database } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { openDatabase } from '../../src/db/open.ts'
import { createTestClock } from '../../src/util/clock.ts'
import { createPostgresDatabase, postgresMissing } from './postgres.ts'
import { temporaryFolder } from './program.ts'

export type Engine = 'sqlite' | 'postgres'

export const engines: readonly Engine[] = ['sqlite', 'postgres']

/** The `skip` option for tests of an engine: a reason where this machine lacks it. */
export function skipEngine(engine: Engine): string | false {
  return engine === 'postgres' ? postgresMissing : false
}

/** A `database.url` for a new empty database that goes when the test ends. */
export async function databaseUrlFor(t: TestContext, engine: Engine): Promise<string> {
  if (engine === 'sqlite') return `sqlite:${join(temporaryFolder(t), 'ringback.db')}`
  const database = await createPostgresDatabase()
  t.after(() => database.drop())
  return database.url
}

/** Runs a test once on each database engine; where one is missing that half is skipped with a visible line. */
export function testOnEngines(
  name: string,
  fn: (t: TestContext, database: { engine: Engine; url: string }) => Promise<void>,
  { skip = false }: { skip?: string | false } = {},
): void {
  for (const engine of engines) {
    test(`${name} (${engine})`, { skip: skip || skipEngine(engine) }, async (t) => {
      await fn(t, { engine, url: await databaseUrlFor(t, engine) })
    })
  }
}

/** The same with the database opened and migrated; it is closed when the test ends. */
export function testOnDatabases(name: string, fn: (db: Database) => Promise<void>): void {
  testOnEngines(name, async (_t, { url }) => {
    const db = openDatabase(url)
    try {
      await migrate(db, createTestClock())
      await fn(db)
    } finally {
      await db.close()
    }
  })
}
