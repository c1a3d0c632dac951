import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { runCli } from '../src/cli/run.ts'
import { ffmpegMissing } from './helpers/ffmpeg.ts'
import { type FakeLivekit, livekitKey, startLivekit } from './helpers/livekit.ts'
import { freePort } from './helpers/program.ts'
import { createTestServer, type TestServer } from './helpers/server.ts'

interface Report {
  ok: boolean
  findings: { check: string; ok: boolean; text: string }[]
}

let livekit: FakeLivekit
let server: TestServer

before(async () => {
  livekit = await startLivekit(Date.now)
  server = await createTestServer({ config: { voip: { livekit: { internal_url: livekit.url, ...livekitKey } } } })
})
after(async () => {
  await server.stop()
  await livekit[Symbol.asyncDispose]()
})

async function doctor(changes: object, ...options: string[]) {
  const file = join(server.dataDir, 'doctor.yaml')
  const base = { data_dir: join(server.dataDir, 'none'), public_url: server.url }
  writeFileSync(file, JSON.stringify({ ...base, ...changes }))
  let printed = ''
  const sink = { write: (text: string) => (printed += text) }
  const io = { stdin: Readable.from([]), stdout: sink, stderr: sink }
  const code = await runCli(['doctor', '--config', file, ...options], io)
  return { code, printed }
}

async function report(changes: object): Promise<Report> {
  const { code, printed } = await doctor(changes, '--json')
  const found = JSON.parse(printed) as Report
  assert.equal(code, found.ok ? 0 : 1)
  return found
}

const wrong = ({ findings }: Report) =>
  findings.flatMap(({ check, ok, text }) => (ok || check === 'ffmpeg' ? [] : text))
const withLivekit = (changes: object = {}) => ({
  voip: { livekit: { internal_url: livekit.url, ...livekitKey, ...changes } },
})

test('a server that is as it should be is told so, in words and as JSON', { skip: ffmpegMissing }, async () => {
  const { code, printed } = await doctor(withLivekit())
  assert.equal(code, 0, printed)
  assert.doesNotMatch(printed, /WRONG/)
  for (const part of [
    'can be read',
    `Apps reach the server at ${server.url}`,
    'no TURN server',
    'knows the key ringback',
    'opens no calls by itself',
    'ffmpeg and ffprobe are installed',
  ]) {
    assert.ok(printed.includes(part), `${part} in ${printed}`)
  }
  const found = await report(withLivekit())
  assert.equal(found.ok, true)
  const checks = new Set(found.findings.map(({ check }) => check))
  assert.deepEqual([...checks], ['config', 'public_url', 'turn', 'livekit', 'ffmpeg'])
  assert.match((await doctor({})).printed, /no LiveKit server/)
})

test('each fault is named with what to do about it', async () => {
  const nobody = `http://127.0.0.1:${await freePort()}`
  const turnPort = await freePort()
  const cases: [string, object, RegExp[]][] = [
    ['nobody there', { public_url: nobody }, [/Apps do not reach the server at http.*ECONNREFUSED.*Does it run\?/]],
    ['another program', { public_url: livekit.url }, [/not reach the server.*answers 404/]],
    ['another key', withLivekit({ api_key: 'other' }), [/refuses the key other/, /does not know the key other/]],
    [
      'another secret',
      withLivekit({ api_secret: 'another secret that is long enough' }),
      [/refuses the key/, /not know the key/],
    ],
    [
      'LiveKit is away',
      withLivekit({ internal_url: nobody, url: livekit.url }),
      [/does not answer at http.*ECONNREFUSED/],
    ],
    [
      'apps go elsewhere',
      withLivekit({ url: nobody.replace('http', 'ws') }),
      [/Apps do not reach LiveKit at ws.*ECONNREFUSED/],
    ],
    ['no LiveKit', withLivekit({ internal_url: server.url }), [/is no LiveKit server: it says 404/]],
    [
      'TURN is away',
      { voip: { turn: { uris: [`turn:127.0.0.1:${turnPort}?transport=tcp`], shared_secret: 's' } } },
      [/^turn:127.* gives no relay: .*ECONNREFUSED/],
    ],
    ['not read', { server_nam: 'x' }, [/server_nam/]],
  ]
  for (const [what, changes, expected] of cases) {
    const texts = wrong(await report(changes))
    assert.equal(texts.length, expected.length, `${what}: ${texts.join('\n')}`)
    for (const [i, pattern] of expected.entries()) assert.match(texts[i] ?? '', pattern, what)
  }
})

test('a LiveKit server that opens calls by itself is dangerous', async () => {
  livekit.opensByItself = true
  try {
    assert.match(wrong(await report(withLivekit())).join(), /auto_create: false/)
  } finally {
    livekit.opensByItself = false
  }
})
