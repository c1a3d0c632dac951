import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { silentLog } from '../src/util/log.ts'
import { createSafeFetch } from '../src/util/safe-fetch.ts'
import { createSfuProxy } from '../src/voip/livekit/sfu/sfu-proxy.ts'
import { livekitKey } from './helpers/livekit.ts'
import { createTestServer, type TestServer } from './helpers/server.ts'

/** Stands in for LiveKit: sends back what it gets, and turns bad tokens away as LiveKit does. */
const seen: { url: string; headers: IncomingHttpHeaders }[] = []
const sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 * 1024 })
const inner = createServer((request, response) => {
  seen.push({ url: request.url ?? '', headers: request.headers })
  response.writeHead(request.url?.includes('good') ? 200 : 401).end('success or not')
})
inner.on('upgrade', (request, socket, head) => {
  seen.push({ url: request.url ?? '', headers: request.headers })
  if (!request.url?.includes('good'))
    return socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 13\r\n\r\ninvalid token')
  sockets.handleUpgrade(request, socket, head, (peer) =>
    peer.on('message', (data, isBinary) => peer.send(data, { binary: isBinary })),
  )
})

let base: string
let server: TestServer
before(async () => {
  inner.listen(0, '127.0.0.1')
  await once(inner, 'listening')
  base = `http://127.0.0.1:${(inner.address() as AddressInfo).port}`
  server = await createTestServer({ config: { voip: { livekit: { internal_url: base, ...livekitKey } } } })
})
after(async () => {
  await server.stop()
  inner.closeAllConnections()
  inner.close()
})

const wsUrl = () => server.url.replace('http', 'ws')

async function dial(path: string, headers: Record<string, string> = {}): Promise<WebSocket> {
  const socket = new WebSocket(wsUrl() + path, { headers })
  await once(socket, 'open')
  return socket
}

/** What a handshake is answered, as text. */
async function handshake(path: string, url = server.url): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  )
  return text(socket)
}

test('without an address of its own LiveKit is found and reached under the name of this server', async () => {
  const alice = await server.user('alice')
  const { transports } = await alice.get<{ transports: object[] }>('/_matrix/client/v1/rtc/transports')
  assert.deepEqual(transports, [{ type: 'm.livekit', url: `${wsUrl()}/livekit/sfu` }])
  seen.length = 0
  for (const path of ['/rtc', '/rtc/v1']) {
    const socket = await dial(`/livekit/sfu${path}?access_token=good&x=%2F`, { Cookie: 'a=b', 'X-Secret': 'c' })
    const big = Buffer.alloc(3_000_000, 7)
    socket.send(big)
    const [bytes, isBinary] = await once(socket, 'message')
    assert.ok(isBinary && big.equals(bytes))
    socket.send('hello')
    assert.equal(String((await once(socket, 'message'))[0]), 'hello')
    socket.close(1000, 'bye')
    assert.equal((await once(socket, 'close'))[0], 1000)
  }
  assert.deepEqual(
    seen.map(({ url }) => url),
    ['/rtc?access_token=good&x=%2F', '/rtc/v1?access_token=good&x=%2F'],
  )
  const { headers } = seen[0] ?? assert.fail()
  assert.equal(headers.host, new URL(base).host)
  assert.equal(headers['x-forwarded-for'], '127.0.0.1')
  assert.deepEqual([headers.cookie, headers['x-secret']], [undefined, undefined])
})

test('what is wrong with a token is passed on, and nothing of LiveKit but this is reached', async () => {
  assert.match(await handshake('/livekit/sfu/rtc?access_token=bad'), /^HTTP\/1.1 401 [\s\S]*invalid token$/)
  for (const [path, status] of [
    ['/rtc/validate?access_token=good', 200],
    ['/rtc/v1/validate?access_token=bad', 401],
  ] as const) {
    const answer = await server.client.request('GET', `/livekit/sfu${path}`, { expect: status })
    assert.equal(answer.text, 'success or not')
    assert.equal(answer.headers.get('access-control-allow-origin'), '*')
  }
  seen.length = 0
  for (const path of [
    '/livekit/sfu/twirp/livekit.RoomService/ListRooms?good',
    '/livekit/sfu/rtc/../twirp?good',
    '/livekit/sfu/rtc/%2e%2e/twirp?good',
    '/livekit/sfu/rtc/validate/../../debug?good',
    '/livekit/sfu/?good',
    '/livekit/sfu/rtc/v2?good',
    '/livekit/sfu@elsewhere/rtc?good',
  ]) {
    assert.match(await handshake(path), /^HTTP\/1.1 404 /, path)
  }
  assert.deepEqual(seen, [])
})

test('when one side goes the other goes, and when nobody answers that is said', async () => {
  const socket = await dial('/livekit/sfu/rtc?access_token=good')
  const [peer] = sockets.clients.size > 0 ? [...sockets.clients].slice(-1) : []
  assert.ok(peer)
  const gone = once(peer, 'close')
  socket.terminate()
  await gone
  const other = await dial('/livekit/sfu/rtc?access_token=good')
  const closed = once(other, 'close')
  for (const client of sockets.clients) client.terminate()
  assert.equal((await closed)[0], 1006)
  await using alone = await createTestServer({
    config: { voip: { livekit: { internal_url: 'http://127.0.0.1:1', ...livekitKey } } },
  })
  assert.match(await handshake('/livekit/sfu/rtc?access_token=good', alone.url), /^HTTP\/1.1 502 /)
  const validated = await alone.client.request('GET', '/livekit/sfu/rtc/validate', { expect: 502 })
  assert.equal(validated.body.errcode, 'M_UNKNOWN')
})

test('where the configuration does not say where LiveKit is inside, nothing is passed on', async () => {
  await using other = await createTestServer({
    config: { voip: { livekit: { url: 'wss://l.example.org', ...livekitKey } } },
  })
  assert.match(await handshake('/livekit/sfu/rtc?good', other.url), /^HTTP\/1.1 404 /)
})

test('one network has so many connections and no more, and quiet ones are cut off', async () => {
  const fetch = createSafeFetch({ allowPrivateAddresses: true })
  const proxy = createSfuProxy({ log: silentLog, fetch, base, limits: { perNetwork: 1, total: 2, idleMs: 400 } })
  const front = createServer()
  const signal = new AbortController().signal
  const outcomes: string[] = []
  front.on('upgrade', (incoming, socket, head) => {
    const ip = String(incoming.headers['x-ip'])
    const open = proxy.open({ incoming, socket, head, url: incoming.url ?? '', ip, log: silentLog, signal })
    open
      .then(() => outcomes.push('open'))
      .catch((error: Error) => {
        outcomes.push(error.message)
        socket.destroy()
      })
  })
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  const dialFrom = async (ip: string) => {
    const url = `ws://127.0.0.1:${(front.address() as AddressInfo).port}/livekit/sfu/rtc?good`
    const socket = new WebSocket(url, { headers: { 'x-ip': ip } })
    socket.on('error', () => undefined)
    await new Promise((resolve) => socket.once('open', resolve).once('close', resolve))
    return socket
  }
  try {
    const first = await dialFrom('192.0.2.1')
    await dialFrom('192.0.2.1')
    const second = await dialFrom('198.51.100.1')
    await dialFrom('203.0.113.1')
    const refused = 'Too many connections to calls'
    assert.deepEqual(outcomes, ['open', refused, 'open', refused])
    await Promise.all(
      [first, second].map((socket) => (socket.readyState === socket.CLOSED ? undefined : once(socket, 'close'))),
    )
    const again = await dialFrom('192.0.2.1')
    assert.equal(outcomes.at(-1), 'open')
    again.terminate()
  } finally {
    front.closeAllConnections()
    front.close()
  }
})
