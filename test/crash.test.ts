import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { randomInt } from '../src/util/random.ts'
import { at } from './helpers/client.ts'
import { testOnEngines } from './helpers/engines.ts'
import { createFollower, type Follower, pageBack } from './helpers/follower.ts'
import { accountDataPath, createLedger, type Ledger, putMessage, writeUntilGone } from './helpers/load.ts'
import { startProgram, temporaryFolder } from './helpers/program.ts'
import type { TestUser } from './helpers/server.ts'
import { type ServerProcess, startServerProcess } from './helpers/server-process.ts'
import { type SyncEvent, sync } from './helpers/sync.ts'

const rounds = 2

testOnEngines('what was acknowledged is there after kill -9 under load', async (t, { engine, url }) => {
  const storage = engine === 'postgres' ? { databaseUrl: url } : {}
  let server = await startServerProcess(t, storage)
  const users = await Promise.all(['alice', 'bob', 'carol'].map((name) => server.register(name)))
  const rooms = await Promise.all(users.map(() => makeRoom(users)))
  const followers = await Promise.all(users.map(createFollower))
  const ledger = createLedger()
  for (let round = 0; round < rounds; round++) {
    await killUnderLoad(t, server, { users, rooms, followers }, ledger)
    server = await startServerProcess(t, {
      ...storage,
      dataDir: server.dataDir,
      env: { RINGBACK__LISTENERS__0__PORT: new URL(server.url).port },
    })
    await checkMessages(ledger, rooms, users)
    await checkDelivery(ledger, followers)
    await checkUserData(ledger, users)
    await checkAccounts(ledger, server)
  }
  assert.equal(await server.stop(), 0)
})

test('a first start that is cut off does not hinder the next', async (t) => {
  const dataDir = join(temporaryFolder(t), 'data')
  for (let round = 0; round < 4; round++) {
    const { child } = startProgram(['serve'], {
      env: { RINGBACK__DATA_DIR: dataDir, RINGBACK__LISTENERS__0__PORT: '0', RINGBACK__LOG__LEVEL: 'warn' },
    })
    const moment = randomInt(100, 900)
    t.diagnostic(`killed ${moment} ms after its start`)
    setTimeout(() => child.kill('SIGKILL'), moment)
    await once(child, 'close')
  }
  const server = await startServerProcess(t, { dataDir })
  await server.register('alice')
  assert.equal(await server.stop(), 0)
})

async function makeRoom([creator, ...others]: readonly TestUser[]): Promise<string> {
  assert.ok(creator)
  const preset = 'public_chat'
  const { room_id } = await creator.post<{ room_id: string }>('/_matrix/client/v3/createRoom', { preset })
  for (const user of others) await user.post(at`/_matrix/client/v3/join/${room_id}`)
  return room_id
}

interface Crowd {
  users: readonly TestUser[]
  rooms: readonly string[]
  followers: readonly Follower[]
}

async function killUnderLoad(t: TestContext, server: ServerProcess, crowd: Crowd, ledger: Ledger): Promise<void> {
  const moment = randomInt(100, 600)
  const onAcknowledged = (count: number) => {
    if (count === moment) server.program.child.kill('SIGKILL')
  }
  await writeUntilGone({ client: server.client, ...crowd, onAcknowledged }, ledger)
  await server.kill()
  const { length } = ledger.messages.filter(({ eventId }) => eventId)
  t.diagnostic(`killed after ${moment} answers; ${length} messages acknowledged so far`)
}

/** Every acknowledged message is there once, and so is each that was under way once it is sent again. */
async function checkMessages(ledger: Ledger, rooms: readonly string[], [reader]: readonly TestUser[]): Promise<void> {
  assert.ok(reader)
  for (const message of ledger.messages) {
    const { event_id } = await putMessage(message.user, message.roomId, message.txnId)
    if (message.eventId !== undefined) assert.equal(event_id, message.eventId, 'a repeated transaction id')
    message.eventId = event_id
  }
  for (const roomId of rooms) {
    const seen: SyncEvent[] = (await pageBack(reader, roomId)).filter(({ type }) => type === 'm.room.message')
    const sent = ledger.messages.filter((message) => message.roomId === roomId)
    assert.deepEqual(new Set(seen.map(({ event_id }) => event_id)), new Set(sent.map(({ eventId }) => eventId)))
    assert.equal(seen.length, sent.length)
    assert.deepEqual(new Set(seen.map(({ content }) => content.body)), new Set(sent.map(({ txnId }) => txnId)))
  }
}

/** Clients go on with the token that they have, and miss and repeat nothing. */
async function checkDelivery(ledger: Ledger, followers: readonly Follower[]): Promise<void> {
  for (const follower of followers) {
    await follower.catchUp()
    const seen = [...follower.timelines.values()].flat().filter(({ type }) => type === 'm.room.message')
    assert.equal(seen.length, ledger.messages.length)
    assert.equal(new Set(seen.map(({ event_id }) => event_id)).size, ledger.messages.length)
    const marks = ledger.toDevice.filter(({ to }) => to.userId === follower.user.userId)
    const received = new Set(follower.marks)
    assert.equal(received.size, follower.marks.length, 'a to-device message came twice')
    for (const { mark, acknowledged } of marks) assert.ok(received.has(mark) || !acknowledged, `${mark} is lost`)
  }
}

async function checkUserData(ledger: Ledger, users: readonly TestUser[]): Promise<void> {
  for (const { user, sent, acknowledged } of ledger.accountData) {
    if (acknowledged === undefined) continue
    const { value } = await user.get<{ value: number }>(accountDataPath(user))
    assert.ok(value === acknowledged || value === sent, `${value} instead of ${acknowledged}`)
  }
  for (const user of users) {
    const { rooms } = await sync(user)
    for (const { roomId, sent, acknowledged } of ledger.receipts.filter((entry) => entry.user === user)) {
      if (acknowledged === undefined) continue
      const receipts = rooms?.join?.[roomId]?.ephemeral?.events.find(({ type }) => type === 'm.receipt')?.content ?? {}
      const read = Object.entries(receipts).find(([, by]) => JSON.stringify(by).includes(JSON.stringify(user.userId)))
      assert.ok(read?.[0] === acknowledged || read?.[0] === sent, `${read?.[0]} instead of ${acknowledged}`)
    }
  }
}

async function checkAccounts(ledger: Ledger, { client }: ServerProcess): Promise<void> {
  const registered = ledger.registrations.filter(({ accessToken }) => accessToken !== undefined)
  for (const { name, accessToken } of registered) {
    const { user_id } = await client.as(accessToken).get('/_matrix/client/v3/account/whoami')
    assert.equal(user_id, `@${name}:localhost`)
  }
  // Passwords are slow on purpose, so that one has to do.
  const last = registered.at(-1)
  if (!last) return
  const identifier = { type: 'm.id.user', user: last.name }
  await client.post('/_matrix/client/v3/login', { type: 'm.login.password', identifier, password: last.name })
}
