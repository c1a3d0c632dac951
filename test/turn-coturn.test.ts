import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { findProgram } from '../src/config/find-program.ts'
import { probeTurn } from '../src/util/turn/turn-probe.ts'
import { freePort } from './helpers/program.ts'
import { createTestServer } from './helpers/server.ts'

const program = findProgram('turnserver')
const skip = program === undefined && 'coturn is not installed'
const sample = fileURLToPath(new URL('../packaging/turnserver.conf', import.meta.url))
const secret = 'n0tsecret'
let folder: string
let port: number
let coturn: ChildProcess | undefined

async function answers(): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

before(async () => {
  if (program === undefined) return
  folder = mkdtempSync(join(tmpdir(), 'ringback-coturn-'))
  port = await freePort()
  const options = ['-c', sample, '--no-tls', '--no-dtls', `--static-auth-secret=${secret}`, '--realm=example.org']
  const places = ['--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', `--listening-port=${port}`]
  const files = ['--log-file=stdout', '--pidfile', join(folder, 'pid'), '-b', join(folder, 'db')]
  coturn = spawn(program, [...options, ...places, ...files], { stdio: 'ignore', cwd: folder })
  for (let i = 0; i < 100 && !(await answers()); i++) await pause(50)
})
after(async () => {
  if (coturn === undefined) return
  coturn.kill('SIGKILL')
  await once(coturn, 'exit')
  rmSync(folder, { recursive: true, force: true })
})

test('coturn gives a relay for the credentials of a user, over UDP and TCP', { skip }, async () => {
  const uris = [`turn:127.0.0.1:${port}?transport=udp`, `turn:127.0.0.1:${port}?transport=tcp`]
  await using server = await createTestServer({ config: { voip: { turn: { uris, shared_secret: secret } } } })
  const alice = await server.user('alice')
  const given = await alice.get<{ username: string; password: string; uris: string[] }>(
    '/_matrix/client/v3/voip/turnServer',
  )
  assert.deepEqual(given.uris, uris)
  for (const uri of given.uris) assert.match(await probeTurn(uri, given), /^127\.0\.0\.1:\d+$/)
  assert.match(await probeTurn(`stun:127.0.0.1:${port}`, given), /^127\.0\.0\.1:\d+$/)
  const wrong = { ...given, password: `${given.password}x` }
  await assert.rejects(probeTurn(uris[0] ?? '', wrong), /same shared secret/)
  const expired = { ...given, username: `1:${alice.userId}` }
  await assert.rejects(probeTurn(uris[1] ?? '', expired), /same shared secret/)
})

test('a server that is not there is told from one that refuses', async () => {
  const login = { username: 'x', password: 'y' }
  await assert.rejects(probeTurn(`turn:127.0.0.1:${await freePort()}?transport=tcp`, login), /ECONNREFUSED/)
  await assert.rejects(probeTurn(`turn:127.0.0.1:${await freePort()}`, login, 200), /nothing answers|ECONNREFUSED/)
  await assert.rejects(probeTurn('http://127.0.0.1', login), /no address/)
})
