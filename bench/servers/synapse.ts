import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Launcher, Server } from './server.ts'
import { freePort, spawnServer, stopProcess } from './spawn.ts'

const ROOT = dirname(dirname(import.meta.dirname))
const VENV = join(ROOT, '.cache', 'synapse')
const PYTHON = join(VENV, 'bin', 'python')
const SHARED_SECRET = 'bench-shared-secret'

/** Per second and burst: more than any machine reaches. */
const UNLIMITED = { per_second: 1_000_000, burst_count: 1_000_000 }

/** Synapse from PyPI on SQLite with its generated configuration, except for rate limits, registration and cheap passwords. */
export function synapseLauncher(): Launcher {
  return {
    name: 'synapse',
    owned: true,
    async start(folder) {
      install()
      const { port, dataDir } = await prepare(folder)
      const address = { host: '127.0.0.1', port }
      const { child, pid, startMs } = await spawnServer(
        [PYTHON, '-m', 'synapse.app.homeserver', ...configFiles(folder)],
        { cwd: dataDir, env: process.env, logFile: join(folder, 'server.log') },
        address,
      )
      return {
        address,
        pids: [pid],
        dataDir,
        sharedSecret: SHARED_SECRET,
        startMs,
        watchLoop: undefined,
        stop: () => stopProcess(child),
      } satisfies Server
    },
  }
}

function configFiles(folder: string): string[] {
  return ['-c', join(folder, 'homeserver.yaml'), '-c', join(folder, 'bench.yaml')]
}

function install(): void {
  if (existsSync(join(VENV, 'bin', 'synapse_homeserver'))) return
  mkdirSync(dirname(VENV), { recursive: true })
  process.stderr.write(`installing matrix-synapse from PyPI into ${VENV}\n`)
  execFileSync('python3', ['-m', 'venv', VENV], { stdio: 'inherit' })
  execFileSync(PYTHON, ['-m', 'pip', 'install', '--quiet', 'matrix-synapse'], { stdio: 'inherit' })
}

async function prepare(folder: string): Promise<{ port: number; dataDir: string }> {
  const dataDir = join(folder, 'data')
  const overrides = join(folder, 'bench.yaml')
  if (!existsSync(overrides)) {
    mkdirSync(dataDir, { recursive: true })
    const generate = ['--generate-config', '--server-name', 'localhost', '--report-stats', 'no']
    const paths = ['--config-path', join(folder, 'homeserver.yaml'), '--data-directory', dataDir]
    execFileSync(PYTHON, ['-m', 'synapse.app.homeserver', ...generate, ...paths], { cwd: folder, stdio: 'ignore' })
    // JSON is YAML, too.
    writeFileSync(overrides, JSON.stringify(settings(await freePort()), undefined, 2))
  }
  const port = Number(/"port": (\d+)/.exec(readFileSync(overrides, 'utf8'))?.[1])
  return { port, dataDir }
}

function settings(port: number) {
  return {
    listeners: [
      { port, type: 'http', bind_addresses: ['127.0.0.1'], resources: [{ names: ['client', 'federation'] }] },
    ],
    trusted_key_servers: [],
    soft_file_limit: 0,
    registration_shared_secret: SHARED_SECRET,
    enable_registration: true,
    enable_registration_without_verification: true,
    // Passwords are not measured, and hashing thousands of them would take longer than everything else.
    bcrypt_rounds: 4,
    presence: { enabled: false },
    // Otherwise a repeated initial sync is answered from a two-minute cache.
    caches: { sync_response_cache_duration: '0s' },
    rc_message: UNLIMITED,
    rc_registration: UNLIMITED,
    rc_login: { address: UNLIMITED, account: UNLIMITED, failed_attempts: UNLIMITED },
    rc_joins: { local: UNLIMITED, remote: UNLIMITED },
    rc_joins_per_room: UNLIMITED,
    rc_invites: { per_room: UNLIMITED, per_user: UNLIMITED, per_issuer: UNLIMITED },
    rc_room_creation: UNLIMITED,
    rc_presence: { per_user: UNLIMITED },
    rc_admin_redaction: UNLIMITED,
    rc_user_directory: UNLIMITED,
    rc_reports: UNLIMITED,
  }
}
