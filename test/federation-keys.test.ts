import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { rotateSigningKeys } from '../src/config/signing-key.ts'
import { canonicalJson } from '../src/matrix/canonical-json.ts'
import type { JsonObject, Pdu } from '../src/matrix/event.ts'
import { signEvent } from '../src/matrix/event-signing.ts'
import type { ServerName, UserId } from '../src/matrix/ids.ts'
import { getRoomVersionRules } from '../src/matrix/room-versions.ts'
import { type SigningKey, signJson, verifyJson } from '../src/matrix/signing.ts'
import { createTestClock } from '../src/util/clock.ts'
import { at } from './helpers/client.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { type Authority, createAuthority } from './helpers/federation/certificates.ts'
import { keyDocument, newSigningKey, startKeyServer } from './helpers/federation/key-server.ts'
import { startProgram, temporaryFolder } from './helpers/program.ts'
import { createTestServer, type TestServerOptions } from './helpers/server.ts'

const day = 86_400_000
const here = 'here.example' as ServerName
let authority: Authority

before(() => {
  authority = createAuthority()
})
after(() => authority[Symbol.dispose]())

function startHere(options: TestServerOptions = {}, federation: object = {}) {
  const config = { server_name: here, federation: { extra_ca_file: authority.caFile, ...federation } }
  return createTestServer({ ...options, config: { ...config, ...options.config } })
}

function signedObject(name: string, key: SigningKey): JsonObject {
  return signJson<JsonObject>({ hello: 'world' }, name, key)
}

function signedEvent(name: string, key: SigningKey, version: string, time: number): Pdu {
  const pdu: Pdu = {
    type: 'm.room.message',
    sender: `@alice:${name}` as UserId,
    content: { body: 'hi' },
    origin_server_ts: time,
    depth: 1,
    prev_events: [],
    auth_events: [],
    hashes: { sha256: 'x' },
  }
  return signEvent(pdu, rulesOf(version), name as ServerName, key)
}

function rulesOf(version: string) {
  const rules = getRoomVersionRules(version)
  assert.ok(rules)
  return rules
}

test('own keys are canonical JSON that every key signs, and old ones stay published', async (t) => {
  const dataDir = temporaryFolder(t)
  const clock = createTestClock()
  const first = await startHere({ dataDir, clock })
  const before = await first.client.get('/_matrix/key/v2/server')
  await first.stop()
  const [oldId] = Object.keys(before.verify_keys as object)
  assert.ok(oldId)
  rotateSigningKeys(dataDir, clock.now())

  clock.advance(1000)
  await using server = await startHere({ dataDir, clock })
  const { text, body } = await server.client.request('GET', '/_matrix/key/v2/server', { expect: 200 })
  assert.equal(text, canonicalJson(body))
  assert.equal(body.server_name, here)
  assert.equal(body.valid_until_ts, clock.now() + day)
  const former = { key: Object(before.verify_keys)[oldId].key, expired_ts: clock.now() - 1000 }
  assert.deepEqual(body.old_verify_keys, { [oldId]: former })
  const keys = Object.entries(body.verify_keys as Record<string, { key: string }>)
  assert.equal(keys.length, 1)
  for (const [keyId, { key }] of keys) {
    assert.notEqual(keyId, oldId)
    assert.ok(verifyJson(body, here, keyId, key))
  }
  assert.deepEqual(await server.client.get(`/_matrix/key/v2/server/${oldId}`), body)
})

test('a rotation by command needs the server to be stopped', async (t) => {
  const dataDir = join(temporaryFolder(t), 'data')
  const rotate = () =>
    startProgram(['federation', 'rotate-key'], { env: { RINGBACK__DATA_DIR: dataDir }, input: '' }).ended
  {
    await using server = await createTestServer({ dataDir })
    const { code, stderr } = await rotate()
    assert.equal(code, 1)
    assert.match(stderr, /already running/)
    assert.deepEqual(server.context.oldSigningKeys, [])
  }
  const { code, stdout } = await rotate()
  assert.equal(code, 0)
  assert.match(stdout, /^The signing key is ed25519:a_\w{4} now, and ed25519:a_\w{4} is an old one\.\n$/)
  await using server = await createTestServer({ dataDir })
  assert.equal(server.context.oldSigningKeys.length, 1)
})

for (const engine of engines) {
  test(`keys are asked for once and outlive a restart and their server (${engine})`, {
    skip: skipEngine(engine),
  }, async (t) => {
    const dataDir = temporaryFolder(t)
    const clock = createTestClock()
    await using peer = await startKeyServer(authority, { now: clock.now })
    const other = newSigningKey('other')
    const both = signedObject(peer.name, peer.key)
    {
      await using server = await startHere({ dataDir, clock, engine })
      const { keyring } = server.context.federation
      const verdicts = await Promise.all(Array.from({ length: 20 }, () => keyring.verifyJson(peer.name, both)))
      assert.ok(verdicts.every(Boolean))
      assert.equal(await keyring.verifyJson(peer.name, { ...both, hello: 'you' }), false)
      assert.equal(await keyring.verifyJson(peer.name, { hello: 'world' }), false)
      assert.equal(peer.asked, 1)
      assert.equal(await keyring.verifyJson(peer.name, signedObject(peer.name, other)), false)
      assert.equal(await keyring.verifyJson(here, signedObject(here, server.context.signingKeys[0])), true)
      assert.equal(await keyring.verifyJson(here, signedObject(here, other)), false)
      await using careless = await startKeyServer(authority, { now: clock.now })
      const { keyId, publicKey } = careless.key
      const old = { old_verify_keys: { [keyId]: { key: publicKey, expired_ts: clock.now() - day } } }
      careless.answer = () => keyDocument(careless.name, [careless.key], clock.now(), old)
      assert.equal(await keyring.verifyJson(careless.name, signedObject(careless.name, careless.key)), true)
    }
    await peer[Symbol.asyncDispose]()
    if (engine === 'postgres') return
    await using server = await startHere({ dataDir, clock })
    assert.equal(await server.context.federation.keyring.verifyJson(peer.name, both), true)
  })
}

test('an answer that the server did not sign, or that is about another one, is not believed', async () => {
  const clock = createTestClock()
  await using server = await startHere({ clock })
  const stranger = newSigningKey('x')
  const lies: Record<string, (name: string, key: SigningKey) => JsonObject> = {
    'another name': (_name, key) => keyDocument('other.example', [key], clock.now()),
    unsigned: (name, key) => ({ ...keyDocument(name, [key], clock.now()), signatures: {} }),
    'signed by a stranger': (name, key) => ({
      ...keyDocument(name, [key], clock.now()),
      signatures: { [name]: { [key.keyId]: stranger.sign('x') } },
    }),
    'signed by a key that it does not name': (name, key) =>
      signJson({ ...keyDocument(name, [key], clock.now()), signatures: {} }, name, stranger),
    'changed afterwards': (name, key) => ({ ...keyDocument(name, [key], clock.now()), valid_until_ts: 9e15 }),
    outdated: (name, key) => keyDocument(name, [key], clock.now() - 2 * day),
    'no keys': (name) => ({ server_name: name, valid_until_ts: clock.now() + day, verify_keys: {}, signatures: {} }),
    'no time': (name, key) =>
      signJson<JsonObject>({ server_name: name, verify_keys: { [key.keyId]: { key: key.publicKey } } }, name, key),
  }
  for (const [lie, answer] of Object.entries(lies)) {
    await using peer = await startKeyServer(authority, { now: clock.now })
    peer.answer = () => answer(peer.name, peer.key)
    const { keyring } = server.context.federation
    assert.equal(await keyring.verifyJson(peer.name, signedObject(peer.name, peer.key)), false, lie)
    assert.equal(peer.asked, 1, lie)
  }
})

test('a key is valid for a week at most, and is then asked for again', async () => {
  const clock = createTestClock()
  await using server = await startHere({ clock })
  await using peer = await startKeyServer(authority, { now: clock.now })
  peer.answer = () => keyDocument(peer.name, [peer.key], clock.now() + 300 * day)
  const { keyring } = server.context.federation
  const check = () => keyring.verifyJson(peer.name, signedObject(peer.name, peer.key))
  assert.equal(await check(), true)
  clock.advance(7 * day)
  assert.equal(await check(), true)
  assert.equal(peer.asked, 1)
  clock.advance(1)
  assert.equal(await check(), true)
  assert.equal(peer.asked, 2)
  peer.answer = () => ({ errcode: 'M_UNKNOWN' })
  clock.advance(8 * day)
  assert.equal(await check(), false)
})

test('an event needs a key that was valid at its time since room version 5', async () => {
  const clock = createTestClock()
  await using server = await startHere({ clock })
  await using peer = await startKeyServer(authority, { now: clock.now })
  const retired = newSigningKey('retired')
  const expired = clock.now() - day
  peer.answer = () =>
    keyDocument(peer.name, [peer.key], clock.now(), {
      old_verify_keys: { [retired.keyId]: { key: retired.publicKey, expired_ts: expired } },
    })
  const { keyring } = server.context.federation
  for (const version of ['1', '4', '5', '11', '12']) {
    const rules = rulesOf(version)
    const event = (key: SigningKey, time: number) => signedEvent(peer.name, key, version, time)
    const forged = { ...event(peer.key, 1), sender: '@alice:elsewhere.invalid' as UserId }
    const verdicts = await keyring.verifyEvents(rules, [
      event(retired, expired),
      event(retired, expired + 1),
      event(peer.key, clock.now()),
      { ...event(peer.key, clock.now()), type: 'm.room.other' },
      forged,
    ])
    assert.deepEqual(verdicts, [true, !rules.enforceKeyValidity, true, false, false], `version ${version}`)
  }
})

test('a server that changes its keys all the time is asked three times and then once a minute', async () => {
  const clock = createTestClock()
  await using server = await startHere({ clock })
  await using peer = await startKeyServer(authority, { now: clock.now })
  const { keyring } = server.context.federation
  const checkNew = () => keyring.verifyJson(peer.name, signedObject(peer.name, newSigningKey('unknown')))
  for (let i = 0; i < 10; i++) assert.equal(await checkNew(), false)
  assert.equal(peer.asked, 3)
  clock.advance(60_000)
  for (let i = 0; i < 10; i++) assert.equal(await checkNew(), false)
  assert.equal(peer.asked, 4)
})

test('a notary that is trusted speaks for a server that is gone', async () => {
  const clock = createTestClock()
  const gone = newSigningKey('gone')
  const name = 'localhost:1' as ServerName
  let passedOn: JsonObject[] = []
  await using notary = await startKeyServer(authority, {
    now: clock.now,
    otherwise: (_request, response) => response.end(JSON.stringify({ server_keys: passedOn })),
  })
  await using server = await startHere({ clock }, { trusted_key_servers: [notary.name] })
  const { keyring } = server.context.federation
  const check = () => keyring.verifyJson(name, signedObject(name, gone))
  const document = keyDocument(name, [gone], clock.now())
  passedOn = [document, signJson(document, notary.name, newSigningKey()), { ...document, server_name: 'x.example' }]
  assert.equal(await check(), false)
  passedOn = [signJson({ ...document, valid_until_ts: 9e15 }, notary.name, notary.key)]
  assert.equal(await check(), false)
  passedOn = [signJson(document, notary.name, notary.key)]
  assert.equal(await check(), true)
})

test('a notary passes on what it knows, with its own signature', async () => {
  const clock = createTestClock()
  await using server = await startHere({ clock }, { denied_servers: ['denied.example'] })
  await using peer = await startKeyServer(authority, { now: clock.now })
  const { client, context } = server
  const [own] = context.signingKeys
  const query = (path: string) => client.get<{ server_keys: JsonObject[] }>(path)
  const path = at`/_matrix/key/v2/query/${peer.name}`
  const { server_keys: first } = await query(path)
  const [answer] = first
  assert.ok(answer)
  assert.equal(first.length, 1)
  assert.ok(verifyJson(answer, peer.name, peer.key.keyId, peer.key.publicKey))
  assert.ok(verifyJson(answer, here, own.keyId, own.publicKey))
  assert.deepEqual((await query(path)).server_keys, first)
  assert.equal(peer.asked, 1)

  await query(`${path}?minimum_valid_until_ts=${clock.now() + day + 1}`)
  assert.equal(peer.asked, 2)
  clock.advance(day / 2)
  assert.notDeepEqual((await query(path)).server_keys, first)
  assert.equal(peer.asked, 3)

  const many = await client.post<{ server_keys: JsonObject[] }>('/_matrix/key/v2/query', {
    server_keys: {
      [peer.name]: { [peer.key.keyId]: { minimum_valid_until_ts: 1 } },
      [here]: {},
      'localhost:1': {},
      'denied.example': {},
      'no server': {},
    },
  })
  assert.deepEqual(many.server_keys.map(({ server_name: name }) => name).sort(), [here, peer.name])
  assert.deepEqual(await client.post('/_matrix/key/v2/query', { server_keys: {} }), { server_keys: [] })
  for (const [body, errcode] of [
    [{}, 'M_MISSING_PARAM'],
    [{ server_keys: [] }, 'M_BAD_JSON'],
    [{ server_keys: { x: 1 } }, 'M_BAD_JSON'],
  ] as const) {
    const refused = await client.request('POST', '/_matrix/key/v2/query', { body, expect: 400 })
    assert.equal(refused.body.errcode, errcode)
  }

  await peer[Symbol.asyncDispose]()
  clock.advance(10 * day)
  const { server_keys: last } = await query(path)
  assert.equal(last.length, 1)
})

test('a server that keeps to itself answers no other and asks none', async () => {
  await using peer = await startKeyServer(authority)
  await using server = await startHere({}, { enabled: false })
  for (const path of ['/_matrix/key/v2/server', '/_matrix/federation/v1/version', '/.well-known/matrix/server']) {
    const { body } = await server.client.request('GET', path, { expect: 404 })
    assert.equal(body.errcode, 'M_UNRECOGNIZED', path)
  }
  assert.equal(await server.context.federation.keyring.verifyJson(peer.name, signedObject(peer.name, peer.key)), false)
  assert.equal(peer.asked, 0)
})

test('which program answers is no secret', async () => {
  await using server = await startHere()
  const { server: program } = await server.client.get<{ server: JsonObject }>('/_matrix/federation/v1/version')
  assert.equal(program.name, 'Ringback')
  assert.match(String(program.version), /^\d+\.\d+\.\d+/)
})
