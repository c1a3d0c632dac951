import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { freePort, startProgram, temporaryFolder } from './helpers/program.ts'

async function start(t: { after(fn: () => void): void }, env: Record<string, string> = {}, args = ['serve']) {
  const folder = temporaryFolder(t)
  const port = await freePort()
  const program = startProgram(args, {
    env: { RINGBACK__DATA_DIR: join(folder, 'data'), RINGBACK__LISTENERS__0__PORT: String(port), ...env },
  })
  t.after(() => void program.child.kill('SIGKILL'))
  return { ...program, folder, port, url: `http://127.0.0.1:${port}` }
}

test('the server starts without configuration, answers, and stops cleanly on each signal', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const program = await start(t)
    await program.printed(/Ringback serves localhost at/)
    const answer = await fetch(`${program.url}/_matrix/client/versions`)
    assert.equal(answer.status, 200)
    await answer.text()
    program.child.kill(signal)
    const { code, stderr } = await program.ended
    assert.equal(code, 0)
    assert.equal(stderr, '')
  }
})

test('SIGHUP reads certificates again and the server goes on', async (t) => {
  const program = await start(t)
  await program.printed(/Ringback serves/)
  program.child.kill('SIGHUP')
  await program.printed(/SIGHUP: certificates/)
  assert.equal((await fetch(`${program.url}/_matrix/client/versions`)).status, 200)
  program.child.kill('SIGTERM')
  assert.equal((await program.ended).code, 0)
})

/** Starts with settings that cannot work, and returns the one line that was printed. */
async function failure(t: { after(fn: () => void): void }, env: Record<string, string>): Promise<string> {
  const { ended } = await start(t, env)
  const { code, stderr } = await ended
  assert.equal(code, 1)
  assert.match(stderr, /^[^\n]+\n$/)
  return stderr
}

test('a start that cannot work is one sentence', async (t) => {
  const folder = temporaryFolder(t)
  const taken = createServer().listen(0, '127.0.0.1')
  t.after(() => void taken.close())
  t.after(() => void taken.close())
  await once(taken, 'listening')
  const address = taken.address()
  assert.ok(address !== null && typeof address === 'object')
  assert.match(await failure(t, { RINGBACK__LISTENERS__0__PORT: String(address.port) }), /already listens on/)
  assert.match(
    await failure(t, { RINGBACK__LOG__LEVEL: 'loud' }),
    /^log\.level \(set by RINGBACK__LOG__LEVEL\) is "loud"/,
  )
  assert.match(await failure(t, { RINGBACK_CONFIG: '/does/not/exist.yaml' }), /exist\.yaml does not exist/)
  writeFileSync(join(folder, 'file'), '')
  assert.match(await failure(t, { RINGBACK__DATA_DIR: join(folder, 'file', 'x') }), /folder/)
  writeFileSync(join(folder, 'ringback.db'), 'this is no database, and long enough to be seen as one'.repeat(40))
  assert.match(await failure(t, { RINGBACK__DATA_DIR: folder }), /damaged or no database/)
  assert.match(await failure(t, { RINGBACK__DATABASE__URL: 'postgres://u:p@127.0.0.1:1/x' }), /cannot be reached/)
})

test('a data folder that cannot be written is one sentence', {
  skip: process.getuid?.() === 0 && 'root may write everywhere',
}, async (t) => {
  const folder = temporaryFolder(t)
  chmodSync(folder, 0o500)
  assert.match(await failure(t, { RINGBACK__DATA_DIR: join(folder, 'data') }), /may not be used by this user/)
})

test('a second server on the same data is refused', async (t) => {
  const first = await start(t)
  await first.printed(/Ringback serves/)
  assert.match(await failure(t, { RINGBACK__DATA_DIR: join(first.folder, 'data') }), /already running/)
  first.child.kill('SIGTERM')
  await first.ended
})
