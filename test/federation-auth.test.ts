import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { createApp } from '../src/http/app.ts'
import { endpoint } from '../src/http/endpoint.ts'
import { type Listener, listen } from '../src/http/listen.ts'
import type { JsonObject } from '../src/matrix/event.ts'
import { createTestClock, type TestClock } from '../src/util/clock.ts'
import { silentLog } from '../src/util/log.ts'
import { type Authority, createAuthority } from './helpers/federation/certificates.ts'
import { type KeyServer, keyDocument, newSigningKey, startKeyServer } from './helpers/federation/key-server.ts'
import { createTestServer, type TestServer } from './helpers/server.ts'

const here = 'here.example'
const uri = '/_matrix/federation/v1/test/%40alice%3Ahere.example?a=b%20c&a=d'
let authority: Authority
let peer: KeyServer
let refused: KeyServer
let server: TestServer
let listener: Listener
let clock: TestClock

before(async () => {
  clock = createTestClock()
  authority = createAuthority()
  peer = await startKeyServer(authority, { now: clock.now })
  refused = await startKeyServer(authority, { now: clock.now })
  server = await createTestServer({
    clock,
    config: { server_name: here, federation: { extra_ca_file: authority.caFile, denied_servers: [refused.name] } },
  })
  const { accounts, federation, limiter } = server.context
  const answer = (request: { origin: string; body: unknown; faults: readonly { path: unknown }[] }) => ({
    origin: request.origin,
    body: request.body ?? {},
    faults: request.faults.map(({ path }) => path),
  })
  const path = '/_matrix/federation/v1/test/{userId}'
  const app = createApp({
    endpoints: [
      endpoint({ method: 'GET', path, auth: 'server' }, answer),
      endpoint({ method: 'PUT', path, auth: 'server', body: z.looseObject({ n: z.number() }) }, answer),
    ],
    authenticate: accounts.authenticate,
    servers: federation.authentication,
    limiter,
    log: silentLog,
  })
  listener = await listen({ host: '127.0.0.1', port: 0, app })
})

after(async () => {
  await listener.stop()
  await server.stop()
  await peer[Symbol.asyncDispose]()
  await refused[Symbol.asyncDispose]()
  authority[Symbol.dispose]()
})

async function ask(
  method: string,
  authorization: string | undefined,
  { body, path = uri }: { body?: string; path?: string } = {},
): Promise<{ status: number; body: JsonObject }> {
  const answer = await fetch(`${listener.url}${path}`, {
    method,
    headers: authorization === undefined ? {} : { authorization },
    ...(body !== undefined && { body }),
  })
  return { status: answer.status, body: (await answer.json()) as JsonObject }
}

const get = () => peer.sign({ method: 'GET', uri, destination: here })

test('a signed request names its server, and its keys are asked for once', async () => {
  const answer = { status: 200, body: { origin: peer.name, body: {}, faults: [] } }
  assert.deepEqual(await ask('GET', get()), answer)
  assert.deepEqual(await ask('GET', get().replace(/"/g, '').replace('X-Matrix', 'x-matrix')), answer)
  const content = { n: 1, text: 'ä" ', list: [null, true] }
  const authorization = peer.sign({ method: 'PUT', uri, destination: here, content })
  const put = await ask('PUT', authorization, { body: JSON.stringify(content, null, 2) })
  assert.deepEqual(put, { status: 200, body: { origin: peer.name, body: content, faults: [] } })
  assert.equal(peer.asked, 1)
})

test('a server of old need not name whom it asks', async () => {
  const signed = { method: 'GET', origin: peer.name, uri }
  const text = JSON.stringify(signed)
  const header = `X-Matrix origin="${peer.name}",key="${peer.key.keyId}",sig="${peer.key.sign(text)}"`
  assert.equal((await ask('GET', header)).status, 200)
})

test('numbers are covered as they came, and what is not canonical is told', async () => {
  const text = '{"n":1.0,"pdus":[{"depth":1e3},{"depth":5}]}'
  const signed = `{"content":${text},"destination":"${here}","method":"PUT","origin":"${peer.name}","uri":"${uri}"}`
  const header = `X-Matrix origin="${peer.name}",destination="${here}",key="${peer.key.keyId}",sig="${peer.key.sign(signed)}"`
  const answer = await ask('PUT', header, { body: text.replaceAll(':', ' : ') })
  assert.equal(answer.status, 200)
  assert.deepEqual(answer.body.faults, [['n'], ['pdus', 0]])
})

test('a request that was changed or was meant otherwise is refused', async () => {
  const content = { n: 1 }
  const put = peer.sign({ method: 'PUT', uri, destination: here, content })
  const other = newSigningKey('b')
  const fromOther = `X-Matrix origin="${peer.name}",destination="${here}",key="${other.keyId}",sig="${other.sign('x')}"`
  const cases: Record<string, Promise<{ status: number; body: JsonObject }>> = {
    'no header': ask('GET', undefined),
    'an access token': ask('GET', 'Bearer secret'),
    malformed: ask('GET', get().slice(0, -1)),
    'another method': ask('PUT', get(), { body: '{"n":1}' }),
    'another path': ask('GET', get(), { path: uri.replace('alice', 'bob') }),
    'another query': ask('GET', get(), { path: uri.replace('=d', '=e') }),
    'another spelling': ask('GET', get(), { path: uri.replace('%40', '@') }),
    'a tampered body': ask('PUT', put, { body: '{"n":2}' }),
    'no body': ask('PUT', put),
    'an unsigned body': ask('PUT', peer.sign({ method: 'PUT', uri, destination: here }), { body: '{"n":1}' }),
    'for another server': ask('GET', peer.sign({ method: 'GET', uri, destination: 'elsewhere.example' })),
    'replayed with our name': ask(
      'GET',
      peer.sign({ method: 'GET', uri, destination: 'elsewhere.example' }).replace('elsewhere.example', here),
    ),
    'of somebody else': ask('GET', get().replace(peer.name, `localhost:${peer.port + 1}`)),
    'with an unknown key': ask('GET', fromOther),
    'as this server': ask('GET', get().replace(peer.name, here)),
  }
  for (const [name, pending] of Object.entries(cases)) {
    const { status, body } = await pending
    assert.deepEqual({ status, errcode: body.errcode }, { status: 401, errcode: 'M_UNAUTHORIZED' }, name)
  }
})

test('a body that is no JSON is named as such', async () => {
  const signed = peer.sign({ method: 'PUT', uri, destination: here, content: { n: 1 } })
  for (const [body, errcode] of [
    ['{"n":', 'M_NOT_JSON'],
    ['[1]', 'M_BAD_JSON'],
    ['{"a":'.repeat(600) + '1'.padEnd(601, '}'), 'M_BAD_JSON'],
  ] as const) {
    const answer = await ask('PUT', signed, { body })
    assert.deepEqual({ status: answer.status, errcode: answer.body.errcode }, { status: 400, errcode })
  }
})

test('a denied server is refused before its keys are asked for', async () => {
  const { status, body } = await ask('GET', refused.sign({ method: 'GET', uri, destination: here }))
  assert.deepEqual({ status, errcode: body.errcode }, { status: 403, errcode: 'M_FORBIDDEN' })
  assert.equal(refused.asked, 0)
})

test('a key that has expired signs nothing, and a new one is asked for', async () => {
  await using rotating = await startKeyServer(authority, { now: clock.now })
  const sign = () => rotating.sign({ method: 'GET', uri, destination: here })
  assert.equal((await ask('GET', sign())).status, 200)
  const next = newSigningKey('next')
  const retired = { [rotating.key.keyId]: { key: rotating.key.publicKey, expired_ts: clock.now() } }
  rotating.answer = () => keyDocument(rotating.name, [next], clock.now(), { old_verify_keys: retired })
  const text = `{"destination":"${here}","method":"GET","origin":"${rotating.name}","uri":"${uri}"}`
  const header = `X-Matrix origin="${rotating.name}",destination="${here}",key="${next.keyId}",sig="${next.sign(text)}"`
  assert.equal((await ask('GET', header)).status, 200)
  assert.equal(rotating.asked, 2)
  clock.advance(1)
  assert.equal((await ask('GET', sign())).status, 401)
})

test('a server that was away and asks is there, whatever failed before', async () => {
  await using returning = await startKeyServer(authority, { now: clock.now })
  const sign = () => returning.sign({ method: 'GET', uri, destination: here })
  const { answer } = returning
  returning.answer = () => undefined
  const { transport } = server.context.federation
  for (let i = 0; i < 4; i++) {
    const failing = transport.request({
      destination: returning.name,
      method: 'GET',
      path: '/_matrix/key/v2/server',
      answer: z.unknown(),
      ignoreBackOff: true,
    })
    await assert.rejects(failing)
  }
  assert.equal((await ask('GET', sign())).status, 401)
  returning.answer = answer
  assert.equal((await ask('GET', sign())).status, 200)
})
