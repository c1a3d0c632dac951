import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { act, createRoom, join, send } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'
import {
  answersIn,
  bot,
  type Calling,
  callInVain,
  chatOf,
  createCallingServer,
  directChat,
  getSettings,
  promptsOf,
  setSettings,
} from './helpers/voicemail.ts'

let server: Calling
let alice: TestUser
let bob: TestUser
let chatId: string

before(async () => {
  server = await createCallingServer()
  alice = await server.user('alice')
  bob = await server.user('bob')
  await callInVain(server, bob, alice, await directChat(bob, alice))
  chatId = (await chatOf(bob)) ?? ''
})
after(() => server.stop())

/** Says something to the bot and returns its only answer there. */
async function say(words: string, roomId = chatId): Promise<string> {
  const before = (await answersIn(bob, roomId)).length
  await send(bob, roomId, words)
  await server.context.drain()
  const [answer, ...others] = (await answersIn(bob, roomId)).slice(before)
  assert.deepEqual(others, [])
  return answer ?? ''
}

test('everything that can be set is set and shown in the chat, and counts', async () => {
  await setSettings(bob, { 'org.example': 1, hours: { time_zone: 'UTC', sun: ['00:00-00:01'] } })
  assert.equal(await say('set greeting Back on Monday, Ahoy'), 'Saved. greeting: “Back on Monday, Ahoy”.')
  assert.equal(await say('Set Closed We open at nine'), 'Saved. closed: “We open at nine”.')
  assert.equal(await say('set hours sat 3:00-3:01'), 'Saved. hours: sat 03:00-03:01 UTC.')
  for (const [name, value, shown = value] of [
    ['notes', 'on'],
    ['played', 'off'],
    ['unread', 'no', 'off'],
    ['pin', 'yes', 'on'],
    ['mail', 'on'],
    ['unencrypted', 'ON', 'on'],
  ] as const)
    assert.equal(await say(`set ${name} ${value}`), `Saved. ${name}: ${shown}.`)
  assert.deepEqual(await getSettings(bob), {
    'org.example': 1,
    greeting: 'Back on Monday, Ahoy',
    closed_greeting: 'We open at nine',
    hours: { time_zone: 'UTC', sat: ['03:00-03:01'] },
    notes_to_me: true,
    share_played: false,
    keep_unread: false,
    pin: true,
    email: true,
    unencrypted_delivery: true,
  })
  await callInVain(server, alice, bob, await directChat(alice, bob))
  assert.ok((await promptsOf(alice)).at(-1)?.body.includes('“We open at nine”'))

  const shown = await say('settings')
  for (const line of [
    'prompts: on',
    'greeting: “Back on Monday, Ahoy”',
    'hours: sat 03:00-03:01 UTC',
    'played: off',
    'room: none',
    'mail: on',
  ])
    assert.ok(shown.includes(`${line} (`), line)
  assert.ok(shown.endsWith('/account shows the same.'))

  for (const name of ['greeting', 'closed', 'hours'])
    assert.equal(await say(`set ${name} off`), `Saved. ${name}: none.`)
  assert.equal(await say('set played auto'), 'Saved. played: auto.')
  assert.deepEqual(
    Object.keys(await getSettings(bob)).filter((key) => /greeting|hours|played/.test(key)),
    [],
  )
})

test('what cannot be understood changes nothing, and the answer says how it is written', async () => {
  const before = await getSettings(bob)
  assert.match(await say('set'), /^Say “set NAME VALUE” with one of notes, greeting, hours/)
  assert.match(await say('set colour blue'), /^Say “set NAME VALUE”/)
  assert.match(await say('set hours'), /Say “set hours DAYS TIMES/)
  assert.match(await say('set hours mon 17-9'), /^17-9 ends before it begins/)
  assert.match(await say('set pin maybe'), /^Say “set pin on” or “set pin off”\.$/)
  assert.match(await say(`set greeting ${'x'.repeat(501)}`), /at most 500 characters/)
  assert.deepEqual(await getSettings(bob), before)
})

test('a room for notes is one where the person and the bot are, and where everybody can read', async () => {
  const team = await createRoom(bob, { preset: 'private_chat', room_alias_name: 'team', invite: [alice.userId] })
  await join(alice, team)
  const foreign = await createRoom(alice, { preset: 'private_chat', room_alias_name: 'foreign' })
  const encryption = { type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }
  const encrypted = await createRoom(bob, { initial_state: [encryption] })
  for (const nowhere of [foreign, '#foreign:localhost', '#nothing:localhost', '!nothing:localhost', 'team'])
    assert.match(await say(`set room ${nowhere}`), /^You are not in a room with that name/, nowhere)
  assert.match(await say(`set room ${encrypted}`), /^That room is encrypted/)
  assert.equal((await getSettings(bob)).inbox_room, undefined)
  assert.equal(
    await say('set room #team:localhost'),
    `Saved. room: ${team}. I am not in that room yet: invite me, so that I can bring your notes there.`,
  )
  assert.equal((await getSettings(bob)).inbox_room, team)
  await say('set room off')
  await act(bob, team, 'invite', { user_id: bot })
  await server.context.drain()
  assert.equal(await say('!set room here', team), `Saved. room: ${team}.`)
  assert.equal((await getSettings(bob)).inbox_room, team)
})
