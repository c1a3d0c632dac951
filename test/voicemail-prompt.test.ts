import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { act, getState, send, timeline } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'
import { sync } from './helpers/sync.ts'
import {
  bot,
  type Calling,
  callEvent,
  callInVain,
  chatOf,
  createCallingServer,
  directChat,
  editOf,
  promptsOf,
  ring,
} from './helpers/voicemail.ts'

let server: Calling
before(async () => {
  server = await createCallingServer()
})
after(() => server.stop())

let people = 0
async function pair(): Promise<{ alice: TestUser; bob: TestUser; roomId: string }> {
  people += 1
  const [alice, bob] = [await server.user(`alice${people}`), await server.user(`bob${people}`)]
  await bob.put(`/_matrix/client/v3/profile/${encodeURIComponent(bob.userId)}/displayname`, { displayname: 'Bob <B>' })
  return { alice, bob, roomId: await directChat(alice, bob) }
}

test('whoever calls in vain is asked for a note in a chat of their own with the bot', async () => {
  const { alice, bob, roomId } = await pair()
  assert.equal(await chatOf(alice), undefined)
  await callInVain(server, alice, bob, roomId, { kind: 'video' })
  const [prompt, ...others] = await promptsOf(alice)
  assert.deepEqual(others, [])
  assert.ok(prompt)
  assert.equal(prompt.sender, bot)
  assert.match(prompt.body, /^📵 Bob <B> didn't answer \(\d\d:\d\d\)\./)
  const links = [...prompt.body.matchAll(/(🎥|🎙) \w+ note: (\S+)/gu)].map(([, symbol, url]) => [symbol, url])
  assert.deepEqual(
    links.map(([symbol]) => symbol),
    ['🎥', '🎙'],
    "the call's own kind comes first",
  )
  for (const [, url] of links) assert.ok(url?.startsWith(`${server.url}/voicemail/r/`), url)
  assert.match(prompt.body, /voice message here in the next 10 min, of at most 30 s/)
  assert.ok(prompt.html.includes('<b>Bob &#60;B&#62;</b>') && prompt.html.includes(`<a href="${links[0]?.[1]}">`))
  assert.equal(prompt.content.msgtype, 'm.text')
  assert.deepEqual(prompt.content['m.mentions'], { user_ids: [alice.userId] })
  const { peer, kind, reason, room_id } = prompt.about
  assert.deepEqual(
    { peer, kind, reason, room_id },
    { peer: bob.userId, kind: 'video', reason: 'timeout', room_id: roomId },
  )

  const chatId = (await chatOf(alice)) ?? ''
  const members = await alice.get<{ joined: object }>(
    `/_matrix/client/v3/rooms/${encodeURIComponent(chatId)}/joined_members`,
  )
  assert.deepEqual(Object.keys(members.joined).sort(), [alice.userId, bot].sort())
  assert.equal((await getState(alice, chatId, 'm.room.create'))['m.federate'], false)
  const reactions = (await timeline(alice, chatId)).filter(({ type }) => type === 'm.reaction')
  assert.deepEqual(
    reactions.map(({ content }) => Object(content['m.relates_to']).key),
    ['🎙', '🎥', '🚫'],
  )
  const notified = (await sync(alice)).rooms?.join?.[chatId]?.unread_notifications
  assert.ok((notified?.highlight_count ?? 0) >= 1, 'it notifies')
  assert.equal(await chatOf(bob), undefined, 'nothing is said to who did not answer')
  // Nobody but the bot says who is there, and it stays readable.
  const { userId: bobId } = bob
  await act(alice, chatId, 'invite', { user_id: bobId }, 403)
})

test('each qualifying end of a call is asked about once, in the same chat, and no other is', async () => {
  const { alice, bob, roomId } = await pair()
  const words = {
    timeout: "didn't answer",
    busy: 'is in another call',
    cancelled: "didn't answer",
    declined: "can't take",
  }
  for (const [ending, said] of Object.entries(words)) {
    await server.wait(180_000)
    const before = (await promptsOf(alice)).length
    await callInVain(server, alice, bob, roomId, { ending: ending as 'busy' })
    const prompts = await promptsOf(alice)
    assert.equal(prompts.length, before + 1, ending)
    assert.ok(prompts.at(-1)?.body.includes(said), ending)
    assert.equal(prompts.at(-1)?.about.reason, ending)
  }
  await server.wait(180_000)
  const before = (await promptsOf(alice)).length
  await callInVain(server, alice, bob, roomId, { ending: 'cancelled', after: 2_000 })
  await server.wait(180_000)
  const id = await ring(alice, roomId)
  await send(bob, roomId, callEvent(id, { party_id: 'q', answer: { type: 'answer', sdp: '' } }), 'm.call.answer')
  await server.wait(20_000)
  await send(alice, roomId, callEvent(id, { reason: 'user_hangup' }), 'm.call.hangup')
  await server.wait(20_000)
  assert.equal((await promptsOf(alice)).length, before, 'short rings and answered calls')
})

test('a prompt says when its time is over, and when another call has followed', async () => {
  const { alice, bob, roomId } = await pair()
  await callInVain(server, alice, bob, roomId)
  const [first] = await promptsOf(alice)
  assert.ok(first)
  await server.wait(599_000)
  assert.equal(await editOf(alice, first), undefined)
  await server.wait(1_001)
  assert.match((await editOf(alice, first))?.body ?? '', /didn't answer.*time to leave a note is over/)
  await callInVain(server, alice, bob, roomId)
  const second = (await promptsOf(alice)).at(-1)
  assert.ok(second && second.event_id !== first.event_id)
  await ring(bob, roomId)
  await server.wait(0)
  assert.match((await editOf(alice, second))?.body ?? '', /another call since/)
})

test('whoever calls again soon, in vain again, is asked where they were asked before', async () => {
  const { alice, bob, roomId } = await pair()
  await callInVain(server, alice, bob, roomId)
  await callInVain(server, alice, bob, roomId, { ending: 'declined' })
  const [prompt, ...others] = await promptsOf(alice)
  assert.ok(prompt)
  assert.deepEqual(others, [])
  const edit = await editOf(alice, prompt)
  assert.match(edit?.body ?? '', /🎙 Voice note: /)
  assert.notEqual(edit?.about.call_id, prompt.about.call_id)
})

test('whoever has left the chat is invited and not joined', async () => {
  const { alice, bob, roomId } = await pair()
  await callInVain(server, alice, bob, roomId)
  const chatId = (await chatOf(alice)) ?? ''
  await act(alice, chatId, 'leave')
  await server.wait(180_000)
  await callInVain(server, alice, bob, roomId)
  const { rooms } = await sync(alice)
  assert.ok(rooms?.invite?.[chatId] !== undefined && rooms.join?.[chatId] === undefined)
})
