import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { createTestClock } from '../src/util/clock.ts'
import { createTestServer } from './helpers/server.ts'

const path = '/_matrix/client/v3/voip/turnServer'
const uris = ['turn:turn.example.org?transport=udp', 'turns:turn.example.org?transport=tcp']

test('users get credentials for the TURN server, guests do not', async () => {
  const config = {
    voip: { turn: { uris, shared_secret: 'n0tsecret', ttl: '12h' } },
    registration: { guests: true },
  }
  await using server = await createTestServer({ clock: createTestClock(), config })
  const alice = await server.user('alice')
  const answer = await alice.get<{ username: string; password: string; uris: string[]; ttl: number }>(path)
  assert.equal(answer.username, `${1_700_000_000 + 12 * 3600}:@alice:localhost`)
  assert.equal(answer.password, createHmac('sha1', 'n0tsecret').update(answer.username).digest('base64'))
  assert.deepEqual(answer.uris, uris)
  assert.equal(answer.ttl, 12 * 3600)
  const guest = await server.client.post<{ access_token: string }>('/_matrix/client/v3/register?kind=guest')
  const refused = await server.client.as(guest.access_token).request('GET', path, { expect: 403 })
  assert.equal(refused.body.errcode, 'M_GUEST_ACCESS_FORBIDDEN')
  await server.client.request('GET', path, { expect: 401 })
})

test('guests get credentials where the configuration says so', async () => {
  const turn = { uris: [...uris, 'turn:turn2.example.org'], shared_secret: 'n0tsecret', guests: true }
  await using server = await createTestServer({ config: { voip: { turn }, registration: { guests: true } } })
  const guest = await server.client.post<{ access_token: string; user_id: string }>(
    '/_matrix/client/v3/register?kind=guest',
  )
  const answer = await server.client.as(guest.access_token).get<{ username: string; uris: string[] }>(path)
  assert.ok(answer.username.endsWith(`:${guest.user_id}`))
  assert.deepEqual(answer.uris, turn.uris)
})

test('without a TURN server the answer is an empty object', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  assert.deepEqual(await alice.get(path), {})
})
