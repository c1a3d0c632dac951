import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { startProgram, temporaryFolder } from './helpers/program.ts'
import { createTestServer } from './helpers/server.ts'

function run(dataDir: string, args: string[], input = '') {
  return startProgram(args, { env: { RINGBACK__DATA_DIR: dataDir }, input }).ended
}

test('user create and token create work before the first start', async (t) => {
  const dataDir = join(temporaryFolder(t), 'data')
  const made = await run(dataDir, ['user', 'create', 'Root', '--password-stdin', '--admin'], 'secret\nmore\n')
  assert.deepEqual(made, { code: 0, stdout: '@root:localhost\n', stderr: '' })
  const token = await run(dataDir, ['token', 'create', '--uses', '1', '--expires', '1h'])
  assert.match(token.stdout, /^[A-Za-z0-9]{16}\n$/)

  await using server = await createTestServer({ dataDir, config: { registration: { require_token: true } } })
  const login = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'root' }, password: 'secret' }
  const grant = await server.client.post('/_matrix/client/v3/login', login)
  const { accounts, db } = server.context
  assert.equal((await db.read((r) => accounts.users.get(r, grant.user_id as never)))?.isAdmin, true)
  assert.equal(await accounts.checkRegistrationToken(token.stdout.trim()), true)

  const beside = await run(dataDir, ['user', 'create', 'alice', '--password-stdin'], 'secret')
  assert.deepEqual(beside, { code: 0, stdout: '@alice:localhost\n', stderr: '' })
  await server.client.post('/_matrix/client/v3/login', {
    ...login,
    identifier: { type: 'm.id.user', user: 'alice' },
  })
})

test('what cannot be made is one sentence', async (t) => {
  const dataDir = join(temporaryFolder(t), 'data')
  await run(dataDir, ['user', 'create', 'alice', '--password-stdin'], 'secret')
  for (const [args, input, code, expected] of [
    [['user', 'create', 'alice', '--password-stdin'], 'secret', 1, /^This user id is taken\n$/],
    [['user', 'create', 'a b', '--password-stdin'], 'secret', 1, /^User names consist of .+\n$/],
    [['user', 'create', 'bob', '--password-stdin'], '', 1, /^The password is empty\n$/],
    [['user', 'create', 'bob'], '', 2, /^Give --password-stdin .+\n$/],
    [['token', 'create', '--uses', '0'], '', 2, /^--uses must be .+\n$/],
    [['token', 'create', '--expires', 'soon'], '', 2, /^--expires must be .+\n$/],
  ] as const) {
    const ended = await run(dataDir, [...args], input)
    assert.match(ended.stderr, expected)
    assert.deepEqual([ended.code, ended.stdout], [code, ''])
  }
})
