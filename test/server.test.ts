import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createServer } from '../src/server.ts'
import { createTestServer, testConfig } from './helpers/server.ts'

test('a server answers discovery, health and unknown paths', async () => {
  await using server = await createTestServer()
  const get = async (path: string) => {
    const response = await fetch(server.url + path)
    return { status: response.status, body: (await response.json()) as Record<string, unknown>, response }
  }
  assert.equal((await get('/health')).status, 200)
  const versions = await get('/_matrix/client/versions')
  assert.ok((versions.body.versions as string[]).includes('v1.10'))
  assert.equal(versions.response.headers.get('vary'), 'Authorization')
  assert.deepEqual((await get('/.well-known/matrix/client')).body, { 'm.homeserver': { base_url: server.url } })
  assert.deepEqual((await get('/_matrix/client/v3/capabilities')).body.errcode, 'M_MISSING_TOKEN')
  assert.deepEqual((await get('/_matrix/client/nothing')).body.errcode, 'M_UNRECOGNIZED')
})

test('the signing key is kept, and readable by its owner alone', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'ringback-test-'))
  const first = await createTestServer({ dataDir })
  const { keyId } = first.context.signingKeys[0]
  assert.equal(statSync(join(dataDir, 'signing.key')).mode & 0o777, 0o600)
  await first.stop()
  const second = await createTestServer({ dataDir })
  assert.equal(second.context.signingKeys[0].keyId, keyId)
  await second.stop()
  rmSync(dataDir, { recursive: true })
})

test('a second server on the same data is refused in one sentence', async () => {
  await using server = await createTestServer()
  await assert.rejects(
    createServer(testConfig(server.dataDir)),
    /^StartupError: Another Ringback is already running on /,
  )
})

test('a changed server name is refused in a sentence that names both', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'ringback-test-'))
  await (await createTestServer({ dataDir, config: { server_name: 'one.example' } })).stop()
  await assert.rejects(
    createServer(testConfig(dataDir, { server_name: 'two.example' })),
    /belongs to the server "one.example", but server_name is "two.example"/,
  )
  await (await createTestServer({ dataDir, config: { server_name: 'one.example' } })).stop()
  rmSync(dataDir, { recursive: true })
})

test('an address that is in use fails the start, and everything is given back', async () => {
  await using server = await createTestServer()
  const port = Number(new URL(server.url).port)
  const dataDir = mkdtempSync(join(tmpdir(), 'ringback-test-'))
  const other = await createServer(testConfig(dataDir, { listeners: [{ port }] }))
  await assert.rejects(other.start(), { code: 'EADDRINUSE' })
  await (await createTestServer({ dataDir })).stop()
  rmSync(dataDir, { recursive: true })
})
