import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserId } from '../matrix/ids.ts'
import { createTurn } from './turn.ts'

const alice = '@alice:example.org' as UserId
const clock = { now: () => 1_700_000_000_500 }
const uris = ['turn:turn.example.org?transport=udp', 'turns:turn.example.org?transport=tcp']

test('credentials expire with their lifetime and carry the MAC that coturn computes', () => {
  const turn = createTurn(clock, { uris, shared_secret: 'n0tsecret', ttl: 3_600_000 })
  assert.deepEqual(turn.credentials(alice), {
    username: '1700003600:@alice:example.org',
    // printf 1700003600:@alice:example.org | openssl dgst -sha1 -hmac n0tsecret -binary | base64
    password: 'mf5q8H6093C1K8rGSv9VLOmmbEw=',
    uris,
    ttl: 3600,
  })
})

test('there are none without addresses or without the secret', () => {
  assert.equal(createTurn(clock, { uris: [], shared_secret: 'n0tsecret', ttl: 1000 }).credentials(alice), undefined)
  assert.equal(createTurn(clock, { uris, ttl: 1000 }).credentials(alice), undefined)
})
