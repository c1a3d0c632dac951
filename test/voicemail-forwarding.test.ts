import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { at } from './helpers/client.ts'
import { createRoom, getState, send, timeline } from './helpers/rooms.ts'
import { createSmtp } from './helpers/smtp.ts'
import {
  bot,
  callInVain,
  createCallingServer,
  directChat,
  leaveInConversation,
  notesOf,
  setSettings,
} from './helpers/voicemail.ts'

test('a note also goes where its receiver wants to have it: by mail, to a team, and pinned until it is played', async () => {
  await using smtp = await createSmtp()
  await using server = await createCallingServer({ config: { mail: { ...smtp.config, from: 'ringback@localhost' } } })
  const { db, accounts } = server.context
  const [alice, support] = [await server.user('alice'), await server.user('support')]
  const address = 'support@example.org'
  await db.write('test', (tx) => accounts.threepids.add(tx, support.userId, { address, validatedTs: 1 }))
  const team = await createRoom(support, { invite: [bot] })
  await setSettings(support, { email: true, inbox_room: team, pin: true })

  const chat = await directChat(alice, support)
  await callInVain(server, alice, support, chat)
  const { eventId } = await leaveInConversation(alice, chat, { bytes: 'recording', caption: 'The printer burns' })
  await server.context.drain()

  const [mail, ...others] = smtp.mails
  assert.deepEqual(others, [])
  assert.deepEqual(mail?.to, [address])
  assert.match(mail?.subject ?? '', /^@?alice\S* left you a voice note \(0:02\)$/)
  assert.ok(mail?.text.includes('The printer burns'))
  assert.ok(mail?.raw.includes(Buffer.from('recording').toString('base64')), 'the recording is attached')
  assert.match(mail?.raw ?? '', /voice-note\.ogg/)

  const copies = (await timeline(support, team)).filter(
    ({ sender, type }) => sender === bot && type === 'm.room.message',
  )
  assert.equal(copies.length, 1)
  assert.match(String(copies[0]?.content.body), /^Voice note from .*alice.* for @support:localhost: The printer burns$/)
  assert.equal(copies[0]?.content['io.ringback.from'], alice.userId)
  assert.equal((await notesOf(support)).length, 1, 'the copy is no note of its own')

  assert.deepEqual((await getState(support, chat, 'm.room.pinned_events')).pinned, [eventId])
  const [note] = await notesOf(support)
  await support.post(at`/_ringback/v1/notes/${String(note?.note_id)}/played`, {})
  await server.context.drain()
  assert.deepEqual((await getState(support, chat, 'm.room.pinned_events')).pinned, [])
})

test('what an ignored caller leaves is brought nowhere, and a wish counts that is taken back before', async () => {
  await using smtp = await createSmtp()
  await using server = await createCallingServer({ config: { mail: { ...smtp.config, from: 'ringback@localhost' } } })
  const { db, accounts } = server.context
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  await db.write('test', (tx) => accounts.threepids.add(tx, bob.userId, { address: 'bob@example.org', validatedTs: 1 }))
  const chat = await directChat(alice, bob)
  const leave = async () => {
    await server.wait(200_000)
    await callInVain(server, alice, bob, chat)
    await leaveInConversation(alice, chat, { bytes: 'recording' })
    await server.context.drain()
  }
  const dataPath = at`/_matrix/client/v3/user/${bob.userId}/account_data/m.ignored_user_list`
  await setSettings(bob, { email: true })
  await bob.put(dataPath, { ignored_users: { [alice.userId]: {} } })
  await leave()
  assert.deepEqual(smtp.mails, [])
  await bob.put(dataPath, { ignored_users: {} })
  smtp.refuse({ code: 451, message: 'later' })
  await leave()
  await setSettings(bob, { email: false })
  smtp.refuse(undefined)
  await server.wait(3_600_000)
  assert.deepEqual(smtp.mails, [])
  await setSettings(bob, { email: true })
  await leave()
  assert.equal(smtp.mails.length, 1)
})

test('where nobody may or wants it, a note goes nowhere else', async () => {
  await using smtp = await createSmtp()
  await using server = await createCallingServer({ config: { mail: { ...smtp.config, from: 'ringback@localhost' } } })
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  // A room of others, one that is encrypted, and no mail address.
  const foreign = await createRoom(carol, { invite: [bot] })
  const encryption = { type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } }
  const sealed = await createRoom(bob, { invite: [bot], initial_state: [encryption] })
  const chat = await directChat(alice, bob)
  for (const room of [foreign, sealed, '!nowhere:localhost']) {
    await setSettings(bob, { email: true, inbox_room: room })
    await callInVain(server, alice, bob, chat)
    await leaveInConversation(alice, chat, { bytes: room })
    server.clock.advance(200_000)
    await server.context.drain()
  }
  assert.equal((await notesOf(bob)).length, 3)
  assert.deepEqual(smtp.mails, [])
  const said = async (user: typeof bob, room: string) =>
    (await timeline(user, room)).filter(({ sender, type }) => sender === bot && type === 'm.room.message')
  assert.deepEqual([await said(carol, foreign), await said(bob, sealed)], [[], []])
})

test('a note that answers a message comes to the team without what it answered', async () => {
  await using server = await createCallingServer()
  const [alice, support] = [await server.user('alice'), await server.user('support')]
  const team = await createRoom(support, { invite: [bot] })
  await setSettings(support, { inbox_room: team })
  const chat = await directChat(alice, support)
  for (const isThread of [false, true]) {
    const before = await send(support, chat, 'Where are you?')
    await server.wait(180_000)
    await callInVain(server, alice, support, chat)
    const target = { event_id: before }
    const relates: JsonObject = isThread ? { rel_type: 'm.thread', ...target } : { 'm.in_reply_to': target }
    const voice = {
      msgtype: 'm.audio',
      body: 'Voice message',
      'org.matrix.msc3245.voice': {},
      url: 'mxc://localhost/voice',
    }
    await send(alice, chat, { ...voice, 'm.relates_to': relates })
    await server.context.drain()
  }
  const copies = (await timeline(support, team)).filter(({ type }) => type === 'm.room.message')
  assert.deepEqual(
    copies.map(({ content }) => content['m.relates_to']),
    [undefined, undefined],
  )
})
