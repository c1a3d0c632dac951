import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import type { MatrixClient } from 'matrix-bot-sdk'
import { loadBotSdk } from '../helpers/bot-sdk.ts'
import { at } from '../helpers/client.ts'
import { createFollower, type Follower } from '../helpers/follower.ts'
import { createTestServer, password, type TestServer } from '../helpers/server.ts'

const { AutojoinRoomsMixin, LogLevel, LogService, MatrixAuth, MemoryStorageProvider, ...sdk } = loadBotSdk()

interface Message {
  sender: string
  content: { msgtype?: string; body?: string }
}

/** A bot that accepts invitations and repeats what it hears. */
async function startEcho(t: TestContext, server: TestServer): Promise<MatrixClient> {
  const { accessToken } = await new MatrixAuth(server.url).passwordLogin('echo', password, 'Echo')
  const client = new sdk.MatrixClient(server.url, accessToken, new MemoryStorageProvider())
  AutojoinRoomsMixin.setupOnClient(client)
  const userId = await client.getUserId()
  client.on('room.message', (roomId: string, { sender, content }: Message) => {
    if (sender === userId || content.msgtype !== 'm.text') return
    client.sendText(roomId, `You said: ${content.body}`).catch((error) => t.diagnostic(`the bot failed: ${error}`))
  })
  await client.start()
  return client
}

async function hears(follower: Follower, roomId: string, type: string, body?: string): Promise<void> {
  const isThere = () =>
    follower.timelines.get(roomId)?.some((event) => event.type === type && (!body || event.content.body === body))
  while (!isThere()) await follower.poll(10_000)
}

test('a bot of matrix-bot-sdk joins where it is invited and answers', async (t) => {
  LogService.setLevel(LogLevel.ERROR)
  await using server = await createTestServer()
  await server.user('echo')
  const bot = await startEcho(t, server)
  try {
    const alice = await server.user('alice')
    const follower = await createFollower(alice)
    const { room_id: roomId } = await alice.post<{ room_id: string }>('/_matrix/client/v3/createRoom', {
      name: 'Echoes',
    })
    const joined = once(bot, 'room.join')
    await alice.post(at`/_matrix/client/v3/rooms/${roomId}/invite`, { user_id: '@echo:localhost' })
    assert.equal((await joined)[0], roomId)
    const send = (n: number) =>
      alice.put(at`/_matrix/client/v3/rooms/${roomId}/send/m.room.message/${`t${n}`}`, {
        msgtype: 'm.text',
        body: `${n}`,
      })
    for (let n = 0; n < 3; n++) {
      await send(n)
      await hears(follower, roomId, 'm.room.message', `You said: ${n}`)
    }
    assert.deepEqual(await bot.getJoinedRooms(), [roomId])
    assert.deepEqual((await bot.getJoinedRoomMembers(roomId)).sort(), ['@alice:localhost', '@echo:localhost'])
    assert.equal((await bot.getRoomStateEvent(roomId, 'm.room.name', '')).name, 'Echoes')
    assert.equal(await bot.userHasPowerLevelFor('@echo:localhost', roomId, 'm.room.name', true), false)
    await bot.setDisplayName('Parrot')
    assert.equal((await bot.getUserProfile('@echo:localhost')).displayname, 'Parrot')
  } finally {
    bot.stop()
  }
})
