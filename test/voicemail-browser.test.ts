import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { systemClock } from '../src/util/clock.ts'
import { type CallBrowser, type ClientPage, startCallBrowser } from './browser/client-page.ts'
import type { SeenMessage } from './browser/page-api.ts'
import { chromiumMissing } from './helpers/chromium.ts'
import { ffmpegMissing } from './helpers/ffmpeg.ts'
import { type LiveReader, openLive } from './helpers/live.ts'
import { download, mediaFiles } from './helpers/media.ts'
import { createRoom, join } from './helpers/rooms.ts'
import { createTestServer, type TestServer } from './helpers/server.ts'

type Kind = 'voice' | 'video'
type Note = Record<string, unknown>

const bot = '@voicemail:localhost'

/** A call in vain, the prompt, the recorder and the note, with matrix-js-sdk on both sides and a made-up microphone. */
describe('a note after a missed call, in Chromium', {
  skip: chromiumMissing || ffmpegMissing,
  timeout: 150_000,
}, () => {
  let server: TestServer
  let chromium: CallBrowser
  let alice: ClientPage
  let bob: ClientPage
  let told: LiveReader
  let roomId: string
  /** How much later it is than the clock says, in ms. */
  let ahead = 0
  const clock = { ...systemClock, now: () => systemClock.now() + ahead }
  /** Prompts that were looked at. */
  const known: string[] = []

  before(async () => {
    const calls = { local_grace: '300ms', cancel_after: 0 }
    const media = { delivery: { scope: 'notes', grace: 0 } }
    const [started, browser] = await Promise.all([
      createTestServer({ clock, config: { voip: { calls }, media } }),
      startCallBrowser(),
    ])
    server = started
    chromium = browser
    const users = [await server.user('alice'), await server.user('bob')] as const
    roomId = await createRoom(users[0], { preset: 'trusted_private_chat', is_direct: true, invite: [users[1].userId] })
    await join(users[1], roomId)
    told = await openLive(server.url, users[0])
    ;[alice, bob] = await Promise.all([chromium.open(users[0]), chromium.open(users[1])])
  })
  after(async () => {
    await told.close()
    await chromium[Symbol.asyncDispose]()
    await server.stop()
  })

  /** Resolves once the call is over for the log. */
  async function callInVain(kind: Kind, how: 'missed' | 'declined' = 'missed'): Promise<void> {
    // Calls that follow each other at once are asked about together.
    ahead += 180_000
    await alice.call('place', roomId, kind)
    await bob.call('ring')
    await (how === 'missed' ? alice.call('hangUp') : bob.call('reject'))
    await Promise.all([alice, bob].map(({ call }) => call('reached', 'ended')))
    let frame: object
    do frame = await told.next()
    while (Reflect.get(frame, 'type') !== 'call' || Reflect.get(frame, 'outcome') !== how)
  }

  /** The next prompt that Alice's client shows, and the link in it. */
  async function prompt(kind: Kind): Promise<SeenMessage & { link: string }> {
    const seen = await alice.call('message', undefined, { sender: bot, msgtype: 'm.text', body: '📵' }, known)
    known.push(seen.eventId)
    const link = new RegExp(`${kind === 'voice' ? 'Voice' : 'Video'} note: (\\S+)`).exec(String(seen.content.body))
    return { ...seen, link: link?.[1] ?? '' }
  }

  const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click()

  /** Records for a second and some, in a tab of Alice's browser, and sends it. */
  async function record(link: string, kind: Kind, isReloaded = false): Promise<void> {
    const page = await alice.context.newPage()
    await page.goto(link)
    if (kind === 'video') await press(page, 'Turn on the camera')
    await press(page, 'Record')
    if (isReloaded) {
      // What was recorded up to now is lost, and nothing else.
      page.on('dialog', (dialog) => void dialog.accept())
      await page.getByText('0:29 left').waitFor()
      await page.reload()
      await press(page, 'Record')
    }
    await page.getByText('0:28 left').waitFor()
    await press(page, 'Stop')
    await press(page, 'Send')
    await page.getByRole('heading', { name: 'Sent' }).waitFor()
    await page.close()
  }

  const notesOf = async ({ user }: ClientPage) => (await user.get<{ notes: Note[] }>('/_ringback/v1/notes')).notes

  async function gone(mxc: string): Promise<void> {
    while ((await download(bob.user, mxc)).status !== 404) await new Promise((resolve) => setTimeout(resolve, 50))
    assert.deepEqual(mediaFiles(server.dataDir), [])
  }

  test('a voice call that nobody answers ends in a voice message, unread until it is played', async () => {
    await callInVain('voice')
    const { link, roomId: chatId, content } = await prompt('voice')
    assert.notEqual(chatId, roomId)
    assert.match(String(content.body), /^📵 bob didn't answer/i)
    await record(link, 'voice', true)
    const note = await bob.call('message', roomId, { sender: alice.user.userId, msgtype: 'm.audio' })
    assert.deepEqual(note.content['org.matrix.msc3245.voice'], {})
    const { duration, waveform } = Object(note.content['org.matrix.msc1767.audio'])
    assert.ok(waveform.length >= 30 && waveform.length <= 120 && Math.max(...waveform) <= 1024, String(waveform))
    await bob.call('marked', roomId, true)
    assert.equal((await notesOf(bob))[0]?.event_id, note.eventId)
    const mxc = String(note.content.url)
    assert.ok(mediaFiles(server.dataDir).length > 0)
    const played = await bob.call('playMedia', mxc, 'audio')
    assert.ok(
      Math.abs(played.duration * 1000 - duration) < 150 && played.duration > 1,
      `${played.duration} ${duration}`,
    )
    assert.ok(played.position > 0)
    const { note_id, direction, state, peer, kind } = (await notesOf(bob))[0] ?? {}
    assert.deepEqual([direction, peer, kind], ['incoming', alice.user.userId, 'voice'])
    assert.ok(state === 'fetched' || state === 'deleted', String(state))
    const sent = (await notesOf(alice))[0]
    assert.deepEqual([sent?.direction, sent?.peer, sent?.note_id], ['outgoing', bob.user.userId, note_id])
    await bob.user.post(`/_ringback/v1/notes/${note_id}/played`)
    await bob.call('marked', roomId, false)
    await gone(mxc)
    const { calls } = await bob.user.get<{ calls: Note[] }>('/_ringback/v1/calls')
    assert.equal(calls[0]?.note_event_id, note.eventId)
  })

  test('a video call that is declined ends in a video message', async () => {
    await callInVain('video', 'declined')
    const { link, content } = await prompt('video')
    assert.match(String(content.body), /^📵 bob can't take the call/i)
    await record(link, 'video')
    const note = await bob.call('message', roomId, { sender: alice.user.userId, msgtype: 'm.video' })
    const mxc = String(note.content.url)
    const played = await bob.call('playMedia', mxc, 'video')
    assert.deepEqual(played.size, [480, 480])
    assert.ok(played.duration > 1 && played.duration < 6, String(played.duration))
    await gone(mxc)
  })

  test('a link whose time is over says so', async () => {
    await callInVain('voice')
    const { link } = await prompt('voice')
    ahead += 11 * 60_000
    const page = await alice.context.newPage()
    const answer = await page.goto(link)
    assert.equal(answer?.status(), 403)
    await page.getByRole('heading', { name: 'This link does not work any more' }).waitFor()
    await page.close()
  })

  test('whoever has switched it off is not asked', async () => {
    const path = `/_matrix/client/v3/user/${encodeURIComponent(alice.user.userId)}/account_data/io.ringback.missed_call_prompts`
    await alice.user.put(path, { enabled: false })
    await callInVain('voice')
    await server.context.drain()
    await alice.user.put(path, { enabled: true })
    await callInVain('voice')
    const asked = await prompt('voice')
    const [first, second] = (await alice.user.get<{ calls: Note[] }>('/_ringback/v1/calls')).calls
    assert.notEqual(first?.call_id, second?.call_id)
    assert.equal(Object(asked.content['io.ringback.prompt']).call_id, first?.call_id)
    assert.deepEqual([...alice.faults, ...bob.faults], [])
  })
})
