import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import SQLite from 'better-sqlite3'
import pg from 'pg'
import { at } from './helpers/client.ts'
import { databaseUrlFor, skipEngine } from './helpers/engines.ts'
import { pageBack } from './helpers/follower.ts'
import { startProgram, temporaryFolder } from './helpers/program.ts'
import type { TestUser } from './helpers/server.ts'
import { type ServerProcess, startServerProcess } from './helpers/server-process.ts'
import { smallDisk, smallDiskMissing } from './helpers/small-disk.ts'
import { sync } from './helpers/sync.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

async function createRoom(user: TestUser): Promise<string> {
  return (await user.post<{ room_id: string }>('/_matrix/client/v3/createRoom')).room_id
}

function send(user: TestUser, roomId: string, txnId: string, length = 0) {
  const path = at`/_matrix/client/v3/rooms/${roomId}/send/m.room.message/${txnId}`
  return user.request<{ event_id: string; errcode?: string; error?: string }>('PUT', path, {
    body: { msgtype: 'm.text', body: txnId.padEnd(length, '.') },
  })
}

/** Sends until the server refuses; resolves with what it acknowledged and with the refusal. */
async function sendUntilRefused(user: TestUser, roomId: string) {
  const acknowledged: string[] = []
  for (let n = 0; n < 500; n++) {
    const { status, body } = await send(user, roomId, `n${n}`, 30_000)
    if (status !== 200) return { acknowledged, status, body, txnId: `n${n}` }
    acknowledged.push(body.event_id)
  }
  throw new Error('the storage never was full')
}

/** The server has no room left: it says so, serves what it has, and goes on when `release` has given it room. */
async function survivesLackOfSpace(
  t: TestContext,
  dataDir: string | undefined,
  { take, release }: { take(server: ServerProcess): void; release(server: ServerProcess): void },
): Promise<void> {
  let server = await startServerProcess(t, dataDir === undefined ? {} : { dataDir })
  const alice = await server.register('alice')
  const roomId = await createRoom(alice)
  take(server)
  const { acknowledged, status, body, txnId } = await sendUntilRefused(alice, roomId)
  assert.ok(status === 507 || status === 503, `${status}`)
  assert.deepEqual([body.errcode, typeof body.error], ['M_UNKNOWN', 'string'])
  assert.match(body.error ?? '', /disk|storage/)
  const messages = async () =>
    (await pageBack(alice, roomId)).filter(({ type }) => type === 'm.room.message').map(({ event_id }) => event_id)
  assert.deepEqual((await messages()).reverse(), acknowledged)
  assert.ok((await sync(alice)).rooms?.join?.[roomId])
  assert.equal((await send(alice, roomId, 'again', 30_000)).status, status)
  release(server)
  const retried = await send(alice, roomId, txnId, 30_000)
  assert.equal(retried.status, 200)
  acknowledged.push(retried.body.event_id)
  assert.deepEqual((await messages()).reverse(), acknowledged)
  await server.kill()
  server = await startServerProcess(t, {
    dataDir: server.dataDir,
    env: { RINGBACK__LISTENERS__0__PORT: new URL(server.url).port },
  })
  assert.deepEqual((await messages()).reverse(), acknowledged)
}

test('a full disk refuses writes, serves reads and loses nothing', { skip: smallDiskMissing }, async (t) => {
  const disk = smallDisk(t, 16)
  await survivesLackOfSpace(t, join(disk.path, 'data'), { take: disk.fill, release: disk.free })
})

test('files that may not grow refuse writes, serve reads and lose nothing', {
  skip: !existsSync('/usr/bin/prlimit') && 'no prlimit here (Debian: util-linux)',
}, async (t) => {
  const limit = ({ pid }: ServerProcess, size: string) =>
    execFileSync('prlimit', ['--pid', String(pid), `--fsize=${size}:`])
  await survivesLackOfSpace(t, undefined, {
    take: (server) => limit(server, String(statSync(join(server.dataDir, 'ringback.db-wal')).size)),
    release: (server) => limit(server, 'unlimited'),
  })
})

test('connections to PostgreSQL that break are made anew', { skip: skipEngine('postgres') }, async (t) => {
  const databaseUrl = await databaseUrlFor(t, 'postgres')
  const server = await startServerProcess(t, { databaseUrl })
  const alice = await server.register('alice')
  const roomId = await createRoom(alice)
  const admin = new pg.Client({ connectionString: databaseUrl })
  // The database goes at the end, whoever is connected.
  admin.on('error', () => {})
  await admin.connect()
  const acknowledged: string[] = []
  for (let n = 0; n < 40; n++) {
    if (n % 10 === 5) {
      await admin.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
      )
    }
    const { status, body } = await send(alice, roomId, `n${n}`)
    if (status === 200) acknowledged.push(body.event_id)
    else assert.deepEqual([status, body.errcode], [503, 'M_UNKNOWN'])
  }
  assert.ok(acknowledged.length >= 30, `${acknowledged.length} of 40`)
  const seen = (await pageBack(alice, roomId)).filter(({ type }) => type === 'm.room.message')
  assert.deepEqual(new Set(seen.map(({ event_id }) => event_id)), new Set(acknowledged))
  await admin.end()
  assert.equal(await server.stop(), 0)
})

/** Starts what cannot start and returns the one line that it printed. */
async function failure(env: Record<string, string>): Promise<string> {
  const { ended } = startProgram(['serve'], { env: { RINGBACK__LISTENERS__0__PORT: '0', ...env } })
  const { code, stderr } = await ended
  assert.equal(code, 1, stderr)
  assert.match(stderr, /^[^\n]+\n$/)
  return stderr
}

test('a start on a full or read-only disk is one sentence', { skip: smallDiskMissing }, async (t) => {
  const disk = smallDisk(t, 1)
  const env = { RINGBACK__DATA_DIR: join(disk.path, 'data') }
  disk.fill()
  assert.match(await failure(env), /^The disk is full/)
  disk.free()
  disk.makeReadOnly()
  assert.match(await failure(env), /read-only|cannot be opened for writing/)
})

test('a start on a database that may only be read is one sentence', { skip: smallDiskMissing }, async (t) => {
  const disk = smallDisk(t, 16)
  const server = await startServerProcess(t, { dataDir: join(disk.path, 'data') })
  await server.stop()
  disk.makeReadOnly()
  assert.match(await failure({ RINGBACK__DATA_DIR: server.dataDir }), /read-only|cannot be opened for writing/)
})

test('a database that another program locks delays writes and nothing else', async (t) => {
  const server = await startServerProcess(t)
  const alice = await server.register('alice')
  const roomId = await createRoom(alice)
  const other = new SQLite(join(server.dataDir, 'ringback.db'))
  t.after(() => other.close())
  other.exec('begin immediate')
  const sending = send(alice, roomId, 'late')
  assert.ok((await sync(alice)).rooms?.join?.[roomId])
  assert.equal((await pageBack(alice, roomId)).length > 0, true)
  other.exec('rollback')
  assert.equal((await sending).status, 200)
})

test('a start on a locked, newer or foreign database is one sentence', async (t) => {
  const server = await startServerProcess(t)
  await server.stop()
  const env = { RINGBACK__DATA_DIR: server.dataDir }
  const other = new SQLite(join(server.dataDir, 'ringback.db'))
  other.exec('begin exclusive')
  assert.match(await failure(env), /^The database is locked by another program/)
  other.exec('rollback')
  other.exec("insert into schema_migrations values (9999, 'later', 'x', 0)")
  assert.match(await failure(env), /written by a newer Ringback.*migration 9999 "later"/)
  other.exec("delete from schema_migrations where number = 9999; update schema_migrations set checksum = 'x'")
  assert.match(await failure(env), /is not the one that this database was made with/)
  other.close()
})

test('a configuration that cannot be read is one sentence', async (t) => {
  const file = join(temporaryFolder(t), 'config.yaml')
  for (const [text, expected] of [
    ['listeners: [', /config\.yaml/],
    ['- a list', /config\.yaml/],
    ['regstration: {}', /registration/],
    ['registration: {enabled: maybe}', /registration\.enabled/],
  ] as const) {
    writeFileSync(file, text)
    assert.match(await failure({ RINGBACK_CONFIG: file }), expected)
  }
  writeFileSync(file, Buffer.from([0xff, 0xfe, 0x00, 0x80]))
  assert.match(await failure({ RINGBACK_CONFIG: file }), /config\.yaml/)
})

const oldNode = ['/usr/bin/node', '/usr/local/bin/node'].find((path) => {
  if (!existsSync(path)) return false
  const [major = 0, minor = 0] = execFileSync(path, ['-p', 'process.versions.node']).toString().split('.').map(Number)
  return major < 22 || (major === 22 && minor < 18)
})

test('an old Node is refused in one sentence, unless a newer one was installed with us', {
  skip: oldNode === undefined && 'no old Node on this machine',
}, async (t) => {
  const folder = temporaryFolder(t)
  copyFileSync(join(root, 'bin/ringback.js'), join(folder, 'ringback.mjs'))
  const alone = startProgram(['serve'], { node: oldNode, script: join(folder, 'ringback.mjs') })
  const { code, stderr } = await alone.ended
  assert.equal(code, 1)
  assert.match(stderr, /^Ringback needs Node 22\.18 or newer, and this is Node \d+\.\d+\.\d+\.\n$/)
  if (!existsSync(join(root, 'node_modules/.bin/node'))) return t.diagnostic('no Node in node_modules')
  const { code: helped, stdout } = await startProgram(['--version'], { node: oldNode }).ended
  assert.equal(helped, 0)
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/)
})
