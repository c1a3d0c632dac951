import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineBot } from '../src/bots/runtime/bot.ts'
import { createBotRuntime } from '../src/bots/runtime/runtime.ts'
import { createTestClock } from '../src/util/clock.ts'
import { testOnEngines } from './helpers/engines.ts'
import { act, createRoom, membershipOf, send, timeline } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

const said = async (user: TestUser, roomId: string, by: string) =>
  (await timeline(user, roomId)).filter(({ type, sender }) => type === 'm.room.message' && sender === by)
const bodies = async (user: TestUser, roomId: string, by: string) =>
  (await said(user, roomId, by)).map(({ content }) => content.body)

/** A bot that repeats what it hears; `fail` is called before it is done with a message. */
function echo(fail: (body: string) => void = () => {}) {
  const heard: string[] = []
  const bot = defineBot({
    name: 'echo',
    localpart: 'echo',
    profile: { displayName: 'Echo' },
    commands: [
      {
        name: 'add',
        usage: 'A B',
        help: 'Adds two numbers.',
        run: async ({ args: [a, b] }, turn) => void (await turn.answer(String(Number(a) + Number(b)))),
      },
    ],
    acceptsInvite: async ({ sender }) => sender.startsWith('@alice:'),
    onMessage: async ({ content, eventId, roomId }, turn) => {
      heard.push(String(content.body))
      const answer = await turn.answer(`you said ${content.body}`)
      await turn.react(roomId, eventId, '👂')
      fail(String(content.body))
      await turn.edit(roomId, answer, { msgtype: 'm.notice', body: `heard ${content.body}` })
    },
    onReaction: async ({ key, target, roomId }, turn) => {
      if (key === '🗑') await turn.redact(roomId, target, 'asked for')
    },
  })
  return { bot, heard }
}

async function run(server: TestServer, bot: ReturnType<typeof echo>['bot']) {
  const runtime = createBotRuntime(server.context)
  const userId = runtime.add(bot)
  await runtime.part.start(new AbortController().signal)
  return { ...runtime, userId }
}

async function withBot(server: TestServer, alice: TestUser, fail?: (body: string) => void) {
  const { bot, heard } = echo(fail)
  const runtime = await run(server, bot)
  const roomId = await createRoom(alice, { invite: [runtime.userId] })
  await runtime.drain()
  return { bot, heard, runtime, roomId }
}

testOnEngines('a bot joins, answers, edits, reacts and redacts in the rooms where it is', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const { runtime, roomId, heard } = await withBot(server, alice)
  assert.equal(await membershipOf(alice, roomId, runtime.userId), 'join')
  const message = await send(alice, roomId, 'hello')
  await runtime.drain()
  const [answer, edit] = await said(alice, roomId, runtime.userId)
  assert.equal(answer?.content.body, 'you said hello')
  assert.deepEqual(edit?.content['m.relates_to'], { rel_type: 'm.replace', event_id: answer?.event_id })
  assert.deepEqual(edit?.content['m.new_content'], { msgtype: 'm.notice', body: 'heard hello' })
  const reaction = (await timeline(alice, roomId)).find(({ type }) => type === 'm.reaction')
  assert.deepEqual(reaction?.content['m.relates_to'], { rel_type: 'm.annotation', event_id: message, key: '👂' })
  await send(
    alice,
    roomId,
    { 'm.relates_to': { rel_type: 'm.annotation', event_id: answer?.event_id ?? '', key: '🗑' } },
    'm.reaction',
  )
  await runtime.drain()
  assert.equal((await said(alice, roomId, runtime.userId))[0]?.content.body, undefined)
  // Alone with the user a command needs no sign; among several it does.
  await send(alice, roomId, 'add 1 2')
  await runtime.drain()
  await act(alice, roomId, 'invite', { user_id: bob.userId })
  await send(alice, roomId, 'add 3 4')
  await send(alice, roomId, '!add 5 6')
  await send(alice, roomId, '!help')
  await runtime.drain()
  const answers = await bodies(alice, roomId, runtime.userId)
  assert.deepEqual(answers.slice(-5), ['3', 'you said add 3 4', '* heard add 3 4', '11', '!add A B: Adds two numbers.'])
  assert.deepEqual(heard, ['hello', 'add 3 4'])
  // Nobody else can bring it into a room, and its own words are no news to it.
  const other = await createRoom(bob, { invite: [runtime.userId] })
  await send(bob, other, 'hello?')
  await runtime.drain()
  assert.equal(await membershipOf(bob, other, runtime.userId), 'invite')
  await runtime.part.stop()
})

test('what a bot could not do is tried again after a pause, without doing anything twice', async () => {
  const clock = createTestClock()
  await using server = await createTestServer({ clock })
  const alice = await server.user('alice')
  let failures = 2
  const { runtime, roomId, heard } = await withBot(server, alice, (body) => {
    if (body === 'first' && failures-- > 0) throw new Error('not now')
    if (body === 'never') throw new Error('never')
  })
  await send(alice, roomId, 'first')
  await send(alice, roomId, 'second')
  await runtime.drain()
  assert.deepEqual(heard, ['first'], 'the order of a room is kept')
  clock.advance(1000)
  await runtime.drain()
  clock.advance(2000)
  await runtime.drain()
  assert.deepEqual(heard, ['first', 'first', 'first', 'second'])
  const answers = await bodies(alice, roomId, runtime.userId)
  assert.equal(answers.filter((body) => body === 'you said first').length, 1)
  assert.equal((await timeline(alice, roomId)).filter(({ type }) => type === 'm.reaction').length, 2)
  await send(alice, roomId, 'never')
  await send(alice, roomId, 'after')
  await runtime.drain()
  for (let i = 0; i < 6; i++) {
    clock.advance(60_000)
    await runtime.drain()
  }
  assert.equal(heard.at(-1), 'after', 'what never works is passed over')
  assert.equal(heard.filter((body) => body === 'never').length, 6)
  await runtime.part.stop()
})

test('a bot catches up on what was said while it was stopped', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const { runtime, roomId, bot, heard } = await withBot(server, alice)
  await send(alice, roomId, 'before')
  await runtime.drain()
  await runtime.part.stop()
  await send(alice, roomId, 'meanwhile')
  const again = await run(server, bot)
  await again.drain()
  assert.deepEqual(heard, ['before', 'meanwhile'])
  await again.part.stop()
  const rows = await server.context.db.read((reader) => reader.qb.selectFrom('bot_events').selectAll().execute())
  assert.deepEqual(rows, [])
})

test('a bot does not take over the account of a person', async () => {
  await using server = await createTestServer()
  await server.user('echo')
  await assert.rejects(run(server, echo().bot), /another account/)
})
