import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { derive } from '../../src/config/derive.ts'
import { type Config, configSchema } from '../../src/config/schema.ts'
import type { AppContext, ContextOptions } from '../../src/context.ts'
import { createServer } from '../../src/server.ts'
import { silentLog } from '../../src/util/log.ts'

export interface TestServerOptions extends ContextOptions {
  /** Keys of the configuration that differ from those of tests, in the form of the file. */
  config?: Record<string, unknown>
  /** Keep using this folder: for restarts. Without it a temporary one is made and removed. */
  dataDir?: string
}

export interface TestServer extends AsyncDisposable {
  readonly url: string
  readonly dataDir: string
  readonly context: AppContext
  stop(): Promise<void>
}

/** Argon2 at its cheapest. */
const passwordCost = { memoryKib: 8, passes: 1 }

export function testConfig(dataDir: string, overrides: Record<string, unknown> = {}): Config {
  const raw = {
    data_dir: dataDir,
    listeners: [{ port: 0 }],
    registration: { enabled: true, min_password_length: 1 },
    rate_limits: { enabled: false },
    outbound: { allow_private_addresses: true },
    ...overrides,
  }
  return derive(configSchema.parse(raw), dataDir)
}

/** A whole server in this process, on a free port of the loopback interface. */
export async function createTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'ringback-test-'))
  const config = testConfig(dataDir, options.config)
  const server = await createServer(config, { passwordCost, log: silentLog, ...options })
  await server.start()
  const url = server.urls[0] ?? ''
  config.public_url = url
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= server.stop().then(() => {
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true })
    })
    return stopped
  }
  return { url, dataDir, context: server.context, stop, [Symbol.asyncDispose]: stop }
}
