import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Federation, Launcher, LoopDelay, Server } from './server.ts'
import { freePort, spawnServer, stopProcess } from './spawn.ts'

const ROOT = dirname(dirname(import.meta.dirname))
const WATCHER = join(import.meta.dirname, 'loop-watcher.ts')

/** Those of `npm start`. */
const START_OPTIONS = ['--max-semi-space-size=16']

/** Ringback from this checkout with its default settings, except that registration is open, nothing is rate limited and push gateways may be on this machine. */
export function ringbackLauncher(profileDir?: string): Launcher {
  const profiling = profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`]
  return {
    name: 'ringback',
    owned: true,
    async start(folder, federation) {
      const { port, sharedSecret, configFile, dataDir, serverName } = await prepare(folder, federation)
      const address = { host: '127.0.0.1', port }
      const { child, pid, startMs } = await spawnServer(
        [process.execPath, ...START_OPTIONS, ...profiling, '--import', `file://${WATCHER}`, 'src/main.ts'],
        { cwd: ROOT, env: environment(configFile), logFile: join(folder, 'server.log'), ipc: true },
        address,
      )
      return {
        address,
        pids: [pid],
        dataDir,
        sharedSecret,
        serverName,
        startMs,
        watchLoop: () => watchLoop(child),
        stop: () => stopProcess(child),
      } satisfies Server
    },
    // Only whoever fills loads the server's code.
    fill: async (folder, fill) => {
      const { fillStore } = await import('../fill/fill-store.ts')
      await fillStore(`sqlite:${join(folder, 'data', 'ringback.db')}`, fill)
    },
    fillMedia: async (folder, fill) => {
      const { fillMedia } = await import('../fill/fill-media.ts')
      fillMedia(folder, fill)
    },
    scheduleSweep: async (folder, delayMs) => {
      const { scheduleSweep } = await import('../fill/fill-media.ts')
      return scheduleSweep(folder, delayMs)
    },
  }
}

async function prepare(folder: string, federation: Federation | undefined) {
  const settingsFile = join(folder, 'bench.json')
  if (!existsSync(settingsFile)) {
    const settings = [String(await freePort()), randomBytes(16).toString('hex'), String(await freePort())]
    writeFileSync(settingsFile, JSON.stringify(settings))
  }
  const settings: unknown = JSON.parse(readFileSync(settingsFile, 'utf8'))
  const [port, sharedSecret, federationPort] = Array.isArray(settings) ? settings.map(String) : []
  if (port === undefined || sharedSecret === undefined) throw new Error(`${settingsFile} is not readable`)
  const serverName = federation && `localhost:${federationPort}`
  const dataDir = join(folder, 'data')
  mkdirSync(dataDir, { recursive: true })
  const configFile = join(folder, 'config.yaml')
  // JSON is YAML, too.
  const config = {
    server_name: serverName ?? 'localhost',
    data_dir: dataDir,
    listeners: [
      { host: '127.0.0.1', port: Number(port) },
      ...(federation ? [federationListener(Number(federationPort), federation)] : []),
    ],
    ...(federation && { federation: { extra_ca_file: federation.caFile } }),
    registration: { enabled: true, shared_secret: sharedSecret },
    rate_limits: { enabled: false },
    media: { max_upload: '2GB' },
    // The push gateway is the load generator.
    outbound: { allow_private_addresses: true },
  }
  writeFileSync(configFile, JSON.stringify(config, undefined, 2))
  return { port: Number(port), sharedSecret, configFile, dataDir, serverName }
}

function federationListener(port: number, { certFile, keyFile }: Federation) {
  return { host: '127.0.0.1', port, tls: { cert_file: certFile, key_file: keyFile }, serves: ['federation'] }
}

/** The environment without settings of the person who runs the benchmark. */
function environment(configFile: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([key]) => !key.startsWith('RINGBACK'))
  return { ...Object.fromEntries(own), RINGBACK_CONFIG: configFile }
}

function watchLoop(child: ChildProcess): { stop(): Promise<LoopDelay> } {
  child.send('watch')
  return {
    stop: () =>
      new Promise((resolve, reject) => {
        child.once('message', (message) => {
          if (isLoopDelay(message)) resolve(message)
          else reject(new Error('the loop watcher sent something else'))
        })
        child.once('exit', () => reject(new Error('the server ended during the measurement')))
        child.send('report')
      }),
  }
}

function isLoopDelay(message: unknown): message is LoopDelay {
  return typeof message === 'object' && message !== null && 'p99' in message && 'max' in message && 'ownMax' in message
}
