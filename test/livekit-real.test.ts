/** Calls through a real LiveKit server, between browsers with the client library of LiveKit. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { checkLivekit } from '../src/admin/doctor/check-livekit.ts'
import type { Finding } from '../src/admin/doctor/finding.ts'
import { systemClock } from '../src/util/clock.ts'
import { createSafeFetch } from '../src/util/safe-fetch.ts'
import type { ParticipantChange } from '../src/voip/livekit/participants/participants.ts'
import { chromiumMissing, executablePath } from './helpers/chromium.ts'
import { at } from './helpers/client.ts'
import { livekitKey } from './helpers/livekit.ts'
import { livekitServerMissing, startLivekitServer } from './helpers/livekit-server.ts'
import { freePort } from './helpers/program.ts'
import { act, getState, publicRoom, setState } from './helpers/rooms.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'
import { startWebServer } from './helpers/web-server.ts'

const skip = livekitServerMissing || chromiumMissing
const library = createRequire(import.meta.url)
  .resolve('livekit-client')
  .replace(/[^/]*$/, 'livekit-client.umd.js')
const memberType = 'org.matrix.msc3401.call.member'

const startBrowser = () =>
  chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--autoplay-policy=no-user-gesture-required',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
    ],
  })

/** What the page calls of the library. */
interface InPage {
  LivekitClient: { Room: new () => InRoom }
  room: InRoom
  reasons: unknown[]
}
interface InRoom {
  connect(url: string, token: string): Promise<void>
  disconnect(): Promise<void>
  on(event: string, listener: (value: unknown) => void): void
  localParticipant: {
    setMicrophoneEnabled(on: boolean): Promise<unknown>
    setCameraEnabled(on: boolean, options?: object): Promise<unknown>
  }
  remoteParticipants: Map<
    string,
    { identity: string; trackPublications: Map<string, { kind: string; isSubscribed: boolean }> }
  >
}

async function openPage(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(url)
  await page.addScriptTag({ path: library })
  return page
}

const join = (page: Page, url: string, jwt: string) =>
  page.evaluate(
    async ([to = '', token = '']) => {
      const here = globalThis as unknown as InPage
      here.room = new here.LivekitClient.Room()
      here.reasons = []
      here.room.on('disconnected', (reason) => here.reasons.push(reason))
      await here.room.connect(to, token)
    },
    [url, jwt],
  )

const publish = (page: Page) =>
  page.evaluate(async () => {
    const { localParticipant } = (globalThis as unknown as InPage).room
    await localParticipant.setMicrophoneEnabled(true)
    await localParticipant.setCameraEnabled(true, { resolution: { width: 160, height: 120, frameRate: 10 } })
  })

/** Resolves when the page gets audio and video of that participant. */
const sees = (page: Page, identity: string) =>
  page.waitForFunction((who) => {
    const tracks = (globalThis as unknown as InPage).room.remoteParticipants.get(who)?.trackPublications.values() ?? []
    const kinds = [...tracks].flatMap(({ kind, isSubscribed }) => (isSubscribed ? [kind] : []))
    return kinds.includes('audio') && kinds.includes('video')
  }, identity)

test('people see and hear each other in a call, and whoever vanishes or is removed leaves it', { skip }, async (t) => {
  const port = await freePort()
  const config = { voip: { livekit: { internal_url: `http://127.0.0.1:${port}`, ...livekitKey, leave_after: 0 } } }
  await using server = await createTestServer({ config })
  await using _livekit = await startLivekitServer({ port, webhookUrl: `${server.url}/livekit/jwt/sfu_webhook` })
  const site = await startWebServer()
  site.pages.set('/', '<title>A call</title>')
  t.after(() => site.stop())
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await publicRoom(alice, [bob, carol])
  const url = `${server.url.replace('http', 'ws')}/livekit/sfu`

  const changes: string[] = []
  const waiting = new Map<string, () => void>()
  const note = ({ what, participant: { userId } }: ParticipantChange) => {
    changes.push(`${userId} ${what}`)
    waiting.get(`${userId} ${what}`)?.()
  }
  server.context.livekit?.participants.onChange(async (tx, change) => tx.afterCommit(() => note(change)))
  /** Resolves when LiveKit has told. */
  const told = (news: string) =>
    changes.includes(news) ? Promise.resolve() : new Promise<void>((resolve) => waiting.set(news, resolve))

  async function enter(user: TestUser, page: Page, changed: object = {}): Promise<string> {
    const openid_token = await user.post(at`/_matrix/client/v3/user/${user.userId}/openid/request_token`)
    const body = { room: roomId, device_id: user.deviceId, openid_token, ...changed }
    const ticket = await server.client.post<{ url: string; jwt: string }>('/livekit/jwt/sfu/get', body)
    assert.equal(ticket.url, url)
    await join(page, ticket.url, ticket.jwt)
    return `${user.userId}:${user.deviceId}`
  }

  const [near, far] = [await startBrowser(), await startBrowser()]
  t.after(() => Promise.all([near.close(), far.close()]).then(() => undefined))
  const pages = {
    alice: await openPage(near, site.url),
    bob: await openPage(far, site.url),
    carol: await openPage(near, site.url),
  }

  const stateKey = `_${bob.userId}_${bob.deviceId}_m.call`
  const membership = { application: 'm.call', call_id: '', scope: 'm.room', device_id: bob.deviceId }
  await setState(bob, roomId, memberType, membership, stateKey)
  const { body } = await bob.request<{ delay_id: string }>(
    'PUT',
    at`/_matrix/client/v3/rooms/${roomId}/state/${memberType}/${stateKey}`,
    { query: { 'org.matrix.msc4140.delay': 3_600_000 }, body: {}, expect: 200 },
  )

  const identities = {
    alice: await enter(alice, pages.alice),
    bob: await enter(bob, pages.bob, { delay_id: body.delay_id }),
  }
  await Promise.all([publish(pages.alice), publish(pages.bob)])
  await Promise.all([sees(pages.alice, identities.bob), sees(pages.bob, identities.alice)])
  await Promise.all([told(`${alice.userId} joined`), told(`${bob.userId} joined`)])

  // Nobody else opens calls, and who is removed from the room is removed from its call.
  const door: Finding[] = []
  const fetch = createSafeFetch({ allowPrivateAddresses: true })
  const deps = { fetch, clock: systemClock, settings: { internal_url: `http://127.0.0.1:${port}`, ...livekitKey }, url }
  for await (const finding of checkLivekit(deps)) door.push(finding)
  assert.deepEqual(
    door.filter(({ isFine }) => !isFine),
    [],
  )
  await enter(carol, pages.carol)
  await told(`${carol.userId} joined`)
  await act(alice, roomId, 'kick', { user_id: carol.userId })
  await pages.carol.waitForFunction(() => (globalThis as unknown as InPage).reasons.length > 0)
  await told(`${carol.userId} left`)

  // An app that says goodbye, and one that is killed.
  assert.equal((await getState(alice, roomId, memberType, stateKey)).application, 'm.call')
  await far.close()
  await told(`${bob.userId} left`)
  await server.context.jobs.drain()
  assert.deepEqual(await getState(alice, roomId, memberType, stateKey), {})
  assert.equal((await server.context.delayed.get(body.delay_id))?.outcome, 'sent')
  await pages.alice.evaluate(() => (globalThis as unknown as InPage).room.disconnect())
  await told(`${alice.userId} left`)
  fetch.close()
})

test('the doctor sees a LiveKit server that opens calls by itself', { skip: livekitServerMissing }, async () => {
  const port = await freePort()
  await using _livekit = await startLivekitServer({ port, webhookUrl: 'http://127.0.0.1:1/', autoCreate: true })
  const fetch = createSafeFetch({ allowPrivateAddresses: true })
  const settings = { url: `ws://127.0.0.1:${port}`, ...livekitKey }
  const found: Finding[] = []
  for await (const finding of checkLivekit({ fetch, clock: systemClock, settings, url: settings.url }))
    found.push(finding)
  fetch.close()
  assert.deepEqual(
    found.map(({ isFine, text }) => [isFine, /auto_create/.test(text)]),
    [
      [true, false],
      [false, true],
    ],
  )
})
