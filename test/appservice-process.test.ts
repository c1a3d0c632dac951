import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { bodiesIn, startAppservice } from './helpers/appservice.ts'
import { at } from './helpers/client.ts'
import { startProgram, temporaryFolder } from './helpers/program.ts'
import { createRoom } from './helpers/rooms.ts'
import { startServerProcess } from './helpers/server-process.ts'

const filesKey = 'RINGBACK__APPSERVICES__REGISTRATION_FILES'

test('what was acknowledged reaches the service once and in order, whenever the server is killed', async (t) => {
  await using service = await startAppservice()
  const dataDir = join(temporaryFolder(t), 'data')
  const options = { dataDir, env: { [filesKey]: service.file } }
  const first = await startServerProcess(t, options)
  const alice = await first.register('alice')
  const room = await createRoom(alice, { invite: ['@irc_bot:localhost'] })
  await first.client.as(service.asToken).post(at`/_matrix/client/v3/join/${room}`)

  let server = first
  const sent: string[] = []
  const acknowledged = new Set<string>()
  for (let round = 0; round < 3; round++) {
    const client = server.client.as(alice.accessToken)
    let killed: Promise<void> | undefined
    for (let n = 0; killed === undefined; n++) {
      const body = `${round}.${n}`
      const path = at`/_matrix/client/v3/rooms/${room}/send/m.room.message/${body}`
      sent.push(body)
      await client.put(path, { msgtype: 'm.text', body })
      acknowledged.add(body)
      // In the middle of what the service is being told.
      if (n === 20 + round * 7) killed = server.kill()
    }
    await killed
    server = await startServerProcess(t, options)
  }
  const last = sent.at(-1)
  await service.until(() => bodiesIn(service).includes(last), 'the last message')
  const arrived = bodiesIn(service)
  assert.deepEqual(arrived, sent, 'each once, in the order in which they were sent')
  for (const body of acknowledged) assert.ok(arrived.includes(body), `${body} was lost`)
  assert.equal(await server.stop(), 0)
})

test('SIGHUP reads registration files again, and says what is wrong with one', async (t) => {
  await using service = await startAppservice()
  const server = await startServerProcess(t, { env: { [filesKey]: service.file } })
  const whoami = async (token: string) =>
    (await server.client.as(token).request('GET', '/_matrix/client/v3/account/whoami')).status
  assert.equal(await whoami(service.asToken), 200)
  service.register({ as_token: 'another' })
  process.kill(server.pid, 'SIGHUP')
  await server.program.printed(/SIGHUP: certificates and registration files were read again/)
  assert.deepEqual([await whoami(service.asToken), await whoami('another')], [401, 200])
  service.register({ hs_token: 7 })
  process.kill(server.pid, 'SIGHUP')
  await server.program.printed(/SIGHUP: \S+irc\.yaml: hs_token is set, but must be text/)
  assert.equal(await whoami('another'), 200)
})

test('a registration file that is wrong keeps the server from starting, in one sentence', async (t) => {
  const folder = temporaryFolder(t)
  const file = join(folder, 'irc.yaml')
  writeFileSync(file, 'id: irc\nurl: null\nas_token: a\nhs_token: h\nsender_localpart: b\n')
  const env = { RINGBACK__DATA_DIR: join(folder, 'data'), [filesKey]: file }
  const expected = `${file}: namespaces is missing; write the lists users, rooms and aliases, empty ones as [].\n`
  for (const args of [['serve'], ['config', 'check']]) {
    const { code, stderr } = await startProgram(args, { env }).ended
    assert.deepEqual([code, stderr], [1, expected], args.join(' '))
  }
})
