import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import type { BrowserContextOptions } from 'playwright-core'
import { chromiumMissing, startChromium } from './helpers/chromium.ts'
import { ffmpegMissing, makeRecording } from './helpers/ffmpeg.ts'
import { upload } from './helpers/media.ts'
import { openPage, overflow, signIn, unnamed } from './helpers/own-pages.ts'
import { temporaryFolder } from './helpers/program.ts'
import { send } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'
import { callInVain, createCallingServer, directChat, notesOf } from './helpers/voicemail.ts'

const skip = chromiumMissing || ffmpegMissing

const server = await createCallingServer()
// The page and the server tell times to each other.
server.clock.set(Date.now())
after(() => server.stop())
const browser = skip ? undefined : await startChromium({ after })
const sound = skip ? undefined : readFileSync(makeRecording(temporaryFolder({ after }), 'sound.ogg'))

async function open(path: string, options: BrowserContextOptions = {}) {
  assert.ok(browser)
  return openPage(browser, server, path, options)
}

/** Calls in vain and leaves a voice message in the conversation. */
async function leaveNote(caller: TestUser, callee: TestUser, roomId: string): Promise<string> {
  await callInVain(server, caller, callee, roomId)
  assert.ok(sound)
  const url = await upload(caller, sound, { type: 'audio/ogg' })
  return send(caller, roomId, {
    msgtype: 'm.audio',
    body: 'Voice message',
    url,
    info: { mimetype: 'audio/ogg', duration: 2_000, size: sound.length },
    'org.matrix.msc3245.voice': {},
  })
}

test('a note arrives in the inbox, is played there, found, and deleted', { skip, timeout: 90_000 }, async () => {
  const alice = await server.user('alice')
  const bob = await server.user('bob')
  const carol = await server.user('carol')
  const { page, faults } = await open('/inbox', { viewport: { width: 360, height: 700 } })
  await signIn(page, 'bob')
  await page.getByText('No notes. When you miss a call').waitFor()
  await leaveNote(alice, bob, await directChat(alice, bob))
  const items = page.getByRole('list', { name: 'Notes' }).getByRole('listitem')
  const first = items.filter({ hasText: 'alice' })
  await first.getByText('new', { exact: true }).waitFor()
  await first.getByText('Voice note, 0:02').waitFor()
  await page.getByText('1 not played yet').waitFor()
  await page.getByText('A new note from alice').waitFor({ state: 'attached' })

  await first.getByRole('button', { name: 'Play the voice note from alice' }).click()
  await page.getByText('1 not played yet').waitFor({ state: 'detached' })
  assert.deepEqual(
    (await notesOf(bob)).map(({ state, direction }) => [state, direction]),
    [['played', 'incoming']],
  )
  await first.getByLabel('Speed').selectOption('1.5')
  assert.equal(await page.evaluate(`document.querySelector('audio').playbackRate`), 1.5)
  await page.evaluate(`new Promise((resolve) => {
    const audio = document.querySelector('audio')
    if (audio.ended) resolve()
    else audio.addEventListener('ended', resolve)
  })`)

  await leaveNote(carol, bob, await directChat(carol, bob))
  const second = items.filter({ hasText: 'carol' })
  await second.getByText('new', { exact: true }).waitFor()
  assert.match((await items.first().textContent()) ?? '', /carol/, 'those that wait come first')
  await page.getByLabel('Search').fill('ALI')
  await second.waitFor({ state: 'detached' })
  assert.equal(await items.count(), 1)
  await page.getByLabel('Search').fill('nobody')
  await page.getByText('No note has these words.').waitFor()
  await page.getByLabel('Search').fill('')
  await second.waitFor()
  assert.equal(
    await second.getByRole('link', { name: 'Call back' }).getAttribute('href'),
    'https://matrix.to/#/%40carol%3Alocalhost',
  )
  await second.getByRole('button', { name: 'Keep the voice note from carol' }).click()
  await second.getByText('kept', { exact: true }).waitFor()
  assert.equal((await notesOf(bob)).find(({ peer }) => peer === carol.userId)?.kept, true)
  await second.getByRole('button', { name: 'Do not keep the voice note from carol' }).click()
  await second.getByText('kept', { exact: true }).waitFor({ state: 'detached' })
  const download = page.waitForEvent('download')
  await second.getByRole('button', { name: 'Save' }).click()
  assert.equal((await download).suggestedFilename(), 'Voice message.ogg')
  assert.equal(await overflow(page), 0)
  assert.deepEqual(await unnamed(page), [])

  await second.getByRole('button', { name: 'Delete' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Delete' }).click()
  await dialog.waitFor({ state: 'detached' })
  await second.getByText('deleted').waitFor()
  assert.deepEqual((await notesOf(bob)).map(({ peer, state }) => [peer, state]).sort(), [
    [alice.userId, 'played'],
    [carol.userId, 'deleted'],
  ])
  assert.deepEqual(faults, [])
})

test('who left a note sees what became of it, as far as the other side says', { skip, timeout: 60_000 }, async () => {
  const dan = await server.user('dan')
  const erin = await server.user('erin')
  const { page, faults } = await open('/account', { colorScheme: 'dark' })
  await signIn(page, 'dan')
  const roomId = await directChat(dan, erin)
  await callInVain(server, dan, erin, roomId)
  const card = page.getByRole('region', { name: 'erin did not answer' })
  const links = card.getByRole('link')
  await links.first().waitFor()
  const addresses = await links.evaluateAll((all) => all.map((one) => one.getAttribute('href') ?? ''))
  assert.equal(addresses.length, 2)
  for (const address of addresses) assert.match(address, /\/voicemail\/r\/[\w-]+\?kind=(?:voice|video)$/)
  await leaveNote(dan, erin, roomId)
  await page.getByText('note left').waitFor()
  await page.goto(`${server.url}/inbox`)
  await page.getByText('No notes. When you miss a call').waitFor()
  await page.getByRole('button', { name: 'From me' }).click()
  const item = page.getByRole('list', { name: 'Notes' }).getByRole('listitem')
  await item.getByText('Voice note, 0:02').waitFor()
  const path = `/_matrix/client/v3/user/${erin.userId}/account_data/io.ringback.missed_call_prompts`
  await erin.put(path, { share_played: true })
  const [note] = await notesOf(erin)
  await erin.post(`/_ringback/v1/notes/${note?.note_id}/played`)
  await item.getByText('played', { exact: true }).waitFor()
  assert.deepEqual(faults, [])
})
