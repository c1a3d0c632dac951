import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAppservice } from '../../accounts/appservices/appservice.ts'
import { registrationSchema } from '../../accounts/appservices/registration.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { ServerName } from '../../matrix/ids.ts'
import { FetchError } from '../../util/fetch-error.ts'
import { ping } from './ping.ts'

const registration = registrationSchema.parse({
  id: 'irc',
  url: 'http://service',
  as_token: 'a',
  hs_token: 'h',
  sender_localpart: 'irc',
  namespaces: {},
})
const service = createAppservice(registration, 'localhost' as ServerName)

async function failure(error: Error): Promise<unknown> {
  const request = () => Promise.reject(error)
  return ping({ request, close: () => {} }, service, undefined).then(
    () => undefined,
    (thrown: unknown) => (thrown instanceof MatrixError ? [thrown.status, thrown.errcode] : thrown),
  )
}

test('a service that does not answer in time is told apart from one that cannot be reached', async () => {
  assert.deepEqual(await failure(new FetchError('timeout', 'late')), [504, 'M_CONNECTION_TIMEOUT'])
  assert.deepEqual(await failure(new FetchError('network', 'refused')), [502, 'M_CONNECTION_FAILED'])
  const fault = new TypeError('a fault of ours')
  assert.equal(await failure(fault), fault)
})
