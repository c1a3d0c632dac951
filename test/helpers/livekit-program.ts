/** A real LiveKit server, where `scripts/install-livekit.sh` has built one. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { livekitKey } from './livekit.ts'
import { freePort } from './program.ts'

const sample = new URL('../../packaging/livekit.yaml', import.meta.url)
const program = fileURLToPath(new URL('../../.cache/livekit/bin/server', import.meta.url))

/** A reason to skip a test, or false. */
export const livekitMissing: string | false = existsSync(program) ? false : 'there is no .cache/livekit/bin/server'

export interface LivekitProgram extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
}

/** Starts it on loopback, and else as packaging/livekit.yaml says; `webhook` is where it tells its news. */
export async function startLivekitProgram(port: number, webhook: string, autoCreate = false): Promise<LivekitProgram> {
  const given = parse(readFileSync(sample, 'utf8'))
  const config = {
    ...given,
    port,
    bind_addresses: ['127.0.0.1'],
    rtc: {
      tcp_port: await freePort(),
      udp_port: await freePort(),
      use_external_ip: false,
      node_ip: '127.0.0.1',
      enable_loopback_candidate: true,
      interfaces: { includes: ['lo'] },
    },
    ...(autoCreate && { room: { auto_create: true } }),
    keys: { [livekitKey.api_key]: livekitKey.api_secret },
    webhook: { ...given.webhook, urls: [webhook] },
    logging: { level: 'error' },
  }
  const child = spawn(program, ['--config-body', JSON.stringify(config)], { stdio: 'ignore' })
  const url = `http://127.0.0.1:${port}`
  for (let i = 0; i < 200; i++) {
    if (await fetch(url).then(Boolean, () => false)) break
    await pause(50)
  }
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}
