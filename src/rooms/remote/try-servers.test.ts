import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RemoteError } from '../../federation/client/ports.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { ServerName } from '../../matrix/ids.ts'
import { FetchError } from '../../util/fetch-error.ts'
import { createLog } from '../../util/log.ts'
import { asAnswer, tryServers, UnusableAnswer } from './try-servers.ts'

const log = createLog({ level: 'silent', format: 'json' })
const servers = ['a.example', 'b.example', 'c.example'] as ServerName[]
const refusal = (status: number, errcode: string, extra = {}) =>
  new RemoteError(servers[0] as ServerName, status, errcode, 'no', extra)

async function failure(errors: readonly Error[]): Promise<[number, string]> {
  let i = 0
  const task = tryServers(servers.slice(0, errors.length), log, () => Promise.reject(errors[i++]))
  const error = await task.then(
    () => assert.fail('nobody helped'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof MatrixError)
  return [error.status, error.errcode]
}

test('the first server that helps is the last that is asked', async () => {
  const asked: string[] = []
  const found = await tryServers(servers, log, async (server) => {
    asked.push(server)
    if (server === 'a.example') throw new FetchError('network', 'gone')
    return server
  })
  assert.deepEqual([found, asked], ['b.example', ['a.example', 'b.example']])
})

test('of all refusals the user gets the one that says most', async () => {
  const gone = new FetchError('timeout', 'gone')
  assert.deepEqual(await failure([]), [404, 'M_NOT_FOUND'])
  assert.deepEqual(await failure([gone, new UnusableAnswer('lies')]), [502, 'M_UNKNOWN'])
  assert.deepEqual(await failure([gone, refusal(404, 'M_NOT_FOUND')]), [404, 'M_NOT_FOUND'])
  assert.deepEqual(await failure([refusal(404, 'M_NOT_FOUND'), refusal(403, 'M_FORBIDDEN')]), [403, 'M_FORBIDDEN'])
  assert.deepEqual(await failure([refusal(400, 'M_UNABLE_TO_GRANT_JOIN'), gone]), [400, 'M_UNABLE_TO_GRANT_JOIN'])
})

test('servers that have failed before are asked again where no other helps', async () => {
  const asked: string[] = []
  const ask = async (server: ServerName, isLastHope: boolean) => {
    asked.push(`${server} ${isLastHope}`)
    if (server === 'b.example') throw refusal(404, 'M_NOT_FOUND')
    if (!isLastHope) throw new FetchError('backing_off', 'has just failed')
    if (server === 'a.example') throw new FetchError('network', 'gone')
    return server
  }
  assert.equal(await tryServers(servers, log, ask), 'c.example')
  assert.deepEqual(asked.slice(3), ['a.example true', 'c.example true'])
})

test('another server cannot have our clients told what it likes', () => {
  for (const [status, errcode] of [
    [401, 'M_UNKNOWN_TOKEN'],
    [400, 'M_INVALID_PARAM'],
    [429, 'M_LIMIT_EXCEEDED'],
    [200, 'M_X'],
    [500, 'M_FORBIDDEN'],
  ] as const) {
    assert.equal(asAnswer([refusal(status, errcode)]).status, 502)
  }
  const { body } = asAnswer([refusal(403, 'M_UNKNOWN_TOKEN', { soft_logout: true })])
  assert.deepEqual(body, { errcode: 'M_FORBIDDEN', error: 'no' })
})

test('a fault of ours is none of the server', async () => {
  await assert.rejects(
    tryServers(servers, log, () => Promise.reject(new TypeError('ours'))),
    TypeError,
  )
})
