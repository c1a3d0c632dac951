import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import type { Page } from 'playwright-core'
import sharp from 'sharp'
import { importMap, serveModules } from './helpers/browser-modules.ts'
import { chromiumMissing, startChromium } from './helpers/chromium.ts'
import { ffmpegMissing, makeRecording } from './helpers/ffmpeg.ts'
import { placeOf, upload } from './helpers/media.ts'
import { temporaryFolder } from './helpers/program.ts'
import { createRoom, join } from './helpers/rooms.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'
import { startWebServer } from './helpers/web-server.ts'

const skip = chromiumMissing || ffmpegMissing

const server = await createTestServer({ config: { media: { allow_legacy_unauthenticated: true } } })
after(() => server.stop())
const site = await startWebServer()
after(() => site.stop())
serveModules(site)

/** What a web client does with files, as functions of the page. It shows media without a service worker. */
const client = `<!doctype html><meta charset="utf-8">${importMap()}
<script type="module">
  import * as sdk from 'matrix-js-sdk'
  window.start = async ({ baseUrl, userId, accessToken, deviceId }) => {
    const client = sdk.createClient({ baseUrl, userId, accessToken, deviceId })
    window.client = client
    await client.startClient({ initialSyncLimit: 10 })
    await new Promise((resolve) => client.on('sync', (state) => state === 'PREPARED' && resolve()))
  }
  window.send = async (roomId, { base64, type, name, msgtype }) => {
    const file = new File([Uint8Array.fromBase64 ? Uint8Array.fromBase64(base64) : Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name, { type })
    const seen = []
    const { content_uri: url } = await client.uploadContent(file, { progressHandler: ({ loaded }) => seen.push(loaded) })
    await client.sendMessage(roomId, { msgtype, body: name, url, info: { mimetype: type, size: file.size } })
    return { url, sent: seen.at(-1) }
  }
  const messageOf = (roomId, name) =>
    client.getRoom(roomId)?.getLiveTimeline().getEvents().find((event) => event.getContent().body === name)
  const urlOf = async (roomId, name) => {
    while (!messageOf(roomId, name)) await new Promise((resolve) => client.once('Room.timeline', resolve))
    return messageOf(roomId, name).getContent().url
  }
  const load = async (address) => {
    const response = await fetch(address, { headers: { Authorization: 'Bearer ' + client.getAccessToken() } })
    if (!response.ok) throw new Error('status ' + response.status)
    return URL.createObjectURL(await response.blob())
  }
  const happens = (element, event) =>
    new Promise((resolve, reject) => {
      element.addEventListener(event, resolve, { once: true })
      element.addEventListener('error', () => reject(new Error(element.error?.message ?? 'it cannot be shown')), { once: true })
    })
  window.showImage = async (roomId, name, width, height) => {
    const mxc = await urlOf(roomId, name)
    const image = new Image()
    const method = width ? 'scale' : undefined
    image.src = await load(client.mxcUrlToHttp(mxc, width, height, method, false, true, true))
    await image.decode()
    document.body.append(image)
    return [image.naturalWidth, image.naturalHeight]
  }
  const play = async (element, src, at) => {
    element.muted = true
    element.src = src
    document.body.append(element)
    await happens(element, 'loadedmetadata')
    if (at !== undefined) {
      element.currentTime = at
      await happens(element, 'seeked')
    }
    await element.play()
    const from = element.currentTime
    while (element.currentTime <= from) await happens(element, 'timeupdate')
    element.pause()
    return { duration: element.duration, size: [element.videoWidth ?? 0, element.videoHeight ?? 0], position: element.currentTime }
  }
  window.playFile = async (roomId, name, tag) => {
    const mxc = await urlOf(roomId, name)
    return play(document.createElement(tag), await load(client.mxcUrlToHttp(mxc, undefined, undefined, undefined, false, true, true)))
  }
  window.playAddress = (address, at) => play(document.createElement('video'), address, at)
  window.part = async (mxc, range) => {
    const address = client.mxcUrlToHttp(mxc, undefined, undefined, undefined, false, true, true)
    const response = await fetch(address, { headers: { Authorization: 'Bearer ' + client.getAccessToken(), Range: range } })
    return [response.status, response.headers.get('content-range'), (await response.arrayBuffer()).byteLength]
  }
  window.ready = true
</script>`
site.pages.set('/', client)

type Browser = Awaited<ReturnType<typeof startChromium>>

/** Whatever the page calls, by its name; the answer is what the test says it is. */
function call<T>(page: Page, name: string, ...args: unknown[]): Promise<T> {
  return page.evaluate(([name, args]) => Reflect.get(globalThis, name)(...args), [name, args] as const) as Promise<T>
}

async function openClient(browser: Browser, user: TestUser): Promise<{ page: Page; faults: string[] }> {
  const page = await (await browser.newContext()).newPage()
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('response', (response) => {
    if (response.url().includes('/media/') && response.status() >= 400)
      faults.push(`${response.status()} ${response.url()}`)
  })
  await page.goto(site.url)
  await page.waitForFunction('window.ready')
  const { baseUrl, userId, accessToken, deviceId } = user
  await call(page, 'start', { baseUrl, userId, accessToken, deviceId })
  return { page, faults }
}

test('a web client sends a picture, sound and a video, and another one shows them', {
  skip,
  timeout: 90_000,
}, async (t) => {
  const folder = temporaryFolder(t)
  const browser = await startChromium(t)
  const alice = await server.user('alice')
  const bob = await server.user('bob')
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  await join(bob, roomId)
  const sender = await openClient(browser, alice)
  const receiver = await openClient(browser, bob)
  const photo = await sharp({ create: { width: 640, height: 480, channels: 3, background: 'teal' } })
    .jpeg()
    .toBuffer()
  const recording = (name: Parameters<typeof makeRecording>[1]) => readFileSync(makeRecording(folder, name))
  const files = [
    { name: 'photo ☀.jpg', type: 'image/jpeg', msgtype: 'm.image', bytes: photo },
    { name: 'sound.ogg', type: 'audio/ogg', msgtype: 'm.audio', bytes: recording('sound.ogg') },
    { name: 'sound.mp3', type: 'audio/mpeg', msgtype: 'm.audio', bytes: recording('sound.mp3') },
    { name: 'video.webm', type: 'video/webm', msgtype: 'm.video', bytes: recording('video.webm') },
  ]
  for (const { bytes, ...file } of files) {
    const sent = await call<{ sent: number }>(sender.page, 'send', roomId, {
      ...file,
      base64: bytes.toString('base64'),
    })
    assert.equal(sent.sent, bytes.length, file.name)
  }
  assert.deepEqual(await call(receiver.page, 'showImage', roomId, 'photo ☀.jpg'), [640, 480])
  assert.deepEqual(await call(receiver.page, 'showImage', roomId, 'photo ☀.jpg', 320, 240), [320, 240])
  assert.deepEqual(await call(receiver.page, 'showImage', roomId, 'video.webm', 320, 240), [320, 180])
  for (const [name, tag, size] of [
    ['sound.ogg', 'audio', [0, 0]],
    ['sound.mp3', 'audio', [0, 0]],
    ['video.webm', 'video', [320, 180]],
  ] as const) {
    const played = await call<Played>(receiver.page, 'playFile', roomId, name, tag)
    assert.ok(Math.abs(played.duration - 2) < 0.15, `${name}: ${played.duration}`)
    assert.ok(played.position > 0)
    assert.deepEqual(played.size, size, name)
  }
  assert.deepEqual([...sender.faults, ...receiver.faults], [])
})

interface Played {
  readonly duration: number
  readonly size: number[]
  readonly position: number
}

test('a video is skipped through without loading it as a whole', { skip, timeout: 90_000 }, async (t) => {
  const browser = await startChromium(t)
  const carol = await server.user('carol')
  const bytes = readFileSync(makeRecording(temporaryFolder(t), 'long.webm'))
  const mxc = await upload(carol, bytes, { type: 'video/webm' })
  const { page, faults } = await openClient(browser, carol)
  const { length } = bytes
  const first = `bytes 100-299/${length}`
  const last = `bytes ${length - 50}-${length - 1}/${length}`
  assert.deepEqual(await call(page, 'part', mxc, 'bytes=100-299'), [206, first, 200])
  assert.deepEqual(await call(page, 'part', mxc, 'bytes=-50'), [206, last, 50])
  const ranges: string[] = []
  page.on('response', (response) => {
    if (response.url().includes('/media/v3/download/'))
      ranges.push(`${response.status()} ${response.request().headers().range}`)
  })
  // An element of a page cannot send an access token: the old path shows that it gets its parts.
  const address = `${server.url}/_matrix/media/v3/download/${placeOf(mxc)}`
  const played = await call<Played>(page, 'playAddress', address, 20)
  assert.ok(Math.abs(played.duration - 24) < 0.2, String(played.duration))
  assert.ok(played.position > 20 && played.position < 24, String(played.position))
  assert.deepEqual(played.size, [640, 360])
  const starts = ranges.map((range) => Number(/^206 bytes=(\d+)-/.exec(range)?.[1]))
  assert.equal(starts[0], 0, ranges.join())
  assert.ok(
    starts.some((start) => start > length / 2),
    `${ranges.join()} of ${length}`,
  )
  assert.deepEqual(faults, [])
})

test('what a file holds cannot act for the server it comes from', { skip, timeout: 90_000 }, async (t) => {
  const browser = await startChromium(t)
  const mallory = await server.user('mallory')
  const script = `document.title = 'owned'; fetch('${site.url}/stolen')`
  const files: [bytes: string, type: string][] = [
    [`<!doctype html><title>page</title><script>${script}</script>`, 'text/html'],
    [`<svg xmlns="http://www.w3.org/2000/svg"><script>${script}</script></svg>`, 'image/svg+xml'],
    [`<html xmlns="http://www.w3.org/1999/xhtml"><script>${script}</script></html>`, 'application/xhtml+xml'],
    [`<script>${script}</script>`, 'image/png'],
    [`GIF89a/*<script>${script}</script>*/=1;`, 'image/gif'],
    [`<script>${script}</script>`, 'text/plain'],
  ]
  const page = await (await browser.newContext({ acceptDownloads: true })).newPage()
  for (const [bytes, type] of files) {
    const mxc = await upload(mallory, bytes, { type })
    const address = `${server.url}/_matrix/media/v3/download/${placeOf(mxc)}`
    const downloads: string[] = []
    page.once('download', (download) => downloads.push(download.url()))
    await page.goto(address).catch((error: Error) => {
      if (!/Download is starting|ERR_ABORTED/.test(error.message)) throw error
    })
    assert.notEqual(await page.title(), 'owned', type)
    // A page that takes files for scripts, frames or objects.
    site.pages.set(
      '/frame',
      `<!doctype html><title>clean</title><script src="${address}"></script><iframe src="${address}"></iframe><object data="${address}"></object><embed src="${address}">`,
    )
    await page.goto(`${site.url}/frame`).catch((error: Error) => {
      if (!/Download is starting|ERR_ABORTED/.test(error.message)) throw error
    })
    await page.waitForLoadState('load')
    assert.equal(await page.title(), 'clean', type)
  }
  assert.ok(!site.asked.includes('/stolen'))
})
