import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Federation, Launcher, Server } from './server.ts'
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
    async start(folder, federation) {
      install()
      const { port, dataDir, serverName } = await prepare(folder, federation)
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
        serverName: federation && serverName,
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

async function prepare(folder: string, federation: Federation | undefined) {
  const dataDir = join(folder, 'data')
  const overrides = join(folder, 'bench.yaml')
  if (!existsSync(overrides)) {
    mkdirSync(dataDir, { recursive: true })
    const federationPort = await freePort()
    const serverName = federation ? `localhost:${federationPort}` : 'localhost'
    const generate = ['--generate-config', '--server-name', serverName, '--report-stats', 'no']
    const paths = ['--config-path', join(folder, 'homeserver.yaml'), '--data-directory', dataDir]
    execFileSync(PYTHON, ['-m', 'synapse.app.homeserver', ...generate, ...paths], { cwd: folder, stdio: 'ignore' })
    // JSON is YAML, too.
    const others = federation && { ...federation, port: federationPort }
    writeFileSync(overrides, JSON.stringify(settings(await freePort(), others), undefined, 2))
  }
  const port = Number(/"port": (\d+)/.exec(readFileSync(overrides, 'utf8'))?.[1])
  const serverName = /^server_name: "(.*)"/m.exec(readFileSync(join(folder, 'homeserver.yaml'), 'utf8'))?.[1]
  return { port, dataDir, serverName }
}

function settings(port: number, others: (Federation & { port: number }) | undefined) {
  const listener = { type: 'http', bind_addresses: ['127.0.0.1'] }
  return {
    listeners: [
      { ...listener, port, resources: [{ names: ['client', 'federation'] }] },
      ...(others ? [{ ...listener, port: others.port, tls: true, resources: [{ names: ['federation'] }] }] : []),
    ],
    ...(others && {
      tls_certificate_path: others.certFile,
      tls_private_key_path: others.keyFile,
      federation_custom_ca_list: [others.caFile],
      ip_range_blacklist: [],
      federation_ip_range_blacklist: [],
      rc_federation: { window_size: 1000, sleep_limit: 10_000, sleep_delay: 1, reject_limit: 10_000, concurrent: 100 },
    }),
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
