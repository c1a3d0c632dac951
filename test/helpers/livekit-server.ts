/** A real livekit-server on the loopback interface, where it has been built. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { livekitKey } from './livekit.ts'
import { freePort } from './program.ts'

const sample = new URL('../../packaging/livekit.yaml', import.meta.url)
const program = fileURLToPath(new URL('../../.cache/livekit/bin/server', import.meta.url))

/** Why there is no LiveKit here, or false: for the `skip` option of a test. */
export const livekitServerMissing: string | false = existsSync(program)
  ? false
  : 'there is no livekit-server: scripts/install-livekit.sh'

export interface LivekitServerProcess extends AsyncDisposable {
  /** What it wrote to its log. */
  log(): string
}

export interface LivekitServerOptions {
  readonly port: number
  /** Where it tells of participants. */
  readonly webhookUrl: string
  /** Lets calls open for whoever has a token, which is not what packaging/livekit.yaml says. */
  readonly autoCreate?: boolean
}

/** Starts it as packaging/livekit.yaml says, but for its addresses. */
export async function startLivekitServer({
  port,
  webhookUrl,
  autoCreate = false,
}: LivekitServerOptions): Promise<LivekitServerProcess> {
  const { api_key: key, api_secret: secret } = livekitKey
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
    keys: { [key]: secret },
    webhook: { ...given.webhook, urls: [webhookUrl] },
    logging: { level: 'info', json: true },
  }
  const child = spawn(program, ['--config-body', JSON.stringify(config)], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      text += chunk
    })
  }
  const ended = once(child, 'close')
  await new Promise<void>((resolve, reject) => {
    const look = () => /starting LiveKit server/.test(text) && resolve()
    for (const stream of [child.stdout, child.stderr]) stream.on('data', look)
    ended.then(() => reject(new Error(`livekit-server ended: ${text}`)), reject)
  })
  return {
    log: () => text,
    [Symbol.asyncDispose]: async () => {
      // It would wait for people who have not said goodbye, and there is nothing to save.
      child.kill('SIGKILL')
      await ended
    },
  }
}
