import { once } from 'node:events'
import { join } from 'node:path'
import type { DeviceId, UserId } from '../../src/matrix/ids.ts'
import { type Client, createClient } from './client.ts'
import { type Program, startProgram, temporaryFolder } from './program.ts'
import type { TestUser } from './server.ts'

export interface ServerProcessOptions {
  /** Keep using this folder: for restarts. Default: a temporary one that goes when the test ends. */
  dataDir?: string
  /** `database.url`; default SQLite in the data folder. */
  databaseUrl?: string
  /** More settings, as `RINGBACK__SECTION__KEY`. */
  env?: Record<string, string>
}

/** The program as people run it: a process of its own, with what it has on disk and nothing else. */
export interface ServerProcess {
  readonly url: string
  readonly dataDir: string
  readonly pid: number
  readonly program: Program
  /** Without a token. */
  readonly client: Client
  /** Registers an account over HTTP, with `password`. */
  register(name: string): Promise<TestUser>
  /** As a power cut would; resolves when the process is gone. */
  kill(): Promise<void>
  /** Ends it politely and resolves with the exit code. */
  stop(): Promise<number | null>
}

export const processPassword = 'a password of some length'

/** Starts the server on a free port and resolves when it answers. It is killed when the test ends. */
export async function startServerProcess(
  t: { after(fn: () => unknown): void },
  options: ServerProcessOptions = {},
): Promise<ServerProcess> {
  const dataDir = options.dataDir ?? join(temporaryFolder(t), 'data')
  const program = startProgram(['serve'], { env: { ...settings(dataDir, options.databaseUrl), ...options.env } })
  const { child } = program
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  t.after(kill)
  const [, url = ''] = await program.printed(/Ringback serves \S+ at (http:\/\/[\d.:]+)/)
  const client = createClient(url)
  return {
    url,
    dataDir,
    pid: child.pid ?? 0,
    program,
    client,
    register: (name) => register(client, name),
    kill,
    stop: async () => {
      child.kill('SIGTERM')
      return (await program.ended).code
    },
  }
}

function settings(dataDir: string, databaseUrl: string | undefined): Record<string, string> {
  return {
    RINGBACK__DATA_DIR: dataDir,
    RINGBACK__LISTENERS__0__PORT: '0',
    RINGBACK__REGISTRATION__ENABLED: 'true',
    RINGBACK__RATE_LIMITS__ENABLED: 'false',
    ...(databaseUrl === undefined ? {} : { RINGBACK__DATABASE__URL: databaseUrl }),
  }
}

async function register(client: Client, username: string): Promise<TestUser> {
  const { user_id, device_id, access_token } = await client.post<{
    user_id: UserId
    device_id: DeviceId
    access_token: string
  }>('/_matrix/client/v3/register', { username, password: processPassword, auth: { type: 'm.login.dummy' } })
  return { ...client.as(access_token), userId: user_id, deviceId: device_id, accessToken: access_token }
}
