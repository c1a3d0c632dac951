import { execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { randomString } from '../../src/util/random.ts'

export interface PostgresDatabase {
  /** For `database.url`. */
  readonly url: string
  drop(): Promise<void>
}

interface Installation {
  readonly binaries: string
  /** PostgreSQL refuses to run as root, so its own user does. */
  readonly owner: { uid: number; gid: number } | undefined
}

const keeper = fileURLToPath(new URL('postgres-keeper.sh', import.meta.url))
const folder = join(tmpdir(), `ringback-test-postgres-${process.getuid?.() ?? 0}`)
const installation = findInstallation()

/** Why tests with PostgreSQL are skipped on this machine, or false: for the `skip` option of a test. */
export const postgresMissing: string | false = typeof installation === 'string' ? installation : false

function findInstallation(): Installation | string {
  const root = '/usr/lib/postgresql'
  const versions = existsSync(root) ? readdirSync(root).filter((version) => Number(version) >= 15) : []
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0]
  const binaries = newest === undefined ? undefined : join(root, newest, 'bin')
  if (!binaries || !existsSync(join(binaries, 'initdb'))) {
    return 'no PostgreSQL 15 or newer here (Debian: apt-get install postgresql-15)'
  }
  if (process.getuid?.() !== 0) return { binaries, owner: undefined }
  try {
    const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { stdio: ['ignore', 'pipe', 'ignore'] }))
    return { binaries, owner: { uid: id('-u'), gid: id('-g') } }
  } catch {
    return 'PostgreSQL does not run as root, and there is no user "postgres"'
  }
}

/** A new empty database in a cluster that all test processes share, reached by a socket that only this machine's user sees. */
export async function createPostgresDatabase(): Promise<PostgresDatabase> {
  const name = `test_${randomString(16, 'abcdefghijklmnopqrstuvwxyz')}`
  await administer(`create database ${name} template template0`)
  return { url: urlOf(name), drop: () => administer(`drop database ${name} with (force)`) }
}

function urlOf(database: string): string {
  return `postgres://postgres@localhost/${database}?host=${folder}`
}

async function administer(statement: string): Promise<void> {
  await ensureCluster()
  const client = new pg.Client({ connectionString: urlOf('postgres') })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

/** Starts the cluster unless another process has; either way it stays up as long as this process lives. */
async function ensureCluster(): Promise<void> {
  if (typeof installation === 'string') throw new Error(installation)
  const deadline = performance.now() + 60_000
  while (!register()) {
    if (performance.now() > deadline) throw new Error(`PostgreSQL did not start:\n${readLogs()}`)
    if (!existsSync(folder)) startKeeper(installation)
    else if (isAbandoned()) rmSync(folder, { recursive: true, force: true })
    else await wait(50)
  }
}

/** Registers this process as a user; false while the cluster is not ready. */
function register(): boolean {
  try {
    writeFileSync(join(folder, 'users', String(process.pid)), '')
    return existsSync(join(folder, 'ready'))
  } catch {
    return false
  }
}

function startKeeper({ binaries, owner }: Installation): void {
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch {
    // Another process was faster.
    return
  }
  mkdirSync(join(folder, 'users'), { mode: 0o700 })
  const log = openSync(join(folder, 'keeper.log'), 'a', 0o600)
  if (owner) for (const path of ['', 'users', 'keeper.log']) chownSync(join(folder, path), owner.uid, owner.gid)
  spawn('sh', [keeper, folder, binaries], { ...owner, cwd: '/', detached: true, stdio: ['ignore', log, log] }).unref()
}

/** Whether the folder was left behind by a keeper that was killed. */
function isAbandoned(): boolean {
  try {
    const pid = Number(readFileSync(join(folder, 'keeper.pid'), 'utf8'))
    if (pid > 0) process.kill(pid, 0)
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH'
  }
}

function readLogs(): string {
  const read = (name: string) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : '')
  return ['keeper.log', 'initdb.log', 'postgres.log'].map(read).join('')
}
