import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { FetchFailure } from './fetch-error.ts'
import { createSafeFetch } from './safe-fetch.ts'

async function serve(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const loopback = async () => [{ address: '127.0.0.1', family: 4 }]
const inner = createSafeFetch({ allowPrivateAddresses: true, resolve: loopback, userAgent: 'ringback-test' })
const outer = createSafeFetch({ allowPrivateAddresses: false, resolve: loopback })
const failsWith = (failure: FetchFailure) => (error: unknown) => {
  assert.ok(error instanceof Error && 'failure' in error, String(error))
  assert.equal(error.failure, failure, error.message)
  return true
}
const readAll = async (message: IncomingMessage) => Buffer.concat(await message.toArray()).toString()

test('a body, headers and status travel both ways', async () => {
  await using server = await serve(async (req, res) => {
    const body = await readAll(req)
    res
      .writeHead(418)
      .end(JSON.stringify({ method: req.method, body, host: req.headers.host, agent: req.headers['user-agent'] }))
  })
  const url = `http://matrix.test:${server.port}/x`
  const answer = await inner.fetch(url, { method: 'PUT', body: 'ä', headers: { host: 'named.test' } })
  assert.equal(answer.status, 418)
  assert.deepEqual(await answer.json(), { method: 'PUT', body: 'ä', host: 'named.test', agent: 'ringback-test' })
})

test('our own network is out of reach by name, literal and odd spelling', async () => {
  await using server = await serve((_req, res) => res.end('secret'))
  for (const host of [
    'internal.test',
    '127.0.0.1',
    '[::1]',
    '0x7f.1',
    '2130706433',
    '[::ffff:127.0.0.1]',
    '169.254.169.254',
  ]) {
    await assert.rejects(outer.fetch(`http://${host}:${server.port}/`), failsWith('blocked_address'), host)
  }
})

test('of several addresses only the public ones are tried', async () => {
  const mixed = createSafeFetch({
    allowPrivateAddresses: false,
    resolve: async () => [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ],
  })
  await assert.rejects(mixed.fetch('http://mixed.test/'), failsWith('blocked_address'))
})

test('a name that changes its address between two looks is asked once for each connection', async () => {
  await using server = await serve((_req, res) => res.writeHead(200, { connection: 'close' }).end('public'))
  const answers = ['127.0.0.1', '169.254.169.254', '127.0.0.1', '10.0.0.1']
  let asked = 0
  const guarded = createSafeFetch({
    allowPrivateAddresses: false,
    isAllowed: (address) => address === '127.0.0.1',
    resolve: async () => [{ address: answers[asked++] ?? '', family: 4 }],
  })
  const url = `http://rebinding.test:${server.port}/`
  for (let round = 1; round <= 2; round++) {
    assert.equal(await (await guarded.fetch(url)).text(), 'public')
    assert.equal(asked, round * 2 - 1)
    await assert.rejects(guarded.fetch(url), failsWith('blocked_address'))
  }
})

test('a redirect is checked like the first address', async () => {
  await using server = await serve((_req, res) => res.writeHead(302, { location: 'http://169.254.169.254/meta' }).end())
  const isAllowed = (address: string) => address === '127.0.0.1'
  const guarded = createSafeFetch({ allowPrivateAddresses: false, isAllowed, resolve: loopback })
  const url = `http://public.test:${server.port}/`
  await assert.rejects(guarded.fetch(url), failsWith('blocked_address'))
  const first = await guarded.fetch(url, { maxRedirects: 0 })
  assert.equal(first.status, 302)
  first.discard()
})

test('redirects drop credentials on another origin, turn POST into GET, and end', async () => {
  const seen: string[] = []
  await using target = await serve(async (req, res) => {
    seen.push(`${req.method} ${req.url} ${req.headers.authorization} ${req.headers['x-kept']} ${await readAll(req)}`)
    res.end('done')
  })
  await using origin = await serve((req, res) => {
    if (req.url === '/loop') res.writeHead(302, { location: '/loop' }).end()
    else res.writeHead(req.url === '/keep' ? 307 : 302, { location: `http://b.test:${target.port}/end` }).end()
  })
  const request = { method: 'POST', body: 'hi', headers: { authorization: 'Bearer x', 'x-kept': 'yes' } }
  const answer = await inner.fetch(`http://a.test:${origin.port}/change`, request)
  assert.equal(await answer.text(), 'done')
  assert.equal(answer.url, `http://b.test:${target.port}/end`)
  await (await inner.fetch(`http://a.test:${origin.port}/keep`, request)).text()
  assert.deepEqual(seen, ['GET /end undefined yes ', 'POST /end undefined yes hi'])
  await assert.rejects(inner.fetch(`http://a.test:${origin.port}/loop`), failsWith('too_many_redirects'))
})

test('a body beyond the limit is refused, announced or not', async () => {
  await using server = await serve((req, res) => {
    if (req.url === '/announced') res.setHeader('content-length', 2_000)
    res.write('x'.repeat(1_000))
    res.end('x'.repeat(1_000))
  })
  for (const path of ['/announced', '/chunked']) {
    const answer = await inner.fetch(`http://a.test:${server.port}${path}`, { maxBytes: 1_500 })
    await assert.rejects(answer.bytes(), failsWith('too_large'))
  }
})

test('time runs out before the headers and in the body, and the caller can give up', async () => {
  await using server = await serve((req, res) => {
    if (req.url === '/body') res.write('start')
  })
  const url = `http://a.test:${server.port}`
  await assert.rejects(inner.fetch(`${url}/silent`, { timeoutMs: 20 }), failsWith('timeout'))
  const answer = await inner.fetch(`${url}/body`, { timeoutMs: 100 })
  await assert.rejects(answer.text(), failsWith('timeout'))
  const controller = new AbortController()
  const given = inner.fetch(`${url}/silent`, { signal: controller.signal })
  controller.abort()
  await assert.rejects(given, failsWith('aborted'))
})

test('a cut connection and a strange address are named as such', async () => {
  await using server = await serve((req, res) => {
    res.writeHead(200, { 'content-length': 100 }).write('abc')
    req.socket.destroySoon()
  })
  const answer = await inner.fetch(`http://a.test:${server.port}/`)
  await assert.rejects(answer.bytes(), failsWith('network'))
  for (const url of ['file:///etc/passwd', 'not a url', 'http://user:pw@a.test/']) {
    await assert.rejects(inner.fetch(url), failsWith('bad_url'))
  }
})

test('an idle connection is used again', async () => {
  const ports = new Set<number | undefined>()
  await using server = await serve((req, res) => {
    ports.add(req.socket.remotePort)
    res.end('ok')
  })
  const fresh = createSafeFetch({ allowPrivateAddresses: true, resolve: loopback })
  for (let i = 0; i < 3; i++) await (await fresh.fetch(`http://a.test:${server.port}/`)).text()
  fresh.close()
  assert.equal(ports.size, 1)
})
