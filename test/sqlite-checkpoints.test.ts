import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import SQLite from 'better-sqlite3'
import { startCheckpoints } from '../src/db/sqlite-checkpoints.ts'
import { createLog, silentLog } from '../src/util/log.ts'
import { temporaryFolder } from './helpers/program.ts'

const many = 10_000

function openWriter(path: string): SQLite.Database {
  const writer = new SQLite(path)
  writer.pragma('journal_mode = WAL')
  writer.exec('create table t (id integer primary key, text text)')
  return writer
}

test('the log begins anew once the worker and the writer have copied it', async (t) => {
  const path = join(temporaryFolder(t), 'a.db')
  const writer = openWriter(path)
  const pragma = writer.pragma.bind(writer)
  let finished = 0
  writer.pragma = (source, options) => {
    if (source.startsWith('wal_checkpoint')) finished += 1
    return pragma(source, options)
  }
  const checkpoints = startCheckpoints(path, writer, silentLog)
  t.after(async () => {
    await checkpoints.close()
    writer.close()
  })
  const insert = writer.prepare('insert into t (text) values (?)')
  let written = 0
  for (let round = 1; round <= 20; round += 1) {
    for (let i = 0; i < 50; i += 1) insert.run('x'.repeat(3000))
    written += 50 * 3000
    checkpoints.committed(many)
    while (finished < round) await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(statSync(`${path}-wal`).size < written / 4)
})

test('a checkpoint that fails, as on a full disk, fails no commit', async (t) => {
  const writer = openWriter(join(temporaryFolder(t), 'b.db'))
  const pragma = writer.pragma.bind(writer)
  let tried = 0
  writer.pragma = (source, options) => {
    if (!source.startsWith('wal_checkpoint')) return pragma(source, options)
    tried += 1
    throw new SQLite.SqliteError('database or disk is full', 'SQLITE_FULL')
  }
  const lines: string[] = []
  const log = createLog({ level: 'warn', format: 'json', write: (line) => void lines.push(line) })
  const checkpoints = startCheckpoints(writer.name, writer, log)
  t.after(async () => {
    await checkpoints.close()
    writer.close()
  })
  for (let round = 1; round <= 2; round += 1) {
    checkpoints.committed(many)
    while (tried < round) {
      await new Promise((resolve) => setImmediate(resolve))
      checkpoints.committed(1)
    }
  }
  assert.equal(tried, 2)
  assert.equal(lines.length, 2)
  assert.match(lines[0] ?? '', /disk is full/)
})

test('a thread that cannot work says why, and the writer goes on alone', async (t) => {
  const folder = temporaryFolder(t)
  const writer = openWriter(join(folder, 'c.db'))
  const logged = Promise.withResolvers<string>()
  const log = createLog({ level: 'error', format: 'json', write: logged.resolve })
  const checkpoints = startCheckpoints(join(folder, 'missing', 'c.db'), writer, log)
  t.after(async () => {
    await checkpoints.close()
    writer.close()
  })
  checkpoints.committed(many)
  assert.match(await logged.promise, /directory does not exist/)
  assert.equal(writer.pragma('wal_autocheckpoint', { simple: true }), 1_000)
})

test('closing while the thread is being started ends no process', async (t) => {
  const folder = temporaryFolder(t)
  for (let round = 0; round < 40; round += 1) {
    const writer = openWriter(join(folder, `${round}.db`))
    const checkpoints = startCheckpoints(writer.name, writer, silentLog)
    checkpoints.committed(many)
    await new Promise((resolve) => setTimeout(resolve, 20 + round))
    await checkpoints.close()
    writer.close()
  }
})
