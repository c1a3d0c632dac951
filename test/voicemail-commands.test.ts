import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { act, createRoom, join, membershipOf, send, timeline } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'
import {
  answersIn,
  bot,
  type Calling,
  callInVain,
  chatOf,
  createCallingServer,
  directChat,
  editOf,
  getSettings,
  notesOf,
  promptsOf,
  setSettings,
} from './helpers/voicemail.ts'

let server: Calling
let alice: TestUser
let bob: TestUser
let roomId: string
let chatId: string

before(async () => {
  server = await createCallingServer()
  alice = await server.user('alice')
  bob = await server.user('bob')
  roomId = await directChat(alice, bob)
  await callInVain(server, alice, bob, roomId)
  chatId = (await chatOf(alice)) ?? ''
})
after(() => server.stop())

/** Says something and returns what the bot answers in that room. */
async function say(user: TestUser, room: string, words: string | JsonObject): Promise<string[]> {
  const before = (await answersIn(user, room)).length
  await send(user, room, words)
  await server.context.drain()
  return (await answersIn(user, room)).slice(before)
}

const voice = (more: JsonObject = {}): JsonObject => ({
  msgtype: 'm.audio',
  body: 'Voice message',
  filename: 'Voice message',
  url: 'mxc://localhost/voice',
  info: { duration: 21_000 },
  'org.matrix.msc3245.voice': {},
  ...more,
})

async function isAsked(caller: TestUser, callee: TestUser, room: string): Promise<boolean> {
  await server.wait(180_000)
  const before = (await promptsOf(caller)).length
  await callInVain(server, caller, callee, room)
  return (await promptsOf(caller)).length > before
}

test('prompts are switched off and on, for all or for one, and only that changes', async () => {
  await setSettings(alice, { greeting: 'Hi', peers: { '@x:y': true }, 'org.example': 1 })
  assert.match((await say(alice, chatId, 'prompts off'))[0] ?? '', /do not ask you any more/)
  assert.deepEqual(await getSettings(alice), {
    greeting: 'Hi',
    peers: { '@x:y': true },
    'org.example': 1,
    enabled: false,
  })
  assert.equal(await isAsked(alice, bob, roomId), false)
  await say(alice, chatId, `prompts on ${bob.userId}`)
  assert.equal(await isAsked(alice, bob, roomId), true, 'the choice for one counts before the general one')
  await say(alice, chatId, 'Prompts ON')
  await say(alice, chatId, { msgtype: 'm.text', body: 'prompts off Bob', 'm.mentions': { user_ids: [bob.userId] } })
  const { enabled, peers } = await getSettings(alice)
  assert.deepEqual([enabled, peers], [true, { '@x:y': true, [bob.userId]: false }])
  assert.equal(await isAsked(alice, bob, roomId), false)
  assert.match((await say(alice, chatId, 'prompts off Robert'))[0] ?? '', /is no user/)
  assert.match((await say(alice, chatId, 'prompts'))[0] ?? '', /prompts on/)
  assert.deepEqual((await getSettings(alice)).peers, peers)
  await setSettings(alice, {})
})

test('elsewhere commands have a sign, and what is private is answered in private', async () => {
  const group = await createRoom(alice, { preset: 'private_chat', invite: [bob.userId, bot] })
  await join(bob, group)
  await server.context.drain()
  assert.equal(await membershipOf(alice, group, bot), 'join')
  assert.deepEqual(await say(alice, group, 'prompts off'), [])
  assert.match((await say(alice, group, '!prompts off'))[0] ?? '', /do not ask/)
  assert.equal((await getSettings(alice)).enabled, false)
  await say(alice, group, '!prompts on')
  const before = await answersIn(alice, chatId)
  assert.deepEqual(await say(alice, group, '!inbox'), ['I answer in our own chat.'])
  assert.equal((await answersIn(alice, chatId)).length, before.length + 1)
  const encrypted = await createRoom(alice, {
    invite: [bot],
    initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
  })
  await server.context.drain()
  assert.equal(await membershipOf(alice, encrypted, bot), 'invite', 'it could not read there')
})

test('the inbox shows what waits first, plays it and finds it', async () => {
  assert.deepEqual(await say(alice, chatId, 'inbox'), ['You have no notes.'])
  const notes = ['about the boat', 'about the garden']
  for (const body of notes) {
    await server.wait(180_000)
    await callInVain(server, bob, alice, roomId)
    await send(bob, roomId, voice({ body }))
  }
  const [list = ''] = await say(alice, chatId, 'inbox')
  assert.match(list, /^1\. ● 🎙 bob \(\w+ \d\d:\d\d, 0:21\) “about the garden”\n2\. ● 🎙 bob .* “about the boat”$/)
  await send(alice, chatId, 'play 1')
  await server.context.drain()
  const played = (await timeline(alice, chatId)).at(-1)
  assert.deepEqual(
    [played?.sender, played?.content.msgtype, played?.content.url],
    [bot, 'm.audio', 'mxc://localhost/voice'],
  )
  assert.ok(played?.content['org.matrix.msc3245.voice'])
  assert.equal((await notesOf(alice))[0]?.state, 'played')
  const [after = ''] = await say(alice, chatId, 'inbox')
  assert.match(after, /^1\. ● 🎙 bob .*boat”\n2\. 🎙 bob .*garden”$/)
  assert.match((await say(alice, chatId, 'find GARDEN bob'))[0] ?? '', /^2\. 🎙 bob .*garden”$/)
  assert.deepEqual(await say(alice, chatId, 'find submarine'), ['Nothing was found.'])
  for (const wrong of ['play 9', 'play', 'play x'])
    assert.match((await say(alice, chatId, wrong))[0] ?? '', /no such note/)
  assert.deepEqual(await notesOf(bob).then((own) => own.map(({ direction }) => direction)), ['outgoing', 'outgoing'])
})

test('the numbers of a list count until the next list, whatever is played or comes meanwhile', async () => {
  const said = ['one', 'two', 'three']
  const leave = async (body: string) => {
    await server.wait(180_000)
    await callInVain(server, bob, alice, roomId)
    await send(bob, roomId, voice({ body, filename: 'x' }))
  }
  for (const body of said) await leave(body)
  await say(alice, chatId, 'inbox')
  await leave('four')
  const heard: unknown[] = []
  for (const number of [1, 2, 3]) heard.push((await say(alice, chatId, `play ${number}`)).at(-1))
  assert.deepEqual(heard, ['three', 'two', 'one'])
  assert.match((await say(alice, chatId, 'inbox'))[0] ?? '', /^1\. ● 🎙 bob .*four”/)
  assert.deepEqual(await say(alice, chatId, 'play 1'), ['four'])
})

test('help tells what there is, and small talk is answered once', async () => {
  const [help = ''] = await say(alice, chatId, 'help')
  for (const command of ['prompts on|off [@user]', 'inbox', 'play N', 'find words'])
    assert.ok(help.includes(command), command)
  assert.match((await say(alice, chatId, 'how are you?'))[0] ?? '', /help/)
  assert.deepEqual(await say(alice, chatId, { msgtype: 'm.notice', body: 'hello' }), [])
})

test('the buttons of a prompt do what they show', async () => {
  await server.wait(180_000)
  await callInVain(server, alice, bob, roomId)
  const prompt = (await promptsOf(alice)).at(-1)
  assert.ok(prompt)
  const press = async (key: string) => {
    const relation = { rel_type: 'm.annotation', event_id: prompt.event_id, key }
    const before = (await answersIn(alice, chatId)).length
    await send(alice, chatId, { 'm.relates_to': relation }, 'm.reaction')
    await server.context.drain()
    return (await answersIn(alice, chatId)).slice(before)
  }
  assert.match((await press('🎥\u{fe0f}'))[0] ?? '', /\/voicemail\/r\/[\w-]+\?kind=video$/)
  assert.deepEqual(await press('👍'), [])
  await press('🚫')
  assert.match((await editOf(alice, prompt))?.body ?? '', /did not want to leave a note/)
  assert.deepEqual(await press('🎙'), [])
})

test('somebody of the outside cannot use the chat of another', async () => {
  const eve = await server.user('eve')
  await act(eve, chatId, 'join', {}, 403)
  const own = await createRoom(eve, { invite: [bot] })
  await server.context.drain()
  const [list] = await say(eve, own, 'inbox')
  assert.equal(list, 'I answer in our own chat.')
  assert.notEqual(await chatOf(eve), chatId)
  assert.deepEqual(await say(eve, own, voice()), [], 'no note is taken there')
})
