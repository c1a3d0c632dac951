import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { errors } from '../matrix/errors.ts'
import { createTestClock, systemClock } from '../util/clock.ts'
import { silentLog } from '../util/log.ts'
import { createApp } from './app.ts'
import { endpoint } from './endpoint.ts'
import { type Listener, listen } from './listen.ts'
import { createRateLimiter } from './rate-limit.ts'
import { createUpgrades, type Upgrade } from './upgrade.ts'

const greet: Upgrade = {
  path: '/live',
  handle: async ({ socket, url, ip, head }) => {
    socket.end(`HTTP/1.1 101 Switching Protocols\r\n\r\n${url} from ${ip} with ${head}`)
  },
}
const refusing: Upgrade = {
  path: '/prefix/',
  handle: async () => {
    throw errors.forbidden('Not you')
  },
}
const broken: Upgrade = {
  path: '/broken',
  limit: 'general',
  handle: async () => {
    throw new Error('secret detail')
  },
}
const stubborn: Upgrade = {
  path: '/stubborn',
  handle: async ({ socket }) => void socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
}
const hidden: Upgrade = { ...greet, path: '/pages', surface: 'pages' }

async function serve(): Promise<Listener> {
  const limiter = createRateLimiter(createTestClock(), { limits: { general: { perSecond: 0.001, burst: 1 } } })
  const plain = endpoint({ method: 'GET', path: '/plain', auth: 'none' }, () => ({ plain: true }))
  const authenticate = () => {
    throw errors.unknownToken()
  }
  const app = createApp({ endpoints: [plain], authenticate, limiter: createRateLimiter(systemClock), log: silentLog })
  const upgrades = createUpgrades({
    upgrades: [greet, refusing, broken, stubborn, hidden],
    log: silentLog,
    limiter,
    serves: ['client'],
    trustedProxies: ['127.0.0.1'],
  })
  return listen({ host: '127.0.0.1', port: 0, app, upgrades })
}

let listener: Listener
before(async () => {
  listener = await serve()
})
after(() => listener.stop())

function dial(path: string, headers = '', { method = 'GET', at = listener } = {}) {
  const socket = connect(at.port, at.host)
  socket.write(`${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${headers}\r\n`)
  return socket
}

const ask = (...args: Parameters<typeof dial>) => text(dial(...args))

test('a connection that asks for another protocol is handed over with the address of its client', async () => {
  const answer = await ask('/live?x=1', 'X-Forwarded-For: 192.0.2.7\r\n')
  assert.match(answer, /^HTTP\/1.1 101 [\s\S]*\/live\?x=1 from 192\.0\.2\.7 with $/)
})

test('what nobody takes over is a plain request', async () => {
  const close = 'Connection: close\r\n'
  assert.match(await ask('/plain', close), /^HTTP\/1.1 200 [\s\S]*"plain":true/)
  for (const path of ['/live/more', '/prefix', '/pages', '/li%76e']) {
    assert.match(await ask(path, close), /^HTTP\/1.1 404 [\s\S]*M_UNRECOGNIZED/, path)
  }
  assert.match(await ask('/live', `${close}Content-Length: 0\r\n`, { method: 'POST' }), /^HTTP\/1.1 404 /)
})

test('errors before the handshake are answered in the Matrix form, and unexpected ones without details', async () => {
  assert.match(await ask('/prefix/any'), /^HTTP\/1.1 403 Forbidden\r\n[\s\S]*Access-Control[\s\S]*M_FORBIDDEN/)
  const answer = await ask('/broken')
  assert.match(answer, /^HTTP\/1.1 500 [\s\S]*M_UNKNOWN/)
  assert.doesNotMatch(answer, /secret detail/)
  assert.match(await ask('/broken'), /^HTTP\/1.1 429 [\s\S]*M_LIMIT_EXCEEDED/)
})

test('a stop waits for nobody who keeps a connection for ever', async () => {
  const other = await serve()
  const socket = dial('/stubborn', '', { at: other })
  await once(socket, 'data')
  const closed = once(socket, 'close')
  await other.stop(10)
  await closed
})
