import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ConfigError } from './config-error.ts'
import type { Environment } from './environment.ts'
import { loadConfig } from './load.ts'

const cwd = mkdtempSync(join(tmpdir(), 'ringback-config-'))
after(() => rmSync(cwd, { recursive: true }))

function load(yaml: string, env: Environment = {}) {
  writeFileSync(join(cwd, 'c.yaml'), yaml)
  return loadConfig({ cwd, env: { RINGBACK_CONFIG: 'c.yaml', ...env } })
}

function problemsOf(yaml: string, env: Environment = {}): readonly string[] {
  try {
    load(yaml, env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

test('without a file everything has the documented default', () => {
  const { config, source, warnings } = loadConfig({ cwd, env: {} })
  assert.equal(source, undefined)
  assert.deepEqual(warnings, [])
  assert.equal(config.server_name, 'localhost')
  assert.equal(config.public_url, 'http://127.0.0.1:8008')
  assert.equal(config.data_dir, join(cwd, 'data'))
  assert.equal(config.database.url, `sqlite:${join(cwd, 'data', 'ringback.db')}`)
  assert.equal(config.registration.enabled, false)
  assert.deepEqual(config.rate_limits.login, { perSecond: 0.2, burst: 10 })
  assert.equal(config.rooms.default_version, '12')
  assert.equal(config.media.delivery.redacted_grace, 86_400_000)
  assert.equal(config.voip.calls.cancel_after, 5_000)
  assert.equal(config.bots.voicemail.link_lifetime, 600_000)
  assert.deepEqual(config.bots.quota, { images_per_user_day: 10, images_per_user_minute: 2, images_per_room_day: 30 })
  assert.deepEqual(config.listeners[0]?.serves, ['client', 'federation', 'media', 'admin', 'pages'])
})

test('config.yaml of the working folder is read, and paths start at the folder of the file', () => {
  writeFileSync(
    join(cwd, 'config.yaml'),
    'server_name: a.test\ndatabase: {url: "sqlite:x/y.db"}\ndata_dir: d\npublic_url: https://a.test/\n',
  )
  const { config, source } = loadConfig({ cwd, env: {} })
  rmSync(join(cwd, 'config.yaml'))
  assert.equal(source, join(cwd, 'config.yaml'))
  assert.equal(config.database.url, `sqlite:${join(cwd, 'x/y.db')}`)
  assert.equal(config.data_dir, join(cwd, 'd'))
  assert.equal(config.public_url, 'https://a.test')
})

test('every key of the contract validates', () => {
  const { config } = load(`
server_name: example.org:8448
listeners:
  - {host: "::1", port: 8448, tls: {cert_file: c.pem, key_file: k.pem}, serves: [client, federation]}
registration: {enabled: true, require_token: true, shared_secret: s}
federation: {enabled: true, extra_ca_file: ca.pem}
outbound: {allow_private_addresses: true}
appservices: {registration_files: [a.yaml, /b.yaml]}
rooms: {default_version: 10}
media: {max_upload: 1MiB, sweep_interval: 500, delivery: {scope: all, grace: 0, max_lifetime: 1d}}
voip:
  turn: {uris: ["turn:t.test?transport=udp"], shared_secret: s, ttl: 60s}
  livekit: {url: wss://l.test, internal_url: http://127.0.0.1:7880, api_key: k, api_secret: s}
webhooks: [{url: "http://h.test/x", secret: s, events: [call.missed]}]
bots:
  voicemail: {max_length: 60s, prompt_on: [timeout]}
  assistant: {transcribe: all}
  models:
    image: [{name: f, kind: flux, api_key: k, model: flux-2-pro}]
    transcription: [{name: c, kind: command, options: {argv: [x, "{file}"]}}]
  quota: {budget_cents_month: 5}
  external: [{path: bot.ts, config: {a: 1}}]
`)
  assert.equal(config.public_url, 'https://[::1]:8448')
  assert.equal(config.listeners[0]?.tls?.cert_file, join(cwd, 'c.pem'))
  assert.deepEqual(config.appservices.registration_files, [join(cwd, 'a.yaml'), '/b.yaml'])
  assert.equal(config.rooms.default_version, '10')
  assert.equal(config.media.max_upload, 1_048_576)
  assert.equal(config.media.delivery.grace, 0)
  assert.equal(config.bots.external[0]?.path, join(cwd, 'bot.ts'))
})

test('the environment overrides the file, whatever the type of the key', () => {
  const { config } = load('log: {level: warn}\nregistration: {shared_secret: old}\n', {
    RINGBACK__LOG__LEVEL: 'debug',
    RINGBACK__REGISTRATION__ENABLED: 'true',
    RINGBACK__REGISTRATION__SHARED_SECRET: '0123',
    RINGBACK__MEDIA__MAX_UPLOAD: '5MiB',
    RINGBACK__MEDIA__SWEEP_INTERVAL: '100',
    RINGBACK__LISTENERS__0__PORT: '9000',
    RINGBACK__LISTENERS__1: '{port: 9001, serves: [admin]}',
    RINGBACK__VOIP__TURN: '{uris: ["turn:a"], shared_secret: x}',
    RINGBACK__APPSERVICES__REGISTRATION_FILES: 'a.yaml, b.yaml',
    RINGBACK__ROOMS__DEFAULT_VERSION: '11',
  })
  assert.equal(config.log.level, 'debug')
  assert.equal(config.registration.shared_secret, '0123')
  assert.equal(config.media.max_upload, 5_242_880)
  assert.deepEqual(
    config.listeners.map((listener) => listener.port),
    [9000, 9001],
  )
  assert.equal(config.appservices.registration_files.length, 2)
  assert.equal(config.rooms.default_version, '11')
})

test('secrets come from files, and the environment beats the file in any spelling', () => {
  writeFileSync(join(cwd, 's.txt'), 'from file\n')
  assert.equal(load('registration: {shared_secret_file: s.txt}').config.registration.shared_secret, 'from file')
  const env = { RINGBACK__REGISTRATION__SHARED_SECRET_FILE: 's.txt' }
  assert.equal(load('registration: {shared_secret: other}', env).config.registration.shared_secret, 'from file')
  const plain = { RINGBACK__REGISTRATION__SHARED_SECRET: 'plain' }
  assert.equal(load('registration: {shared_secret_file: s.txt}', plain).config.registration.shared_secret, 'plain')
  assert.match(problemsOf('registration: {shared_secret_file: none}')[0] ?? '', /shared_secret_file is "none".*ENOENT/)
  const both = problemsOf('registration: {shared_secret_file: s.txt, shared_secret: x}')
  assert.match(both[0] ?? '', /are both set; remove one/)
})

test('errors name the key, the value and the fix', () => {
  const cases: [string, RegExp][] = [
    ['registraton: {}', /^registraton is not a known key; did you mean registration\?$/],
    [
      'registration: {enabeld: true}',
      /^registration\.enabeld is not a known key; did you mean registration\.enabled\?$/,
    ],
    ['log: {zzzzzzzz: 1}', /^log\.zzzzzzzz is not a known key; the keys there are level, format\.$/],
    ['log: {level: loud}', /^log\.level is "loud", but must be one of trace, debug, /],
    ['registration: {enabled: "yes"}', /^registration\.enabled is "yes", but must be true or false\.$/],
    ['server_name: "http://x"', /^server_name is "http:\/\/x", but must be a host name such as example\.org/],
    ['server_name: 5', /^server_name is 5, but must be text \(put it in quotes\)\.$/],
    ['media: {max_upload: big}', /^media\.max_upload is "big", but must be a size such as /],
    ['media: {delivery: {grace: -1}}', /^media\.delivery\.grace is -1, but must be a duration such as 30s/],
    ['media: {delivery: {grace: [1]}}', /^media\.delivery\.grace is \[1\], but must be a duration/],
    ['listeners: [{port: 70000}]', /^listeners\[0\]\.port is 70000, but must be at most 65535\.$/],
    [
      'listeners: [{trusted_proxies: [10.0.0.0/33]}]',
      /^listeners\[0\]\.trusted_proxies\[0\] is "10.0.0.0\/33", but must be an address or a range/,
    ],
    ['listeners: []', /^listeners is \[\], but must not be empty\.$/],
    ['listeners: [{}, {}]', /^listeners\[1\] listens on 127\.0\.0\.1:8008 like a listener before it/],
    ['rooms: {default_version: 99}', /^rooms\.default_version is 99, but must be one of 1, 2, /],
    ['voip: {livekit: {url: wss://x}}', /^voip\.livekit\.api_key is missing: The name of a key/],
    ['database: {url: "mysql://user:pw@h"}', /^database\.url is set, but must be sqlite:PATH or postgres/],
    ['public_url: example.org', /^public_url is "example\.org", but must be an address such as https/],
    ['bots: {voicemail: {localpart: Mail}}', /^bots\.voicemail\.localpart is "Mail", but must be made of a-z/],
    ['bots: {voicemail: {localpart: assistant}}', /^bots\.assistant\.localpart is "assistant" like/],
    ['- a', /must hold keys and values/],
    ['a: [', /is not valid YAML: .*line/],
    ['a: 1\na: 2', /is not valid YAML: .*unique/],
    ['account_validity: {period: 7d}', /renew_at is not shorter than account_validity.period/],
    ['account_validity: {period: 0}', /account_validity.period.*longer than nothing/],
  ]
  for (const [yaml, expected] of cases) assert.match(problemsOf(yaml)[0] ?? 'no problem', expected, yaml)
})

test('all problems are reported together, secrets never', () => {
  const problems = problemsOf('log: {level: x}\nregistration: {shared_secret: ""}\nfoo: 1\n')
  assert.equal(problems.length, 3)
  assert.doesNotMatch(problemsOf('database: {url: "mysql://user:hunter2@h"}').join(), /hunter2/)
  assert.match(new ConfigError(problems).message, /\(and 2 more: /)
})

test('a variable that sets no key is an error, one that almost does a warning', () => {
  assert.match(problemsOf('', { RINGBACK__LOG__LEVL: 'info' })[0] ?? '', /did you mean RINGBACK__LOG__LEVEL\?/)
  assert.match(problemsOf('', { RINGBACK__NONSENSE: 'x' })[0] ?? '', /sets no known key; known here: server_name/)
  assert.match(
    problemsOf('', { RINGBACK__LOG__LEVEL: 'loud' })[0] ?? '',
    /^log\.level \(set by RINGBACK__LOG__LEVEL\) is "loud"/,
  )
  const { warnings } = load('', { RINGBACK_LOG_LEVEL: 'debug', RINGBACK_TOKEN: 'x' })
  assert.deepEqual(warnings, ['RINGBACK_LOG_LEVEL is ignored; did you mean RINGBACK__LOG__LEVEL?'])
})

test('what is seldom meant is warned about', () => {
  assert.match(load('registration: {enabled: true}').warnings[0] ?? '', /anybody who finds this server/)
  assert.match(load('server_name: example.org').warnings[0] ?? '', /public_url is http/)
})

test('a named file must exist', () => {
  assert.throws(() => loadConfig({ cwd, env: { RINGBACK_CONFIG: 'gone.yaml' } }), /gone\.yaml does not exist/)
})

test('an empty section counts as absent', () => {
  assert.deepEqual(problemsOf('log:\nregistration:\n  enabled:\n'), [])
})
