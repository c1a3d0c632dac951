import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Endpoint } from '../src/http/endpoint.ts'
import { endpoints } from '../src/routes.ts'
import { createLog } from '../src/util/log.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { type Guess, guesses } from './helpers/guesses.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'

/** Argon2 and pages are of other tests; these only cost time here. */
const unfit = /^\/(setup|health)|\/fallback\/|\/account_validity\/renew/

for (const engine of engines) {
  test(`requests that are nearly right are answered without a fault (${engine})`, {
    skip: skipEngine(engine),
  }, async () => {
    const faults: string[] = []
    const log = createLog({ level: 'error', format: 'json', write: (line) => void faults.push(line) })
    await using server = await createTestServer({ engine, log })
    const alice = await server.user('alice', { admin: true })
    const room = await alice.post<{ room_id: string }>('/_matrix/client/v3/createRoom', { preset: 'public_chat' })
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room.room_id)}/send/m.room.message/t`
    const { event_id } = await alice.put<{ event_id: string }>(path, { msgtype: 'm.text', body: 'hello' })
    for (const [i, endpoint] of endpoints(server.context).entries()) {
      if (unfit.test(endpoint.path)) continue
      // Somebody new each time, since some requests end the account or the login.
      const user = await server.user(`somebody-${i}`)
      const known = [room.room_id, event_id, user.userId, user.deviceId, alice.userId, '#a:localhost', 'm.room.member']
      await user.post(`/_matrix/client/v3/join/${encodeURIComponent(room.room_id)}`)
      await fc.assert(
        fc.asyncProperty(guesses(endpoint, known), (guess) => check(user, endpoint, guess)),
        { numRuns: engine === 'sqlite' ? 10 : 4, endOnFailure: true },
      )
      assert.deepEqual(faults, [], `${endpoint.method} ${endpoint.path}`)
    }
  })
}

async function check(user: TestUser, endpoint: Endpoint, { params, query, body }: Guess): Promise<void> {
  const path = endpoint.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))
  const answer = await user.request(endpoint.method, path, {
    query: { ...query, timeout: query.timeout === undefined ? undefined : '0' },
    ...(endpoint.body && endpoint.method !== 'GET' ? { body: JSON.stringify(body) } : {}),
  })
  // Guesses name servers that are nowhere.
  const isElsewhere = answer.status === 502 || answer.status === 504
  assert.ok(answer.status < 500 || isElsewhere, `${endpoint.method} ${path} -> ${answer.text.slice(0, 300)}`)
  const isPage = answer.headers.get('content-type')?.startsWith('text/html')
  if (answer.status >= 400 && !isPage && !('flows' in answer.body))
    assert.match(String(answer.body.errcode), /^M_/, `${endpoint.method} ${path}`)
}
