import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { derive } from '../../src/config/derive.ts'
import { type Config, configSchema } from '../../src/config/schema.ts'
import type { AppContext } from '../../src/context.ts'
import type { ContextOptions } from '../../src/create-context.ts'
import type { DeviceId, UserId } from '../../src/matrix/ids.ts'
import { createServer } from '../../src/server.ts'
import { silentLog } from '../../src/util/log.ts'
import { type Client, createClient } from './client.ts'
import type { Engine } from './engines.ts'
import { createPostgresDatabase, type PostgresDatabase } from './postgres.ts'

export interface TestServerOptions extends ContextOptions {
  /** Default SQLite; PostgreSQL gets a new database that is dropped at the end. */
  engine?: Engine
  /** Keys of the configuration that differ from those of tests, in the form of the file. */
  config?: Record<string, unknown>
  /** Keep using this folder: for restarts. Without it a temporary one is made and removed. */
  dataDir?: string
}

/** Somebody who is logged in. */
export interface TestUser extends Client {
  readonly userId: UserId
  readonly deviceId: DeviceId
  readonly accessToken: string
}

export interface TestServer extends AsyncDisposable {
  readonly url: string
  readonly dataDir: string
  readonly context: AppContext
  /** Without a token. */
  readonly client: Client
  /** A new account whose password is the exported `password`. */
  user(name: string, options?: { admin?: boolean; deviceId?: string }): Promise<TestUser>
  /** Another device of an account that `user` made. */
  login(name: string, deviceId?: string): Promise<TestUser>
  stop(): Promise<void>
}

export const password = 'correct horse battery staple'

export function testConfig(dataDir: string, overrides: Record<string, unknown> = {}): Config {
  const { registration = {}, ...others } = overrides
  const raw = {
    data_dir: dataDir,
    listeners: [{ port: 0 }],
    registration: { enabled: true, password_hash: { memory: '8KiB', passes: 1 }, ...Object(registration) },
    rate_limits: { enabled: false },
    outbound: { allow_private_addresses: true },
    ...others,
  }
  return derive(configSchema.parse(raw), dataDir)
}

/** A whole server in this process, on a free port of the loopback interface. Stop it, or hold it with `await using`. */
export async function createTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'ringback-test-'))
  const database = options.engine === 'postgres' ? await createPostgresDatabase() : undefined
  const overrides = { ...options.config, ...(database && { database: { url: database.url } }) }
  const config = testConfig(dataDir, overrides)
  const server = await createServer(config, { log: silentLog, ...options })
  await server.start()
  const url = server.urls[0] ?? ''
  config.public_url = url
  const client = createClient(url)
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= server.stop().then(() => cleanUp(options.dataDir === undefined ? dataDir : undefined, database))
    return stopped
  }
  return {
    url,
    dataDir,
    context: server.context,
    client,
    user: async (name, { admin = false, deviceId } = {}) => {
      const { registration } = server.context.accounts
      const { grant } = await registration.register({ username: name, password, isAdmin: admin, device: { deviceId } })
      if (!grant) throw new Error('registered without a login')
      return loggedIn(client, grant.userId, grant.deviceId, grant.accessToken)
    },
    login: async (name, deviceId) => {
      const grant = await server.context.accounts.login.withPassword(name, password, { deviceId })
      return loggedIn(client, grant.userId, grant.deviceId, grant.accessToken)
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function loggedIn(client: Client, userId: UserId, deviceId: DeviceId, accessToken: string): TestUser {
  return { ...client.as(accessToken), userId, deviceId, accessToken }
}

async function cleanUp(dataDir: string | undefined, database: PostgresDatabase | undefined): Promise<void> {
  if (dataDir !== undefined) rmSync(dataDir, { recursive: true, force: true })
  await database?.drop()
}
