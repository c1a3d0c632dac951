import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { at } from './helpers/client.ts'
import { setState } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'
import {
  bot,
  type Calling,
  callInVain,
  chatOf,
  createCallingServer,
  directChat,
  promptsOf,
  ring,
  setSettings,
} from './helpers/voicemail.ts'

let server: Calling
before(async () => {
  server = await createCallingServer({
    config: { bots: { voicemail: { prompt_on: ['timeout', 'declined'], link_lifetime: '5m', max_length: '45s' } } },
  })
})
after(() => server.stop())

let people = 0
async function pair() {
  people += 1
  const [alice, bob] = [await server.user(`alice${people}`), await server.user(`bob${people}`)]
  return { alice, bob, roomId: await directChat(alice, bob) }
}

const setData = (user: TestUser, type: string, content: JsonObject) =>
  user.put(at`/_matrix/client/v3/user/${user.userId}/account_data/${type}`, content)

async function ask(
  alice: TestUser,
  bob: TestUser,
  roomId: string,
  ending: 'timeout' | 'busy' | 'declined' = 'timeout',
) {
  await server.wait(180_000)
  const before = (await promptsOf(alice)).length
  await callInVain(server, alice, bob, roomId, { ending })
  const prompts = await promptsOf(alice)
  assert.ok(prompts.length <= before + 1)
  return prompts.length > before ? prompts.at(-1) : undefined
}

test('the server, the room, the caller and the callee each may switch prompts off, at once', async () => {
  const { alice, bob, roomId } = await pair()
  assert.equal(await ask(alice, bob, roomId, 'busy'), undefined, 'the configuration')
  assert.ok(await ask(alice, bob, roomId, 'declined'))
  for (const [what, off, on] of [
    ['the caller', () => setSettings(alice, { enabled: false }), () => setSettings(alice, {})],
    ['for this callee', () => setSettings(alice, { peers: { [bob.userId]: false } }), () => setSettings(alice, {})],
    ['the callee', () => setSettings(bob, { notes_to_me: false }), () => setSettings(bob, {})],
    [
      'the room',
      () => setState(alice, roomId, 'io.ringback.missed_call_prompts', { enabled: false }),
      () => setState(alice, roomId, 'io.ringback.missed_call_prompts', {}),
    ],
  ] as const) {
    await off()
    assert.equal(await ask(alice, bob, roomId), undefined, what)
    await on()
    assert.ok(await ask(alice, bob, roomId), what)
  }
})

test('whoever is ignored or blocked is asked like everybody', async () => {
  const [open, ignored, blocked] = [await pair(), await pair(), await pair()]
  await setData(ignored.bob, 'm.ignored_user_list', { ignored_users: { [ignored.alice.userId]: {} } })
  await setData(blocked.bob, 'm.invite_permission_config', { default_action: 'block' })
  const said: string[] = []
  for (const { alice, bob, roomId } of [open, ignored, blocked]) {
    const from = server.clock.now()
    const prompt = await ask(alice, bob, roomId)
    assert.ok(prompt)
    const took = server.clock.now() - from
    said.push(
      `${took} ${prompt.body
        .replaceAll(/bob\d/g, 'bob')
        .replaceAll(/r\/[\w-]+/g, 'r/TOKEN')
        .replaceAll(/\d\d:\d\d/g, 'TIME')}`,
    )
    assert.equal(await chatOf(bob), undefined)
  }
  assert.deepEqual(said, Array(3).fill(said[0]))
})

test('the callee says something to those who call in vain, also outside business hours', async () => {
  const { alice, bob, roomId } = await pair()
  await setSettings(bob, { greeting: 'I am at sea <until> Monday', closed_greeting: 'We open at nine' })
  const open = await ask(alice, bob, roomId)
  assert.ok(
    open?.body.includes('“I am at sea <until> Monday”') && open.html.includes('I am at sea &#60;until&#62; Monday'),
  )
  const closed = { time_zone: 'Europe/Berlin', sat: ['03:00-03:01'] }
  await setSettings(bob, { greeting: 'Soon', closed_greeting: 'We open at nine', hours: closed })
  assert.ok((await ask(alice, bob, roomId))?.body.includes('“We open at nine”'))
  const days = Object.fromEntries(
    ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'].map((day) => [day, ['00:00-24:00']]),
  )
  await setSettings(bob, { greeting: 'Soon', closed_greeting: 'We open at nine', hours: days })
  assert.ok((await ask(alice, bob, roomId))?.body.includes('“Soon”'))
})

test('the length is that of the configuration, or of the room', async () => {
  const { alice, bob, roomId } = await pair()
  assert.match((await ask(alice, bob, roomId))?.body ?? '', /next 5 min, of at most 45 s/)
  for (const [length, seconds] of [
    [120_000, 120],
    [10_000_000, 600],
    [1, 1],
  ] as const) {
    await setState(alice, roomId, 'io.ringback.missed_call_prompts', { max_length: length })
    assert.ok((await ask(alice, bob, roomId))?.body.includes(`at most ${seconds} s`), String(length))
  }
})

test('whoever ignores the bot, or takes no invitations, is left alone', async () => {
  for (const [type, content] of [
    ['m.ignored_user_list', { ignored_users: { [bot]: {} } }],
    ['m.invite_permission_config', { default_action: 'block' }],
  ] as const) {
    const { alice, bob, roomId } = await pair()
    await setData(alice, type, content)
    assert.equal(await ask(alice, bob, roomId), undefined, type)
    assert.equal(await chatOf(alice), undefined, type)
  }
})

test('suspended callers are not asked', async () => {
  const { alice, bob, roomId } = await pair()
  const { accounts, db } = server.context
  assert.ok(await ask(alice, bob, roomId))
  await server.wait(180_000)
  const before = (await promptsOf(alice)).length
  await ring(alice, roomId)
  await db.write('suspend', (tx) => accounts.users.setFlags(tx, alice.userId, { isSuspended: true }))
  await server.wait(200_000)
  assert.equal((await promptsOf(alice)).length, before)
})

test('where voicemail is off there is no bot, and nobody is asked', async () => {
  await using other = await createCallingServer({ config: { bots: { voicemail: { enabled: false } } } })
  const [alice, bob] = [await other.user('alice'), await other.user('bob')]
  await callInVain(other, alice, bob, await directChat(alice, bob))
  assert.equal(await chatOf(alice), undefined)
  const user = await other.context.db.read((reader) =>
    other.context.accounts.users.get(reader, bot as TestUser['userId']),
  )
  assert.equal(user, undefined)
})
