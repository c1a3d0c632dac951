import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { IAppserviceRegistration } from 'matrix-bot-sdk'
import { stringify } from 'yaml'
import { loadBotSdk } from '../helpers/bot-sdk.ts'
import { at } from '../helpers/client.ts'
import { freePort, temporaryFolder } from '../helpers/program.ts'
import { createRoom, send, timeline } from '../helpers/rooms.ts'
import { createTestServer } from '../helpers/server.ts'

const { Appservice, AutojoinRoomsMixin, LogLevel, LogService, MemoryStorageProvider } = loadBotSdk()

test('an application service of matrix-bot-sdk answers as its users', async (t) => {
  LogService.setLevel(LogLevel.ERROR)
  const port = await freePort()
  const registration: IAppserviceRegistration = {
    id: 'echo',
    url: `http://127.0.0.1:${port}`,
    as_token: 'as_echo',
    hs_token: 'hs_echo',
    sender_localpart: 'echo',
    namespaces: { users: [{ exclusive: true, regex: '@echo_.*:localhost' }], rooms: [], aliases: [] },
    rate_limited: false,
    'de.sorunome.msc2409.push_ephemeral': true,
  }
  const file = join(temporaryFolder(t), 'echo.yaml')
  writeFileSync(file, stringify(registration))
  await using server = await createTestServer({ config: { appservices: { registration_files: [file] } } })
  const service = new Appservice({
    port,
    bindAddress: '127.0.0.1',
    homeserverName: 'localhost',
    homeserverUrl: server.url,
    registration,
    storage: new MemoryStorageProvider(),
  })
  AutojoinRoomsMixin.setupOnAppservice(service)
  service.on('query.user', (_userId: string, create: (result: object) => void) => create({ display_name: 'Parrot' }))
  const heard: string[] = []
  const answered = new Promise<void>((resolve, reject) => {
    service.on('room.message', (roomId: string, event: { sender: string; content: { body: string } }) => {
      if (service.isNamespacedUser(event.sender)) {
        if (event.content.body === 'You said: 2') resolve()
        return
      }
      heard.push(event.content.body)
      const intent = service.getIntentForSuffix('parrot')
      intent.sendText(roomId, `You said: ${event.content.body}`).catch(reject)
    })
  })
  const joined = once(service, 'room.join')
  const typed = new Promise<{ content: { user_ids: string[] } }>((resolve) => {
    service.on('ephemeral.event', (event: { type: string; content: { user_ids: string[] } }) => {
      if (event.type === 'm.typing') resolve(event)
    })
  })
  await service.begin()
  try {
    const alice = await server.user('alice')
    const room = await createRoom(alice, { invite: ['@echo_parrot:localhost'] })
    await joined
    for (const text of ['1', '2']) await send(alice, room, text)
    await answered
    assert.deepEqual(heard.slice(-2), ['1', '2'])
    const answers = (await timeline(alice, room)).filter(({ sender }) => sender === '@echo_parrot:localhost')
    assert.ok(answers.some(({ content }) => content.body === 'You said: 2'))
    await alice.put(at`/_matrix/client/v3/rooms/${room}/typing/${alice.userId}`, { typing: true, timeout: 30_000 })
    assert.deepEqual((await typed).content.user_ids, [alice.userId])
  } finally {
    service.stop()
  }
})
