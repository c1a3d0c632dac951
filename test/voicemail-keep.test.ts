import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { at } from './helpers/client.ts'
import { fetchWhole, status } from './helpers/deliveries.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { ffmpegMissing, makeRecording } from './helpers/ffmpeg.ts'
import { temporaryFolder } from './helpers/program.ts'
import { send, setState, timeline } from './helpers/rooms.ts'
import { password, type TestUser } from './helpers/server.ts'
import {
  answersIn,
  type Calling,
  callInVain,
  chatOf,
  createCallingServer,
  directChat,
  leaveInConversation,
  notesOf,
  promptsOf,
  tokenOf,
} from './helpers/voicemail.ts'

const hour = 3_600_000
/** Days take as long as all that the server does in them. */
const delivery = { grace: '1h', max_lifetime: '5h' }
const policyType = 'io.ringback.media_policy'
const folder = temporaryFolder({ after })

for (const engine of engines) {
  describe(`keeping notes (${engine})`, { skip: ffmpegMissing || skipEngine(engine) }, () => {
    let server: Calling
    before(async () => {
      server = await createCallingServer({ engine, config: { media: { delivery } } })
    })
    after(() => server?.stop())

    async function sweepAfter(ms: number): Promise<void> {
      await server.wait(ms)
      await server.context.media.delivery.sweep(new AbortController().signal)
      await server.context.drain()
    }

    let people = 0
    /** A note of the recorder that its receiver has fetched. */
    async function left(kind: 'voice' | 'video' = 'voice') {
      people += 1
      const [alice, bob] = [await server.user(`alice${people}`), await server.user(`bob${people}`)]
      const roomId = await directChat(alice, bob)
      await callInVain(server, alice, bob, roomId)
      const prompt = (await promptsOf(alice)).at(-1)
      assert.ok(prompt)
      const recording = readFileSync(makeRecording(folder, kind === 'voice' ? 'sound.ogg' : 'video.webm'))
      const url = `${server.url}/_ringback/v1/recorder/${tokenOf(prompt)}?kind=${kind}`
      const answer = await fetch(url, { method: 'POST', body: new Uint8Array(recording) })
      const { event_id: eventId } = (await answer.json()) as JsonObject
      const event = (await timeline(bob, roomId)).find(({ event_id: id }) => id === eventId)
      const mxc = String(event?.content.url)
      await fetchWhole(server, bob, mxc)
      const noteId = String((await noteOf(bob))?.note_id)
      return {
        alice,
        bob,
        roomId,
        eventId: String(eventId),
        mxc,
        poster: String(Object(event?.content.info).thumbnail_url),
        noteId,
      }
    }

    const noteOf = async (user: TestUser) => (await notesOf(user))[0]
    const keep = (user: TestUser, noteId: string, method: 'PUT' | 'DELETE' = 'PUT') =>
      user.request(method, at`/_ringback/v1/notes/${noteId}/keep`, method === 'PUT' ? { body: {} } : {})

    test('a note that its receiver keeps is not deleted after its delivery, and the sender sees that', async () => {
      const { alice, bob, mxc, noteId } = await left()
      const due = server.clock.now() + hour
      assert.deepEqual([(await noteOf(bob))?.expires_ts, (await noteOf(alice))?.expires_ts], [due, due])
      const kept = await keep(bob, noteId)
      assert.deepEqual([kept.status, kept.body], [200, {}])
      for (const user of [alice, bob]) {
        const { kept: isKept, expires_ts: expires } = (await noteOf(user)) ?? {}
        assert.deepEqual([isKept, expires], [true, undefined])
      }
      await sweepAfter(10 * hour)
      assert.equal(await status(bob, mxc), 200)
      const ended = await keep(bob, noteId, 'DELETE')
      assert.deepEqual(ended.body, { expires_ts: due }, 'it is as late as it would have been')
      await sweepAfter(1)
      assert.equal(await status(bob, mxc), 404)
      const { kept: isKept, state } = (await noteOf(bob)) ?? {}
      assert.deepEqual([isKept, state], [undefined, 'deleted'])
      const gone = await keep(bob, noteId)
      assert.deepEqual([gone.status, gone.body.errcode], [404, 'M_NOT_FOUND'])
    })

    test('a video is kept with the picture that stands for it', async () => {
      const { bob, mxc, poster, noteId } = await left('video')
      await keep(bob, noteId)
      await sweepAfter(10 * hour)
      assert.deepEqual([await status(bob, mxc), await status(bob, poster)], [200, 200])
      await keep(bob, noteId, 'DELETE')
      await sweepAfter(1)
      assert.deepEqual([await status(bob, mxc), await status(bob, poster)], [404, 404])
    })

    test('what the sender or the room has chosen goes before that, and a note that is taken back is gone', async () => {
      const [vanishing, ruled, redacted] = [await left(), await left(), await left()]
      const due = server.clock.now() + hour
      const path = at`/_matrix/client/v3/user/${vanishing.alice.userId}/account_data/${policyType}`
      await vanishing.alice.put(path, { media: { note: { kind: 'after_delivery' } } })
      await setState(ruled.alice, ruled.roomId, policyType, { kind: 'after_delivery' })
      await server.context.drain()
      for (const { bob, noteId } of [vanishing, ruled]) {
        const { body } = await keep(bob, noteId)
        assert.ok(Number(body.expires_ts) <= due, JSON.stringify(body))
        assert.equal((await noteOf(bob))?.kept, true)
      }
      await keep(redacted.bob, redacted.noteId)
      await redacted.alice.put(at`/_matrix/client/v3/rooms/${redacted.roomId}/redact/${redacted.eventId}/1`)
      await sweepAfter(1)
      assert.equal(await status(redacted.bob, redacted.mxc), 404)
      await sweepAfter(2 * hour)
      for (const { bob, mxc } of [vanishing, ruled]) assert.equal(await status(bob, mxc), 404)
    })

    test('a note with the recording of somebody else cannot keep that', async () => {
      const { alice, bob, mxc } = await left()
      const eve = await server.user(`eve${people}`)
      const roomId = await directChat(bob, eve)
      await callInVain(server, bob, eve, roomId)
      await send(bob, roomId, { msgtype: 'm.audio', body: 'Voice', url: mxc, 'org.matrix.msc3245.voice': {} })
      await server.context.drain()
      const { status: answered, body } = await keep(eve, String((await noteOf(eve))?.note_id))
      assert.deepEqual([answered, body.errcode], [403, 'M_FORBIDDEN'])
      assert.equal((await noteOf(alice))?.kept, undefined)
    })

    test('only the receiver keeps a note, as long as there is such an account', async () => {
      const { alice, bob, mxc, noteId } = await left()
      const eve = await server.user(`eve${people}`)
      for (const other of [alice, eve]) assert.equal((await keep(other, noteId)).status, 404)
      assert.equal((await keep(bob, 'none')).status, 404)
      assert.equal((await keep(bob, noteId)).status, 200)
      const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: bob.userId }, password }
      await bob.post('/_matrix/client/v3/account/deactivate', { auth })
      await server.context.drain()
      await sweepAfter(2 * hour)
      assert.equal(await status(alice, mxc), 404)
    })
  })
}

test('notes are kept in the chat by their number', async () => {
  await using server = await createCallingServer({ config: { media: { delivery: { scope: 'all', grace: '1d' } } } })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await directChat(alice, bob)
  await callInVain(server, bob, alice, roomId)
  const chatId = (await chatOf(bob)) ?? ''
  const say = async (words: string) => {
    await send(bob, chatId, words)
    await server.context.drain()
    return (await answersIn(bob, chatId)).at(-1) ?? ''
  }
  await server.wait(180_000)
  await callInVain(server, alice, bob, roomId)
  const { mxc } = await leaveInConversation(alice, roomId, { bytes: 'recording' })
  await fetchWhole(server, bob, mxc)
  assert.match(await say('keep 2'), /no such note/)
  assert.match(await say('keep'), /no such note/)
  assert.equal(await say('keep 1'), 'I keep the note from alice until you say “keep N off” or it is deleted.')
  assert.match(await say('inbox'), /alice \(.*, 0:02, kept\)/)
  assert.match(
    await say('keep 1 off'),
    /^I do not keep the note from alice any more\. It is deleted on \d{4}-\d\d-\d\d as things are\.$/,
  )
  assert.match(await say('inbox'), /alice \(.*, 0:02\)/)
  const path = at`/_matrix/client/v3/user/${alice.userId}/account_data/${policyType}`
  await alice.put(path, { kind: 'after_delivery' })
  await server.context.drain()
  assert.match(await say('keep 1'), /is deleted on \d{4}-\d\d-\d\d all the same/)
})
