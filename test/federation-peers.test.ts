import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPeer } from './helpers/federation/peer.ts'
import { createFederatedServer } from './helpers/federation/servers.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'

test('a server and a test server find each other by name, over TLS, with each other’s keys', {
  skip: withoutOpenssl,
}, async () => {
  await using server = await createFederatedServer()
  await using peer = await createPeer()
  const { body } = await peer.request(server.serverName, 'GET', '/_matrix/federation/v1/version', { expect: 200 })
  assert.deepEqual(Object(body.server).name, 'Ringback')
  const user = await server.user('alice')
  const path = `/_matrix/federation/v1/query/profile?user_id=${encodeURIComponent(user.userId)}`
  const profile = await peer.request(server.serverName, 'GET', path, { expect: 200 })
  assert.equal(profile.body.displayname, 'alice')
  const unsigned = await peer.request(server.serverName, 'GET', path, { authorization: null })
  assert.equal(unsigned.status, 401)
})
