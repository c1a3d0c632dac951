import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { after, before, beforeEach, test } from 'node:test'
import { z } from 'zod'
import type { FederationRequest } from '../src/federation/client/ports.ts'
import { parseXMatrix } from '../src/http/x-matrix.ts'
import type { ServerName } from '../src/matrix/ids.ts'
import { requestText } from '../src/matrix/request-signature.ts'
import { verifySignature } from '../src/matrix/signing.ts'
import { createTestClock } from '../src/util/clock.ts'
import { type Authority, createAuthority } from './helpers/federation/certificates.ts'
import { createDnsStub, startTlsHost, type TlsHost } from './helpers/federation/tls-host.ts'
import { createTestServer, type TestServer } from './helpers/server.ts'

const here = 'here.example'
const clock = createTestClock()
const dns = createDnsStub()
let authority: Authority
let host: TlsHost
let server: TestServer
let there: ServerName
let answer: (request: IncomingMessage, response: ServerResponse) => void

before(async () => {
  authority = createAuthority()
  for (const name of ['there.example', 'denied.example']) dns.hosts.add(name)
  host = await startTlsHost(authority, ['there.example'], (request, response) => answer(request, response))
  there = `there.example:${host.port}` as ServerName
  server = await createTestServer({
    clock,
    network: { dns },
    config: {
      server_name: here,
      federation: { extra_ca_file: authority.caFile, denied_servers: ['denied.*', '*.evil.example'] },
    },
  })
})

after(async () => {
  await server.stop()
  await host[Symbol.asyncDispose]()
  authority[Symbol.dispose]()
})

beforeEach(() => {
  server.context.federation.transport.heardFrom(there)
  host.seen.length = 0
})

function ask(request: Partial<FederationRequest> = {}): Promise<{ n: number }> {
  const answer = z.looseObject({ n: z.number() })
  const usual = { destination: there, method: 'GET', path: '/_matrix/federation/v1/x' } as const
  return server.context.federation.transport.request({ ...usual, ...request, answer })
}

const says = (status: number, body: string) => () => {
  answer = (_request, response) => response.writeHead(status).end(body)
}

test('a request is signed with what is sent, whatever its path holds', async () => {
  const path = "/_matrix/federation/v1/x/%40a%3Ab/'(ä)?q='a b'&r=%2F"
  let claim: unknown
  answer = (request, response) => {
    request.setEncoding('utf8')
    let content = ''
    request.on('data', (part: string) => {
      content += part
    })
    request.on('end', () => {
      const header = parseXMatrix(request.headers.authorization ?? '')
      assert.ok(header)
      const { origin, destination, signature } = header
      const text = requestText({ method: 'POST', uri: request.url ?? '', origin, destination }, content)
      const [own] = server.context.signingKeys
      claim = { origin, destination, content, isSigned: verifySignature(text, own.publicKey, signature) }
      response.end('{"n":1}')
    })
  }
  assert.deepEqual(await ask({ method: 'POST', path, body: { z: 1, a: 'ä', f: 1.5 } }), { n: 1 })
  assert.deepEqual(claim, { origin: here, destination: there, content: '{"a":"ä","f":1.5,"z":1}', isSigned: true })
})

test('what a server refuses is told as it says, and it may be asked again', async () => {
  says(403, '{"errcode":"M_FORBIDDEN","error":"No","room_version":"12"}')()
  await assert.rejects(ask(), {
    name: 'MatrixError',
    server: there,
    status: 403,
    errcode: 'M_FORBIDDEN',
    body: { errcode: 'M_FORBIDDEN', error: 'No', room_version: '12' },
  })
  for (const [status, body] of [
    [404, '<html>'],
    [500, '{"errcode":"M_UNKNOWN"}'],
    [302, ''],
    [204, ''],
  ] as const) {
    says(status, body)()
    await assert.rejects(ask(), { status, errcode: 'M_UNKNOWN' })
  }
  says(401, '{"errcode":"M_UNKNOWN_TOKEN","error":"x","soft_logout":true}')()
  await assert.rejects(ask(), (error: Error & { answer: { status: number; body: object } }) => {
    // A client must not take this for the end of its own session.
    assert.equal(error.answer.status, 502)
    assert.deepEqual(Object.keys(error.answer.body), ['errcode', 'error'])
    return true
  })
})

test('an answer that makes no sense or is too large is an error, and what is not canonical is told', async () => {
  for (const body of ['', 'no', '[]', '{"n":"1"}', '{}', '{"n":1']) {
    says(200, body)()
    await assert.rejects(ask(), { failure: 'bad_answer' }, body)
  }
  says(200, JSON.stringify({ n: 1, x: 'x'.repeat(2000) }))()
  await assert.rejects(ask({ maxBytes: 1000 }), { failure: 'too_large' })
  const pdus = Array.from(
    { length: 2000 },
    (_, depth) => `{"depth":${depth}${depth === 1500 ? '.0' : ''},"x":"................"}`,
  )
  for (const list of [pdus.slice(1499, 1502), pdus]) {
    const faults: unknown[] = []
    says(200, `{"n":1,"pdus":[${list.join(',')}]}`)()
    await ask({ onFaults: (found) => faults.push(...found.map(({ path }) => path)) })
    assert.deepEqual(faults, [['pdus', list.length === 3 ? 1 : 1500]])
  }
})

test('a server that is slow or gone is left alone, ever longer, until it is heard of', async () => {
  answer = () => undefined
  await assert.rejects(ask({ timeoutMs: 50 }), { failure: 'timeout' })
  await assert.rejects(ask(), { failure: 'backing_off' })
  assert.equal(host.seen.length, 1)
  says(502, '<html>')()
  clock.advance(1000)
  await assert.rejects(ask(), { status: 502 })
  clock.advance(1000)
  await assert.rejects(ask(), { failure: 'backing_off' })
  says(200, '{"n":1}')()
  server.context.federation.transport.heardFrom(there)
  assert.deepEqual(await ask(), { n: 1 })

  answer = (_request, response) => response.destroy()
  await assert.rejects(ask(), { failure: 'network' })
  says(200, '{"n":2}')()
  await assert.rejects(ask(), { failure: 'backing_off' })
  assert.deepEqual(await ask({ ignoreBackOff: true }), { n: 2 })
  assert.deepEqual(await ask(), { n: 2 })
})

test('where somebody waits, a server that has failed often is asked again after seconds', async () => {
  answer = (_request, response) => response.destroy()
  for (let pause = 1000; pause < 100_000; pause *= 4) {
    await assert.rejects(ask(), { failure: 'network' })
    clock.advance(pause)
  }
  await assert.rejects(ask(), { failure: 'network' })
  says(200, '{"n":3}')()
  await assert.rejects(ask({ isAwaited: true }), { failure: 'backing_off' })
  clock.advance(2000)
  await assert.rejects(ask(), { failure: 'backing_off' })
  assert.deepEqual(await ask({ isAwaited: true }), { n: 3 })
  assert.deepEqual(await ask(), { n: 3 })
})

test('a body that never ends is cut off, and whoever gives up is no failure of the server', async () => {
  answer = (_request, response) => response.writeHead(200).write('{"n":')
  await assert.rejects(ask({ timeoutMs: 100 }), { failure: 'timeout' })
  const controller = new AbortController()
  answer = () => controller.abort()
  await assert.rejects(ask({ signal: controller.signal, ignoreBackOff: true }), { failure: 'aborted' })
  says(200, '{"n":1}')()
  assert.deepEqual(await ask(), { n: 1 })
})

test('this server, and those that it does not deal with, are not asked', async () => {
  const { transport } = server.context.federation
  for (const name of [here, `denied.example:${host.port}`, 'DENIED.example', 'a.b.evil.example']) {
    await assert.rejects(
      ask({ destination: name as ServerName, ignoreBackOff: true }),
      { failure: 'not_allowed' },
      name,
    )
    if (name !== here) assert.equal(transport.isAllowed(name as ServerName), false)
  }
  assert.equal(transport.isAllowed('evil.example' as ServerName), true)
  assert.deepEqual(host.seen, [])
})
