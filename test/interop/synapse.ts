/** Synapse as a process of its own, as the other server. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { DeviceId, ServerName, UserId } from '../../src/matrix/ids.ts'
import { createClient } from '../helpers/client.ts'
import { type Gate, openGate } from '../helpers/federation/gate.ts'
import { localAuthority, withoutOpenssl } from '../helpers/federation/test-authority.ts'
import { freePort } from '../helpers/program.ts'
import { password, type TestUser } from '../helpers/server.ts'

const python = fileURLToPath(new URL('../../.cache/synapse/bin/python', import.meta.url))

/** Why there is no Synapse to test with; false where there is one. `npm run test:interop` installs it. */
export const withoutSynapse: string | false =
  withoutOpenssl || (existsSync(python) ? false : 'Synapse is not installed in .cache/synapse')

const startLimitMs = 120_000

export interface Synapse extends AsyncDisposable {
  readonly serverName: ServerName
  /** Between it and other servers. */
  readonly gate: Gate
  register(name: string): Promise<TestUser>
  /** Another device of an account that `register` made. */
  login(name: string): Promise<TestUser>
  stop(): Promise<void>
}

export async function startSynapse(): Promise<Synapse> {
  const folder = mkdtempSync(join(tmpdir(), 'ringback-synapse-'))
  const gate = await openGate()
  const serverName = `localhost:${gate.port}` as ServerName
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const files = writeConfiguration(folder, serverName, port)
  const log = openSync(join(folder, 'output.log'), 'a')
  const argv = ['-m', 'synapse.app.homeserver', ...files.flatMap((file) => ['-c', file])]
  const child = spawn(python, argv, { cwd: folder, stdio: ['ignore', log, log] })
  const stop = async () => {
    await endProcess(child)
    await gate.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await untilAnswering(url, child)
  } catch (error) {
    const output = readFileSync(join(folder, 'output.log'), 'utf8').slice(-3000)
    await stop()
    throw new Error(`Synapse did not start:\n${output}`, { cause: error })
  }
  gate.target = url
  return {
    serverName,
    gate,
    register: (name) => register(url, name),
    login: (name) => login(url, name),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function writeConfiguration(folder: string, serverName: string, port: number): string[] {
  const files = [join(folder, 'homeserver.yaml'), join(folder, 'test.yaml')] as const
  const generate = ['--generate-config', '--server-name', serverName, '--report-stats', 'no']
  const paths = ['--config-path', files[0], '--data-directory', folder]
  execFileSync(python, ['-m', 'synapse.app.homeserver', ...generate, ...paths], { cwd: folder, stdio: 'pipe' })
  // JSON is YAML, too.
  writeFileSync(files[1], JSON.stringify(settings(port)))
  return [...files]
}

const unlimited = { per_second: 1_000_000, burst_count: 1_000_000 }

function settings(port: number) {
  return {
    listeners: [
      {
        port,
        type: 'http',
        x_forwarded: true,
        bind_addresses: ['127.0.0.1'],
        resources: [{ names: ['client', 'federation'] }],
      },
    ],
    federation_custom_ca_list: [localAuthority().caFile],
    ip_range_blacklist: [],
    federation_ip_range_blacklist: [],
    trusted_key_servers: [],
    allow_public_rooms_over_federation: true,
    room_list_publication_rules: [{ action: 'allow' }],
    // Otherwise a repeated initial sync is answered from a cache.
    caches: { sync_response_cache_duration: '0s' },
    // Servers that were cut off are asked again soon.
    federation: {
      destination_min_retry_interval: 200,
      destination_max_retry_interval: 500,
      destination_retry_multiplier: 1,
      client_timeout: '10s',
      max_short_retries: 0,
    },
    soft_file_limit: 0,
    enable_registration: true,
    enable_registration_without_verification: true,
    bcrypt_rounds: 4,
    presence: { enabled: true },
    rc_message: unlimited,
    rc_registration: unlimited,
    rc_login: { address: unlimited, account: unlimited, failed_attempts: unlimited },
    rc_joins: { local: unlimited, remote: unlimited },
    rc_joins_per_room: unlimited,
    rc_invites: { per_room: unlimited, per_user: unlimited, per_issuer: unlimited },
    rc_room_creation: unlimited,
    rc_federation: { window_size: 1000, sleep_limit: 10_000, sleep_delay: 1, reject_limit: 10_000, concurrent: 100 },
  }
}

async function untilAnswering(url: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + startLimitMs
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`)
    const isReady = await fetch(`${url}/_matrix/client/versions`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isReady) return
    await delay(100)
  }
  throw new Error('it does not answer')
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

interface Entered {
  user_id: UserId
  device_id: DeviceId
  access_token: string
}

async function register(url: string, username: string): Promise<TestUser> {
  return enter(url, 'register', { username, password, auth: { type: 'm.login.dummy' } })
}

async function login(url: string, user: string): Promise<TestUser> {
  return enter(url, 'login', { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password })
}

async function enter(url: string, how: string, body: object): Promise<TestUser> {
  const client = createClient(url, { unchecked: true })
  const answer = await client.post<Entered>(`/_matrix/client/v3/${how}`, body)
  const { user_id: userId, device_id: deviceId, access_token: accessToken } = answer
  return { ...client.as(accessToken), userId, deviceId, accessToken }
}
