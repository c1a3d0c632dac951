import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serverDiscovery } from '../src/accounts/discovery/well-known.ts'
import { configSchema } from '../src/config/schema.ts'
import { createTestServer, testConfig } from './helpers/server.ts'

test('clients and people find what the configuration names', async () => {
  const contacts = [
    { role: 'm.role.admin', matrix_id: '@admin:example.org', email_address: 'admin@example.org' },
    { role: 'm.role.security', email_address: 'security@example.org' },
  ]
  await using server = await createTestServer({
    config: {
      well_known: { identity_server: 'https://id.example.org/', client: { 'org.example.x': { a: [1] } } },
      support: { contacts, page: 'https://example.org/help' },
    },
  })
  assert.deepEqual(await server.client.get('/.well-known/matrix/client'), {
    'm.homeserver': { base_url: server.url },
    'm.identity_server': { base_url: 'https://id.example.org' },
    'org.example.x': { a: [1] },
  })
  const { body, headers } = await server.client.request('GET', '/.well-known/matrix/support', { expect: 200 })
  assert.deepEqual(body, { contacts, support_page: 'https://example.org/help' })
  assert.equal(headers.get('access-control-allow-origin'), '*')
  assert.equal(headers.get('content-type'), 'application/json')
})

test('what is not published is not found, and OAuth 2.0 is not recognized', async () => {
  await using server = await createTestServer()
  for (const name of ['support', 'server', 'policy_server']) {
    const { body } = await server.client.request('GET', `/.well-known/matrix/${name}`, { expect: 404 })
    assert.equal(body.errcode, 'M_NOT_FOUND', name)
  }
  for (const path of ['v1/auth_metadata', 'unstable/org.matrix.msc2965/auth_metadata']) {
    const { body } = await server.client.request('GET', `/_matrix/client/${path}`, { expect: 404 })
    assert.equal(body.errcode, 'M_UNRECOGNIZED')
  }
})

test('servers are sent to public_url, or to where the configuration says', async () => {
  const found = (overrides: Record<string, unknown>) => serverDiscovery(testConfig('/tmp', overrides))
  assert.deepEqual(found({ public_url: 'https://matrix.example.org' }), { 'm.server': 'matrix.example.org:443' })
  assert.deepEqual(found({ public_url: 'https://[::1]:8448' }), { 'm.server': '[::1]:8448' })
  assert.equal(found({ public_url: 'http://matrix.example.org' }), undefined)
  const server = 'federation.example.org:8448'
  assert.deepEqual(found({ well_known: { server } }), { 'm.server': server })
  assert.equal(found({ well_known: { server }, federation: { enabled: false } }), undefined)
  for (const wrong of [
    { well_known: { server: 'https://x' } },
    { support: { contacts: [{ role: 'm.role.admin' }] } },
    { support: { contacts: [{ role: 'm.role.admin', email_address: 'x' }] } },
  ]) {
    assert.equal(configSchema.safeParse(wrong).success, false, JSON.stringify(wrong))
  }
})

test('versions are told to everybody, but not to a wrong token', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  for (const client of [server.client, alice]) {
    const { headers } = await client.request('GET', '/_matrix/client/versions', { expect: 200 })
    assert.equal(headers.get('vary'), 'Authorization')
  }
  const wrong = server.client.as('wrong')
  const { body } = await wrong.request('GET', '/_matrix/client/versions', { expect: 401 })
  assert.equal(body.errcode, 'M_UNKNOWN_TOKEN')
})
