import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { BrowserContextOptions } from 'playwright-core'
import type { JsonObject } from '../src/matrix/event.ts'
import { createTestClock } from '../src/util/clock.ts'
import { chromiumMissing, startChromium } from './helpers/chromium.ts'
import { openPage, overflow, signIn, unnamed } from './helpers/own-pages.ts'
import { createRoom, join, send } from './helpers/rooms.ts'
import { createTestServer, password, type TestUser } from './helpers/server.ts'
import { answersIn, chatOf } from './helpers/voicemail.ts'

const skip = chromiumMissing

// The page and the server tell times to each other.
const clock = createTestClock(Date.now())
const server = await createTestServer({ clock })
after(() => server.stop())
const browser = skip ? undefined : await startChromium({ after })
const address = `${server.url}/account`

async function open(options: BrowserContextOptions = {}) {
  assert.ok(browser)
  return openPage(browser, server, '/account', options)
}

const settingsOf = (user: TestUser) =>
  user.get<JsonObject>(`/_matrix/client/v3/user/${user.userId}/account_data/io.ringback.missed_call_prompts`)

test('somebody signs in by keyboard, sees calls as they happen, and signs out', {
  skip,
  timeout: 60_000,
}, async () => {
  const alice = await server.user('alice')
  const bob = await server.user('bob')
  const { page, faults } = await open()
  await page.getByLabel('Name').waitFor()
  await page.keyboard.type('bob')
  await page.keyboard.press('Tab')
  await page.keyboard.type('wrong')
  await page.keyboard.press('Enter')
  await page.getByRole('alert').getByText('Wrong user name or password.').waitFor()
  await page.getByLabel('Password').fill(password)
  await page.keyboard.press('Enter')
  await page.getByText('No calls yet.').waitFor()
  await page
    .getByRole('listitem')
    .filter({ hasText: 'this browser' })
    .getByText(/Account page in Chrome/)
    .waitFor()

  const roomId = await createRoom(alice, { preset: 'trusted_private_chat', is_direct: true, invite: [bob.userId] })
  await join(bob, roomId)
  const call = { call_id: 'c1', party_id: 'p1', version: '1' }
  const offer = { type: 'offer', sdp: 'v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 111\r\n' }
  await send(alice, roomId, { ...call, lifetime: 60_000, offer }, 'm.call.invite')
  const entry = page.getByRole('list', { name: 'Calls' }).getByRole('listitem')
  await entry.getByText('Video call, ringing').waitFor()
  clock.advance(60_000)
  await send(alice, roomId, { ...call, reason: 'invite_timeout' }, 'm.call.hangup')
  clock.advance(10_000)
  await server.context.jobs.drain()
  await entry.getByText('Video call, missed').waitFor()
  assert.equal(await entry.count(), 1)
  await page.getByText('Missed call from alice').waitFor({ state: 'attached' })

  await page.getByRole('button', { name: 'Sign out', exact: true }).click()
  await page.getByLabel('Name').waitFor()
  assert.equal(await page.evaluate('localStorage.length'), 0)
  const { devices } = await bob.get<{ devices: JsonObject[] }>('/_matrix/client/v3/devices')
  assert.deepEqual(
    devices.map((device) => device.device_id),
    [bob.deviceId],
  )
  assert.deepEqual(faults, [])
})

test('what somebody wants of missed calls is kept where the assistant reads it', {
  skip,
  timeout: 60_000,
}, async () => {
  const carol = await server.user('carol')
  const path = `/_matrix/client/v3/user/${carol.userId}/account_data/io.ringback.missed_call_prompts`
  await carol.put(path, { keep_unread: false, peers: { '@dan:localhost': true } })
  const { page, faults } = await open({ viewport: { width: 360, height: 700 } })
  await signIn(page, 'carol')
  const ask = page.getByLabel('Ask me for a note when nobody answers my call')
  await ask.waitFor()
  assert.equal(await ask.isChecked(), true)
  await ask.click()
  const saved = page.getByText('Saved.', { exact: true })
  await saved.waitFor()
  assert.deepEqual(await settingsOf(carol), { keep_unread: false, peers: { '@dan:localhost': true }, enabled: false })
  await page.getByLabel('Let people leave notes for me').click()
  await page.getByLabel('Tell people that I have played their note').selectOption('no')
  await page.getByLabel('Greeting', { exact: true }).fill('  Back on Monday ☀ ')
  await page.getByRole('button', { name: 'Save greeting' }).click()
  await page.getByText('Your greeting is saved').waitFor({ state: 'attached' })
  const other = page.getByLabel('Another choice for one person')
  await other.fill('nobody')
  await page.getByRole('button', { name: 'Add' }).click()
  assert.equal(await other.evaluate((input) => Reflect.get(input, 'validity').patternMismatch), true)
  await other.fill('@eve:example.org')
  await page.getByRole('button', { name: 'Add' }).click()
  const dan = page.getByLabel('After calls to @dan:localhost')
  await page.getByLabel('After calls to @eve:example.org').waitFor()
  await dan.selectOption('')
  await dan.waitFor({ state: 'detached' })
  assert.deepEqual(await settingsOf(carol), {
    keep_unread: false,
    enabled: false,
    notes_to_me: false,
    share_played: false,
    greeting: 'Back on Monday ☀',
    peers: { '@eve:example.org': true },
  })
  assert.equal(await overflow(page), 0)
  assert.deepEqual(await unnamed(page), [])
  assert.deepEqual(faults, [])
})

test('business hours and a room for a team are the same on the page, in the chat and in the account data', {
  skip,
  timeout: 60_000,
}, async () => {
  const judy = await server.user('judy')
  const team = await createRoom(judy, { preset: 'private_chat', room_alias_name: 'team' })
  const encryption = { type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }
  const secret = await createRoom(judy, { initial_state: [encryption] })
  const { page, faults } = await open({ viewport: { width: 360, height: 700 }, timezoneId: 'Europe/Berlin' })
  await signIn(page, 'judy')
  await page.getByText('Business hours', { exact: true }).click()
  const add = (day: string) => page.getByLabel(`Add hours on ${day}`).click()
  await add('Monday')
  await add('Monday')
  await page.getByLabel('Monday to').first().fill('12:00')
  await page.getByLabel('Monday from').last().fill('13:00')
  const end = page.getByLabel('Monday to').last()
  await end.fill('12:30')
  await page.getByRole('button', { name: 'Save business hours' }).click()
  assert.equal(
    await end.evaluate((input) => Reflect.get(input, 'validationMessage')),
    'Must be later than the beginning.',
  )
  await end.fill('00:00')
  await add('Wednesday')
  assert.equal(await page.getByLabel('Wednesday from').count(), 2, 'a day begins with the hours of the one before')
  await page.getByLabel('Take these hours on Wednesday away').last().click()
  await page.getByLabel('Greeting outside your business hours').fill('We open at nine')
  await page.getByRole('button', { name: 'Save business hours' }).click()
  await page.getByText('Your business hours are saved').waitFor({ state: 'attached' })
  const hours = { time_zone: 'Europe/Berlin', mon: ['09:00-12:00', '13:00-24:00'], wed: ['09:00-12:00'] }
  assert.deepEqual(await settingsOf(judy), { hours, closed_greeting: 'We open at nine' })

  await page.getByText('More', { exact: true }).click()
  const room = page.getByLabel('Bring my notes into this room as well')
  const saveRoom = async (name: string) => {
    await room.fill(name)
    await page.getByRole('button', { name: 'Save room' }).click()
  }
  await saveRoom('#nobody:localhost')
  await page.getByText('You are not in a room with that name.').waitFor()
  await saveRoom(secret)
  await page.getByText('That room is encrypted.').waitFor()
  assert.equal((await settingsOf(judy)).inbox_room, undefined)
  await saveRoom('#team:localhost')
  await page.getByText('The assistant has been invited there.').waitFor()
  assert.deepEqual(await settingsOf(judy), { hours, closed_greeting: 'We open at nine', inbox_room: team })
  assert.equal(await overflow(page), 0)
  assert.deepEqual(await unnamed(page), [])

  await server.context.drain()
  await send(judy, team, '!settings')
  await send(judy, team, '!set hours daily 8-20 UTC')
  await send(judy, team, '!set closed off')
  await server.context.drain()
  const shown = (await answersIn(judy, (await chatOf(judy)) ?? '')).at(-1) ?? ''
  for (const line of [
    `hours: mon 09:00-12:00 13:00-24:00, wed 09:00-12:00 Europe/Berlin`,
    'closed: “We open at nine”',
    `room: ${team}`,
  ])
    assert.ok(shown.includes(`${line} (`), line)
  await page.reload()
  await page.getByLabel('Sunday from').waitFor()
  assert.equal(await page.getByLabel('Sunday to').inputValue(), '20:00')
  assert.equal(await page.getByLabel('Time zone').inputValue(), 'UTC')
  assert.equal(await page.getByLabel('Greeting outside your business hours').inputValue(), '')
  assert.deepEqual(faults, [])
})

test('devices are renamed, and signed out with the password', { skip, timeout: 60_000 }, async () => {
  const dora = await server.user('dora', { deviceId: 'PHONE' })
  const laptop = await server.login('dora', 'LAPTOP')
  const { page, faults } = await open({ colorScheme: 'dark' })
  await signIn(page, 'dora')
  const devices = page.getByRole('list', { name: 'Devices' })
  await page.getByRole('button', { name: 'Rename PHONE' }).click()
  await page.getByRole('dialog').getByLabel('Name').fill('My phone')
  await page.keyboard.press('Enter')
  await devices.getByText('My phone').waitFor()
  await page.getByRole('button', { name: 'Sign out LAPTOP' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Your password').fill('wrong')
  await dialog.getByRole('button', { name: 'Sign out' }).click()
  await dialog.getByRole('alert').waitFor()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  await laptop.get('/_matrix/client/v3/account/whoami')
  await page.getByRole('button', { name: 'Sign out LAPTOP' }).click()
  await dialog.getByLabel('Your password').fill(password)
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Sign out LAPTOP' }).waitFor({ state: 'detached' })
  await laptop.get('/_matrix/client/v3/account/whoami', {}, { expect: 401 })
  await dora.get('/_matrix/client/v3/account/whoami')
  assert.deepEqual(await unnamed(page), [])
  // Somebody else ends this session: the socket tells, and nothing has to be clicked for that.
  await dora.post('/_matrix/client/v3/logout/all')
  await page.getByText('You have been signed out. Sign in again.').waitFor()
  assert.deepEqual(faults, [])
})

test('after a call in vain the page offers to leave a note, as long as that is possible', {
  skip,
  timeout: 60_000,
}, async () => {
  const erin = await server.user('erin')
  const { page, faults } = await open()
  await signIn(page, 'erin')
  await page.getByText('No calls yet.').waitFor()
  const prompt = {
    type: 'prompt',
    call_id: 'c9',
    peer: '@frank:localhost',
    peer_name: 'Frank <b>Frank</b>',
    kind: 'video',
    reason: 'busy',
    state: 'open',
    expires_ts: Date.now() + 600_000,
  } as const
  const publish = (frame: object) =>
    server.context.db.write('test', (tx) => server.context.live.publish(tx, erin.userId, { ...prompt, ...frame }))
  await publish({ prompt_id: 'p0', expires_ts: Date.now() - 1 })
  await publish({ prompt_id: 'p1', links: { voice: `${server.url}/v`, video: `${server.url}/w`, other: 'x' } })
  const card = page.getByRole('region', { name: 'Frank <b>Frank</b> is in another call' })
  await card.waitFor()
  const links = await card
    .getByRole('link')
    .evaluateAll((all) => all.map((one) => [one.textContent, one.getAttribute('href')]))
  assert.deepEqual(links, [
    ['Video note', `${server.url}/w`],
    ['Voice note', `${server.url}/v`],
  ])
  await publish({ prompt_id: 'p1', state: 'used' })
  await card.waitFor({ state: 'detached' })
  await publish({ prompt_id: 'p2', links: { voice: 'javascript:alert(1)' } })
  await card.getByText('Your conversation is encrypted').waitFor()
  assert.equal(await card.getByRole('link').getAttribute('href'), 'https://matrix.to/#/%40frank%3Alocalhost')
  await card.getByRole('button', { name: 'Not now' }).click()
  await card.waitFor({ state: 'detached' })
  assert.deepEqual(faults, [])
})

test('a login that was not asked for here is not taken', { skip, timeout: 60_000 }, async () => {
  const mallory = await server.user('mallory')
  const { login } = server.context.accounts
  const token = async () => (await login.createToken(mallory.userId)).token
  const { page, faults } = await open()
  await page.goto(`${address}?loginToken=${await token()}`)
  await page.getByText('This link to sign in was not asked for here. Sign in again.').waitFor()
  assert.equal(page.url(), address)
  await page.evaluate(`sessionStorage.setItem('ringback.sso', 'yes')`)
  await page.goto(`${address}?loginToken=${await token()}`)
  await page.getByText(mallory.userId).waitFor()
  assert.equal(page.url(), address)
  assert.deepEqual(faults, [])
})
