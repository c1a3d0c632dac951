/** A real process that is killed while it removes something: it goes on with that after its next start. */
import assert from 'node:assert/strict'
import { join as joinPath } from 'node:path'
import type { JsonObject } from '../src/matrix/event.ts'
import type { RoomId } from '../src/matrix/ids.ts'
import { at } from './helpers/client.ts'
import { testOnEngines } from './helpers/engines.ts'
import { temporaryFolder } from './helpers/program.ts'
import { checkIntegrity, countRows } from './helpers/room-integrity.ts'
import { publicRoom, send, timeline } from './helpers/rooms.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'
import { type ServerProcess, startServerProcess } from './helpers/server-process.ts'

const many = 600

function resume(user: TestUser, { client }: ServerProcess): TestUser {
  const { userId, deviceId, accessToken } = user
  return { ...client.as(accessToken), userId, deviceId, accessToken }
}

/** Asks until the answer is as wanted; the process has something to do meanwhile. */
async function until<T>(ask: () => Promise<T>, isWanted: (answer: T) => boolean): Promise<T> {
  for (let tries = 0; tries < 20_000; tries++) {
    const answer = await ask()
    if (isWanted(answer)) return answer
  }
  throw new Error('it did not come to that')
}

testOnEngines('what kill -9 breaks off is done after the next start', async (t, { engine, url }) => {
  const dataDir = joinPath(temporaryFolder(t), 'data')
  const config = engine === 'postgres' ? { database: { url } } : {}
  const made = await createTestServer({ dataDir, config })
  const [root, alice] = [await made.user('root', { admin: true }), await made.user('alice')]
  const roomId = (await publicRoom(alice, [root])) as RoomId
  const { events } = made.context.rooms
  const message = (body: string) => ({ type: 'm.room.message', content: { msgtype: 'm.text', body } })
  const old = [await events.send({ userId: alice.userId }, roomId, message('old'))]
  for (let i = 0; i < many; i += 50) {
    const batch = Array.from({ length: 50 }, (_, j) =>
      events.send({ userId: alice.userId }, roomId, message(`old ${i + j}`)),
    )
    old.push(...(await Promise.all(batch)))
  }
  const first = await send(alice, roomId, 'kept')
  await made.stop()

  const storage = { dataDir, ...(engine === 'postgres' && { databaseUrl: url }) }
  let server = await startServerProcess(t, storage)
  const eventStatus = async (id: string) =>
    (await resume(alice, server).request('GET', at`/_matrix/client/v3/rooms/${roomId}/event/${id}`)).status
  const { purge_id: id } = await resume(root, server).post(at`/_synapse/admin/v1/purge_history/${roomId}/${first}`, {
    delete_local_events: true,
  })
  await until(
    () => eventStatus(old[0] ?? ''),
    (status) => status === 404,
  )
  await server.kill()
  server = await startServerProcess(t, storage)
  const purgeStatus = () =>
    resume(root, server).get<JsonObject>(at`/_synapse/admin/v1/purge_history_status/${String(id)}`)
  const begun = await purgeStatus()
  t.diagnostic(`after the kill it is ${String(begun.status)}`)
  const ended = await until(purgeStatus, ({ status }) => status !== 'active')
  assert.deepEqual(ended, { status: 'complete' })
  const seen = await timeline(resume(alice, server), roomId)
  assert.deepEqual(
    seen.flatMap(({ content }) => content.body ?? []),
    ['kept'],
  )

  const { delete_id: deleteId } = await resume(root, server).delete(at`/_synapse/admin/v2/rooms/${roomId}`, {})
  const roomStatus = () =>
    resume(root, server).get<JsonObject>(at`/_synapse/admin/v2/rooms/delete_status/${String(deleteId)}`)
  await until(roomStatus, ({ status }) => status !== 'scheduled')
  await server.kill()
  server = await startServerProcess(t, storage)
  const gone = await until(roomStatus, ({ status }) => status === 'complete' || status === 'failed')
  assert.equal(gone.status, 'complete')
  const moved = Object(gone.shutdown_room) as { kicked_users: string[] }
  assert.deepEqual(moved.kicked_users.toSorted(), [alice.userId, root.userId])
  assert.equal(await server.stop(), 0)

  await using again = await createTestServer({ dataDir, config })
  await checkIntegrity(again.context.db)
  assert.equal(await countRows(again.context.db, 'events', "json like '%old%' or json like '%kept%'"), 0)
})
