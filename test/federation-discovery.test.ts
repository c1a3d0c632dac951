import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { after, before, beforeEach, test } from 'node:test'
import { z } from 'zod'
import type { ServerName } from '../src/matrix/ids.ts'
import { createTestClock } from '../src/util/clock.ts'
import { type Authority, createAuthority } from './helpers/federation/certificates.ts'
import { createDnsStub, startTlsHost, type TlsHost } from './helpers/federation/tls-host.ts'
import { createTestServer, type TestServer } from './helpers/server.ts'

const hour = 3_600_000
const path = '/_matrix/federation/v1/version'
const names = [
  'plain.example',
  'delegating.example',
  'delegated.example',
  'service.example',
  'old-service.example',
  'redirecting.example',
  'elsewhere.example',
  'silent.example',
  '127.0.0.1',
]
const dns = createDnsStub()
const clock = createTestClock()
let authority: Authority
/** What stands on port 443, on 8448, and where only a port leads. */
let web: TlsHost
let usual: TlsHost
let other: TlsHost
let server: TestServer
/** What `.well-known/matrix/server` answers, by host. */
const pages = new Map<string, (response: ServerResponse, request: IncomingMessage) => void>()

const delegate =
  (to: string, headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    response.writeHead(200, headers).end(JSON.stringify({ 'm.server': to }))

before(async () => {
  authority = createAuthority()
  const matrix = (_request: IncomingMessage, response: ServerResponse) =>
    response.end(JSON.stringify({ server: { name: 'Test' } }))
  web = await startTlsHost(authority, names, (request, response) => {
    const page = request.url === '/.well-known/matrix/server' && pages.get(request.headers.host?.split(':')[0] ?? '')
    if (page) page(response, request)
    else response.writeHead(404).end()
  })
  usual = await startTlsHost(authority, names, matrix)
  other = await startTlsHost(authority, names, matrix)
  server = await createTestServer({
    clock,
    network: { dns, ports: { matrix: usual.port, https: web.port } },
    config: { server_name: 'here.example', federation: { extra_ca_file: authority.caFile } },
  })
})

after(async () => {
  await server.stop()
  for (const host of [web, usual, other]) await host[Symbol.asyncDispose]()
  authority[Symbol.dispose]()
})

beforeEach(() => {
  // What was found before is forgotten, and whoever failed is asked again.
  clock.advance(100 * hour)
  pages.clear()
  dns.isDead = false
  dns.records.clear()
  dns.hosts.clear()
  for (const name of names) dns.hosts.add(name)
  for (const list of [web.seen, usual.seen, other.seen, dns.asked]) list.length = 0
})

function ask(destination: string): Promise<unknown> {
  return server.context.federation.transport.request({
    destination: destination as ServerName,
    method: 'GET',
    path,
    answer: z.object({ server: z.object({ name: z.string() }) }),
  })
}

const seenOnce = (host: TlsHost, sni: string, hostHeader: string) =>
  assert.deepEqual(host.seen, [`${sni} ${hostHeader} ${path}`])

test('an address is asked as it is, with its port or the usual one', async () => {
  await ask(`127.0.0.1:${other.port}`)
  seenOnce(other, '-', `127.0.0.1:${other.port}`)
  await ask('127.0.0.1')
  seenOnce(usual, '-', '127.0.0.1')
  assert.deepEqual(web.seen, [])
  assert.deepEqual(dns.asked, [])
})

test('a name with a port is asked there, and nothing else is looked up', async () => {
  await ask(`plain.example:${other.port}`)
  seenOnce(other, 'plain.example', `plain.example:${other.port}`)
  assert.deepEqual(dns.asked, ['plain.example'])
  assert.deepEqual(web.seen, [])
})

test('a name alone that says nothing is asked on the usual port', async () => {
  await ask('plain.example')
  seenOnce(usual, 'plain.example', 'plain.example')
  assert.equal(web.seen.length, 1)
  assert.deepEqual(dns.asked, [
    'plain.example',
    '_matrix-fed._tcp.plain.example',
    '_matrix._tcp.plain.example',
    'plain.example',
  ])
})

test('a host delegates to an address, to a name with a port, and to a name', async () => {
  pages.set('delegating.example', delegate(`127.0.0.1:${other.port}`))
  await ask('delegating.example')
  seenOnce(other, '-', `127.0.0.1:${other.port}`)
  other.seen.length = 0

  clock.advance(49 * hour)
  pages.set('delegating.example', delegate(`delegated.example:${other.port}`))
  await ask('delegating.example')
  seenOnce(other, 'delegated.example', `delegated.example:${other.port}`)
  other.seen.length = 0

  clock.advance(49 * hour)
  pages.set('delegating.example', delegate('delegated.example'))
  await ask('delegating.example')
  seenOnce(usual, 'delegated.example', 'delegated.example')
})

test('the certificate must carry the name, wherever the records lead', async () => {
  for (const record of ['_matrix-fed._tcp', '_matrix._tcp']) {
    const service = record === '_matrix._tcp' ? 'old-service.example' : 'service.example'
    dns.records.set(`${record}.${service}`, [{ name: 'elsewhere.example', port: other.port, priority: 1, weight: 1 }])
    await ask(service)
    seenOnce(other, service, service)
    other.seen.length = 0
  }
  pages.set('delegating.example', delegate('delegated.example'))
  dns.records.set('_matrix-fed._tcp.delegated.example', [
    { name: 'elsewhere.example', port: other.port, priority: 1, weight: 1 },
  ])
  await ask('delegating.example')
  seenOnce(other, 'delegated.example', 'delegated.example')

  dns.hosts.add('stranger.example')
  await assert.rejects(ask(`stranger.example:${other.port}`), { name: 'FetchError', failure: 'network' })
})

test('the places of a service are tried by their priority until one answers', async () => {
  dns.records.set('_matrix-fed._tcp.service.example', [
    { name: 'elsewhere.example', port: other.port, priority: 20, weight: 0 },
    { name: 'nowhere.example', port: 1, priority: 10, weight: 5 },
  ])
  await ask('service.example')
  seenOnce(other, 'service.example', 'service.example')
  assert.ok(dns.asked.includes('nowhere.example'))
})

test('a record that names nothing says that there is no server', async () => {
  dns.records.set('_matrix-fed._tcp.service.example', [{ name: '', port: 0, priority: 0, weight: 0 }])
  await assert.rejects(ask('service.example'), { name: 'FetchError', failure: 'network' })
  assert.deepEqual(usual.seen, [])
})

test('redirects are followed, but not to a place without a certificate, nor for ever', async () => {
  const redirect = (location: string) => (response: ServerResponse) => response.writeHead(302, { location }).end()
  const delegated = delegate(`delegated.example:${other.port}`)
  pages.set('redirecting.example', redirect(`https://elsewhere.example:${web.port}/.well-known/matrix/server`))
  pages.set('elsewhere.example', delegated)
  await ask('redirecting.example')
  seenOnce(other, 'delegated.example', `delegated.example:${other.port}`)

  for (const place of [`http://elsewhere.example:${web.port}/x`, '/.well-known/matrix/server']) {
    clock.advance(100 * hour)
    usual.seen.length = 0
    pages.set('redirecting.example', redirect(place))
    await ask('redirecting.example')
    seenOnce(usual, 'redirecting.example', 'redirecting.example')
  }
})

test('what makes no sense counts as nothing', async () => {
  const text = (body: string) => (response: ServerResponse) => response.end(body)
  const long = JSON.stringify({ 'm.server': 'delegated.example', x: 'x'.repeat(60_000) })
  for (const body of [
    '',
    'no json',
    '[]',
    '{}',
    '{"m.server":1}',
    '{"m.server":"a b"}',
    '{"m.server":"a:b:c"}',
    long,
  ]) {
    clock.advance(100 * hour)
    usual.seen.length = 0
    pages.set('delegating.example', text(body))
    await ask('delegating.example')
    seenOnce(usual, 'delegating.example', 'delegating.example')
  }
})

test('a delegation is kept as its headers say, for an hour at least and two days at most', async () => {
  const asked = () => web.seen.length
  for (const [headers, keptHours] of [
    [{}, 24],
    [{ 'cache-control': 'public, max-age=18000' }, 5],
    [{ 'cache-control': 'max-age=10' }, 1],
    [{ 'cache-control': 'no-store' }, 1],
    [{ 'cache-control': 'max-age=99999999' }, 48],
    [{ expires: 'Thu, 01 Jan 1970 00:00:00 GMT' }, 1],
  ] as const) {
    clock.advance(100 * hour)
    web.seen.length = 0
    pages.set('delegating.example', delegate(`delegated.example:${other.port}`, headers))
    await ask('delegating.example')
    clock.advance(keptHours * hour - 1)
    await ask('delegating.example')
    assert.equal(asked(), 1, JSON.stringify(headers))
    clock.advance(1)
    await ask('delegating.example')
    assert.equal(asked(), 2, JSON.stringify(headers))
  }
})

test('that there is nothing is kept for minutes at first and for an hour in the end', async () => {
  await ask('silent.example')
  for (const minutes of [2, 4, 8, 16, 32, 60, 60]) {
    const before = web.seen.length
    clock.advance(minutes * 60_000 - 1)
    await ask('silent.example')
    assert.equal(web.seen.length, before)
    clock.advance(1)
    await ask('silent.example')
    assert.equal(web.seen.length, before + 1, `${minutes} minutes`)
  }
})

test('a host that is down for a moment has not moved', async () => {
  pages.set('delegating.example', delegate(`delegated.example:${other.port}`))
  await ask('delegating.example')
  pages.set('delegating.example', (response) => response.writeHead(502).end())
  clock.advance(25 * hour)
  other.seen.length = 0
  await ask('delegating.example')
  seenOnce(other, 'delegated.example', `delegated.example:${other.port}`)
  clock.advance(24 * hour)
  await ask('delegating.example')
  seenOnce(usual, 'delegating.example', 'delegating.example')
})

test('silent name servers are asked once, and the server is left alone for a moment', async () => {
  dns.isDead = true
  await assert.rejects(ask('plain.example'), { failure: 'network' })
  assert.deepEqual(dns.asked, ['plain.example'])
  await assert.rejects(ask('plain.example'), { failure: 'backing_off' })
  assert.deepEqual(dns.asked, ['plain.example'])
  dns.isDead = false
  clock.advance(1000)
  await ask('plain.example')
})

test('many requests at once find a server once, and use its connection again', async () => {
  pages.set('delegating.example', delegate('delegated.example'))
  await Promise.all(Array.from({ length: 10 }, () => ask('delegating.example')))
  assert.equal(web.seen.length, 1)
  assert.equal(dns.asked.filter((name) => name.startsWith('_matrix-fed')).length, 1)
  const connections = usual.connections()
  await ask('delegating.example')
  assert.equal(usual.connections(), connections)
})
