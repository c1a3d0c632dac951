import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import type { FinishedNote } from '../src/bots/voicemail/recorder/types.ts'
import { chromiumMissing, fakeDevices, startChromium } from './helpers/chromium.ts'
import { ffmpegMissing } from './helpers/ffmpeg.ts'
import { download } from './helpers/media.ts'
import { temporaryFolder } from './helpers/program.ts'
import { loudnessOf, makeLink, probe, takeNotes } from './helpers/recorder.ts'
import { createTestServer } from './helpers/server.ts'

const skip = chromiumMissing || ffmpegMissing
const server = await createTestServer({ config: { bots: { voicemail: { max_length: '3s' } } } })
after(() => server.stop())
const alice = await server.user('alice')
const taker = takeNotes(server)
const folder = temporaryFolder({ after })
/** Where pictures of the pages go, for people to look at. */
const pictures = process.env.RECORDER_PICTURES

const browser = skip ? undefined : await startChromium({ after }, fakeDevices)

interface OpenPage {
  readonly page: Page
  readonly context: BrowserContext
  /** What the page complained of, and whom else it asked. */
  readonly faults: string[]
  picture(name: string): Promise<void>
}

async function open(token: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
  assert.ok(browser)
  const context = await browser.newContext({ viewport: { width: 900, height: 760 }, ...options })
  after(() => context.close())
  const page = await context.newPage()
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of (403|413)|ERR_/.test(message.text())) faults.push(message.text())
  })
  page.on('request', (request) => {
    if (!/^(blob:|data:)/.test(request.url()) && !request.url().startsWith(server.url)) faults.push(request.url())
  })
  await page.goto(`${server.url}/voicemail/r/${token}`)
  const picture = async (name: string) => {
    if (pictures === undefined) return
    mkdirSync(pictures, { recursive: true })
    await page.screenshot({ path: join(pictures, `${name}.png`) })
  }
  return { page, context, faults, picture }
}

/** Waits for something to become true in the page, whose policy forbids the usual way. */
const until = (page: Page, condition: string) =>
  page.evaluate(`new Promise((resolve) => {
    const check = () => (${condition} ? resolve() : requestAnimationFrame(check))
    check()
  })`)

/** Waits until so much of the time has been recorded, in ms. */
const used = (page: Page, ms: number) => until(page, `document.querySelector('progress')?.value > ${ms}`)

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })

async function noteFile({ mxc }: FinishedNote, name: string): Promise<string> {
  const path = join(folder, name)
  writeFileSync(path, (await download(alice, mxc)).bytes)
  return path
}

const phone = { viewport: { width: 390, height: 760 }, isMobile: true, hasTouch: true, deviceScaleFactor: 1 } as const

test('a voice note with the keyboard alone, on a dark phone', { skip, timeout: 120_000 }, async () => {
  const token = await makeLink(server, alice, { greeting: 'I teach until four. Tell me what it is about.' })
  const { page, faults, picture } = await open(token, { ...phone, colorScheme: 'dark' })
  await page.getByRole('heading', { name: 'Leave a note for Bob' }).waitFor()
  assert.equal(
    await page.evaluate("[...document.querySelectorAll('input')].map((one) => one.value).join()"),
    'voice,video',
  )
  await picture('phone-dark-start')
  await button(page, 'Record').focus()
  await page.keyboard.press('Space')
  await button(page, 'Stop').waitFor()
  await page.getByText(/left$/).waitFor()
  await used(page, 1200)
  await picture('phone-dark-recording')
  await page.keyboard.press('Enter')
  await button(page, 'Send').waitFor()
  assert.equal(await page.evaluate('document.activeElement?.textContent'), 'Send')
  await page
    .getByRole('status')
    .filter({ hasText: /^Recorded [12] seconds?\./ })
    .waitFor()
  await picture('phone-dark-review')
  await button(page, 'Play').click()
  await until(page, "document.querySelector('audio')?.currentTime > 0")
  await page.getByLabel('A line of text').fill('See you tomorrow')
  await button(page, 'Send').focus()
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Sent' }).waitFor()
  await picture('phone-dark-sent')
  const note = taker.notes.at(-1)
  assert.ok(note)
  assert.equal(note.content.body, 'See you tomorrow')
  assert.ok(note.durationMs > 1100 && note.durationMs < 2600, String(note.durationMs))
  const path = await noteFile(note, 'voice.ogg')
  const { streams, format } = probe(path)
  assert.deepEqual([streams[0]?.codec_name, streams[0]?.channels], ['opus', 1])
  assert.ok(Math.abs(Number(format.duration) * 1000 - note.durationMs) < 50)
  assert.ok(loudnessOf(path).peak < 0 && loudnessOf(path).integrated > -40)
  assert.deepEqual(faults, [])
  await page.reload()
  await page.getByText('This link does not work any more').waitFor()
})

test('a video note stops by itself when the time is up', { skip, timeout: 120_000 }, async () => {
  const token = await makeLink(server, alice, { kind: 'video' })
  const { page, faults, picture } = await open(token, { colorScheme: 'light' })
  assert.ok(await page.getByRole('radio', { name: 'Video' }).isChecked())
  await button(page, 'Turn on the camera').click()
  await button(page, 'Record').waitFor()
  await until(page, "document.querySelector('video')?.videoWidth > 0")
  await picture('desktop-light-preview')
  await button(page, 'Record').click()
  await used(page, 1000)
  await picture('desktop-light-recording')
  await button(page, 'Send').waitFor()
  await picture('desktop-light-review')
  await button(page, 'Send').click()
  await page.getByText('Bob gets your note of 3 seconds.').waitFor()
  await picture('desktop-light-sent')
  const note = taker.notes.at(-1)
  assert.ok(note)
  assert.ok(note.durationMs > 2500 && note.durationMs <= 3000, String(note.durationMs))
  const { streams } = probe(await noteFile(note, 'video.mp4'))
  assert.deepEqual(
    streams.map(({ codec_name, width, height }) => [codec_name, width, height]),
    [
      ['h264', 480, 480],
      ['aac', undefined, undefined],
    ],
  )
  assert.deepEqual(faults, [])
})

test('a recording that cannot be sent now is kept, and sent once', { skip, timeout: 120_000 }, async () => {
  const { length } = taker.notes
  const { page, context, picture } = await open(await makeLink(server, alice), phone)
  const record = async () => {
    await button(page, 'Record').click()
    await used(page, 500)
    await button(page, 'Stop').click()
  }
  await record()
  // Leaving would lose it.
  const asked = page.waitForEvent('dialog')
  await page.evaluate('setTimeout(() => location.reload())')
  const dialog = await asked
  assert.equal(dialog.type(), 'beforeunload')
  await dialog.dismiss()
  await button(page, 'Record again').click()
  await record()
  await context.setOffline(true)
  await button(page, 'Send').click()
  await page.getByText('You are offline.').waitFor()
  await picture('phone-light-offline')
  await context.setOffline(false)
  // The answer is lost, but the note has arrived.
  await page.route('**/_ringback/v1/recorder/**', async (route) => {
    await route.fetch()
    await route.abort('connectionreset')
  })
  await button(page, 'Send again').click()
  await page.getByText('The server cannot be reached.').waitFor()
  await page.unroute('**/_ringback/v1/recorder/**')
  await button(page, 'Send again').click()
  await page.getByText('The note has probably arrived').waitFor()
  await page.getByRole('link', { name: 'Save the recording' }).waitFor()
  assert.equal(taker.notes.length, length + 1)
})

test('a page that was loaded again half-way starts anew', { skip, timeout: 120_000 }, async () => {
  const { page } = await open(`${await makeLink(server, alice, { kind: 'video' })}?kind=voice`)
  await button(page, 'Record').click()
  await button(page, 'Stop').waitFor()
  page.on('dialog', (dialog) => void dialog.accept())
  await page.reload()
  await button(page, 'Record').click()
  await used(page, 500)
  await button(page, 'Stop').click()
  await button(page, 'Send').waitFor()
})

test('whoever may not use the microphone is told what to do', { skip, timeout: 120_000 }, async () => {
  const { page, picture } = await open(await makeLink(server, alice), { colorScheme: 'dark' })
  const refuse = (name: string) =>
    page.evaluate(`navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', '${name}'))`)
  await refuse('NotAllowedError')
  await button(page, 'Record').click()
  await page.getByRole('alert').filter({ hasText: 'This page may not use the microphone.' }).waitFor()
  await picture('desktop-dark-denied')
  await refuse('NotFoundError')
  await button(page, 'Record').click()
  await page.getByRole('alert').filter({ hasText: 'No microphone was found.' }).waitFor()
})

test('a browser that cannot record offers to send a file', { skip, timeout: 120_000 }, async () => {
  assert.ok(browser)
  const context = await browser.newContext()
  await context.addInitScript('delete window.MediaRecorder')
  const page = await context.newPage()
  await page.goto(`${server.url}/voicemail/r/${await makeLink(server, alice)}`)
  await page.getByText('This browser cannot record.').waitFor()
  const path = await noteFile(taker.notes.find(({ kind }) => kind === 'voice') as FinishedNote, 'again.ogg')
  await page.getByLabel('Choose a recording instead').setInputFiles(path)
  await button(page, 'Send').click()
  await page.getByRole('heading', { name: 'Sent' }).waitFor()
  await context.close()
})

test('the link of a page that was open too long', { skip, timeout: 120_000 }, async () => {
  const { clock } = server.context
  const token = await makeLink(server, alice, { expiresTs: clock.now() + 2500 })
  const { page, picture } = await open(token, phone)
  await page.getByText('This link does not work any more').waitFor()
  await picture('phone-light-expired')
})

test('the page is small', { skip }, async () => {
  const { page } = await open(await makeLink(server, alice))
  const sizes = await page.evaluate<number[]>(
    "performance.getEntriesByType('resource').map((entry) => entry.decodedBodySize)",
  )
  assert.ok(sizes.length > 5)
  assert.ok(sizes.reduce((sum, size) => sum + size, 0) < 100_000, sizes.join())
})
