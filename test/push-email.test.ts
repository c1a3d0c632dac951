import assert from 'node:assert/strict'
import { test } from 'node:test'
import { patience } from '../src/push/email/schedule.ts'
import { createTestClock, type TestClock } from '../src/util/clock.ts'
import { createBrowser } from './helpers/browser.ts'
import { at } from './helpers/client.ts'
import { type Engine, testOnEngines } from './helpers/engines.ts'
import { temporaryFolder } from './helpers/program.ts'
import { startPushGateway } from './helpers/push-gateway.ts'
import { act, createRoom, errorOf, join, publicRoom, send, v3 } from './helpers/rooms.ts'
import { createTestServer, password, type TestServer, type TestUser } from './helpers/server.ts'
import { createSmtp, type TestSmtp } from './helpers/smtp.ts'

const hour = 3_600_000

interface Mailing extends AsyncDisposable {
  readonly server: TestServer
  readonly smtp: TestSmtp
  readonly clock: TestClock
  /** Lets everything happen that is due, then time pass, then again. Returns what came by mail. */
  pass(ms: number): Promise<TestSmtp['mails']>
}

async function startMailing(options: { engine?: Engine; config?: object } = {}): Promise<Mailing> {
  const smtp = await createSmtp()
  const clock = createTestClock()
  const server = await createTestServer({
    clock,
    engine: options.engine ?? 'sqlite',
    config: { mail: { ...smtp.config, app_name: 'Chat' }, ...options.config },
  })
  return {
    server,
    smtp,
    clock,
    pass: (ms) => pass(server, smtp, clock, ms),
    [Symbol.asyncDispose]: async () => {
      await server.stop()
      await smtp[Symbol.asyncDispose]()
    },
  }
}

async function settle({ context }: TestServer) {
  await context.push.delivery.drain()
  await context.jobs.drain()
}

async function pass(server: TestServer, smtp: TestSmtp, clock: TestClock, ms: number) {
  await settle(server)
  clock.advance(ms)
  await settle(server)
  return smtp.mails.splice(0)
}

const addressOf = (user: TestUser) => `${user.userId.slice(1).split(':')[0]}@example.org`

function addAddress(server: TestServer, user: TestUser, address = addressOf(user)) {
  const { accounts, clock, db } = server.context
  return db.write('test', (tx) => accounts.threepids.add(tx, user.userId, { address, validatedTs: clock.now() }))
}

const pusher = (pushkey: string, others: object = {}) => ({
  pushkey,
  kind: 'email',
  app_id: 'm.email',
  app_display_name: 'Email Notifications',
  device_display_name: pushkey,
  lang: 'en',
  data: { brand: 'Chat' },
  ...others,
})
const set = (user: TestUser, body: object) => user.post(`${v3}/pushers/set`, body)

/** Somebody who gets mail. */
async function reader(server: TestServer, name: string): Promise<TestUser> {
  const user = await server.user(name)
  await addAddress(server, user)
  await set(user, pusher(addressOf(user)))
  return user
}

const read = (user: TestUser, roomId: string, eventId: string) =>
  user.post(at`/_matrix/client/v3/rooms/${roomId}/receipt/m.read/${eventId}`)
const pushersOf = async (user: TestUser) =>
  (await user.get<{ pushers: { kind: string; pushkey: string }[] }>(`${v3}/pushers`)).pushers
const unsubscribeIn = (mail: { text: string } | undefined) => /http:\S+unsubscribe\S+/.exec(mail?.text ?? '')?.[0] ?? ''

testOnEngines('what is unread for ten minutes comes by mail, once, by room', async (_t, { engine }) => {
  await using mailing = await startMailing({ engine })
  const { server } = mailing
  const [alice, bob] = [await server.user('alice'), await reader(server, 'bob')]
  await alice.put(at`/_matrix/client/v3/profile/${alice.userId}/displayname`, { displayname: 'Alice <b>' })
  const garden = await publicRoom(alice, [bob], { name: 'Garden & "more"' })
  const secret = await publicRoom(alice, [bob], { name: 'Secret' })
  const first = await send(alice, garden, 'Hello <script>alert(1)</script>\nsecond line')
  await send(alice, garden, { msgtype: 'm.image', body: 'rose.png' })
  await send(alice, secret, { algorithm: 'x', ciphertext: 'y', body: 'not to be shown' }, 'm.room.encrypted')
  assert.deepEqual(await mailing.pass(patience - 1), [])
  const [mail, ...others] = await mailing.pass(1)
  assert.deepEqual(others, [])
  assert.deepEqual(mail?.to, ['bob@example.org'])
  assert.equal(mail?.subject, 'Unread on Chat: Secret and 1 more')
  const text = mail?.text.replaceAll('\r', '') ?? ''
  const link = `https://matrix.to/#/${encodeURIComponent(garden)}/${encodeURIComponent(first)}?via=localhost`
  assert.ok(text.startsWith('You have 3 unread messages\n'), text)
  assert.ok(
    text.includes(
      `Garden & "more"\n  Alice <b>: Hello <script>alert(1)</script> second line\n  Alice <b> sent a picture: rose.png\n  Open the room: ${link}\n`,
    ),
    text,
  )
  assert.match(text, /Secret\n {2}Alice <b> sent an encrypted message\n/)
  assert.doesNotMatch(mail?.raw ?? '', /not to be shown/)
  assert.match(mail?.html ?? '', /<h2[^>]*>Garden &#38; &#34;more&#34;<\/h2>/)
  assert.match(mail?.html ?? '', /Alice &#60;b&#62;<\/strong>: Hello &#60;script&#62;/)
  assert.doesNotMatch(mail?.html ?? '', /<(script|img|link)/)
  const url = unsubscribeIn(mail)
  const header = mail?.raw.split('\r\n\r\n')[0]?.replace(/\r\n[ \t]+/g, ' ') ?? ''
  assert.ok(header.includes(`List-Unsubscribe: <${url}>`), header)
  assert.match(header, /^List-Unsubscribe-Post: List-Unsubscribe=One-Click\r?$/m)
  assert.deepEqual(await mailing.pass(48 * hour), [])
})

testOnEngines('what is read, left or redacted in time comes by no mail', async (_t, { engine }) => {
  await using mailing = await startMailing({ engine })
  const { server, clock } = mailing
  const [alice, bob] = [await server.user('alice'), await reader(server, 'bob')]
  const [a, b, c] = [await publicRoom(alice, [bob]), await publicRoom(alice, [bob]), await publicRoom(alice, [bob])]
  await read(bob, a, await send(alice, a, 'read'))
  const redacted = await send(alice, b, 'redacted')
  await alice.put(at`/_matrix/client/v3/rooms/${b}/redact/${redacted}/t`)
  await send(alice, c, 'left')
  await act(bob, c, 'leave')
  await send(alice, a, { msgtype: 'm.notice', body: 'notifies nobody' })
  assert.deepEqual(await mailing.pass(patience), [])

  const old = await send(alice, a, 'old')
  await settle(server)
  clock.advance(patience - 60_000)
  await send(alice, b, 'new')
  await settle(server)
  await read(bob, a, old)
  assert.deepEqual(await mailing.pass(60_000), [], 'what is left is a minute old')
  const [mail] = await mailing.pass(patience - 60_000)
  assert.match(mail?.text ?? '', /1 unread message\r?\n[\s\S]*: new/)
})

test('mails become rarer until the user reads', async () => {
  await using mailing = await startMailing()
  const { server } = mailing
  const [alice, bob] = [await server.user('alice'), await reader(server, 'bob')]
  const [roomId, other] = [await publicRoom(alice, [bob]), await publicRoom(alice, [bob])]
  const minutesUntilMail = async () => {
    for (let minutes = 0; minutes < 3000; minutes += 10) {
      if ((await mailing.pass(0)).length > 0) return minutes
      await mailing.pass(0)
      mailing.clock.advance(10 * 60_000)
    }
    return undefined
  }
  const waits: (number | undefined)[] = []
  let last = ''
  for (let i = 0; i < 9; i += 1) {
    last = await send(alice, roomId, `message ${i}`)
    waits.push(await minutesUntilMail())
  }
  assert.deepEqual(waits, [10, 20, 40, 80, 160, 320, 640, 1280, 1440])
  // Something new waits for a day; then the user is back, and reads what the mails told of, but not that.
  await send(alice, other, 'tomorrow')
  assert.deepEqual(await mailing.pass(hour), [])
  await read(bob, roomId, last)
  assert.deepEqual(await mailing.pass(patience - 1), [])
  assert.match((await mailing.pass(1))[0]?.text ?? '', /tomorrow/)
  await send(alice, roomId, 'again')
  assert.equal(await minutesUntilMail(), 20)
})

test('a restart neither loses a mail nor sends one twice', async (t) => {
  await using smtp = await createSmtp()
  const clock = createTestClock()
  const options = { clock, dataDir: temporaryFolder(t), config: { mail: smtp.config } }
  const started = async () => {
    const server = await createTestServer(options)
    await settle(server)
    return server
  }
  let server = await started()
  const [alice, bob] = [await server.user('alice'), await reader(server, 'bob')]
  const roomId = await publicRoom(alice, [bob])
  const restart = async () => {
    await server.stop()
    server = await started()
    const here = (user: TestUser): TestUser => {
      const { userId, deviceId, accessToken } = user
      return { ...server.client.as(accessToken), userId, deviceId, accessToken }
    }
    return { alice: here(alice), bob: here(bob) }
  }
  try {
    await send(alice, roomId, 'before')
    await settle(server)
    clock.advance(patience - 60_000)
    await restart()
    assert.deepEqual(smtp.mails, [])
    assert.equal((await pass(server, smtp, clock, 60_000)).length, 1, 'the time is kept')
    const again = await restart()
    assert.equal((await pass(server, smtp, clock, 24 * hour)).length, 0)
    const last = await send(again.alice, roomId, 'after')
    await settle(server)
    await restart()
    clock.advance(48 * hour)
    const { alice: sender, bob: target } = await restart()
    await settle(server)
    assert.equal(smtp.mails.splice(0).length, 1, 'what became due meanwhile')
    // The distance between mails is remembered, too.
    await send(sender, roomId, 'more')
    assert.equal((await pass(server, smtp, clock, 2 * patience)).length, 0)
    await read(target, roomId, last)
    assert.equal((await pass(server, smtp, clock, patience)).length, 1)
  } finally {
    await server.stop()
  }
})

test('mail goes only to an address of the user, and only where the server sends mail', async () => {
  await using mailing = await startMailing()
  const { server } = mailing
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const refused = (user: TestUser, body: object) => errorOf(user, 'POST', `${v3}/pushers/set`, body, 400)
  assert.equal(await refused(bob, pusher('bob@example.org')), 'M_THREEPID_NOT_FOUND')
  await addAddress(server, alice)
  assert.equal(await refused(bob, pusher('alice@example.org')), 'M_THREEPID_NOT_FOUND')
  assert.equal(await refused(alice, pusher('no address')), 'M_THREEPID_NOT_FOUND')
  assert.equal(await refused(alice, pusher('alice@example.org\r\nBcc: x@example.org')), 'M_THREEPID_NOT_FOUND')
  assert.equal(await refused(alice, pusher('alice@example.org', { app_id: 'org.example' })), 'M_INVALID_PARAM')
  assert.equal(await refused(alice, pusher('alice@example.org', { lang: undefined })), 'M_MISSING_PARAM')
  await set(alice, pusher('Alice@Example.ORG'))
  await set(alice, pusher('alice@example.org', { append: true }))
  assert.deepEqual(
    (await pushersOf(alice)).map(({ kind, pushkey }) => [kind, pushkey]),
    [['email', 'alice@example.org']],
  )
  for (const fault of [{ kind: 'email' }, { kind: 'http', data: { url: 'https://x.org/_matrix/push/v1/notify' } }]) {
    await errorOf(bob, 'POST', `${v3}/pushers/set`, pusher('alice@example.org', { ...fault, append: false }), 400)
  }
  assert.equal((await pushersOf(alice)).length, 1, 'nobody takes an address from its owner')
  await set(alice, { kind: null, app_id: 'm.email', pushkey: 'ALICE@example.org' })
  assert.deepEqual(await pushersOf(alice), [])

  await using silent = await createTestServer()
  const carol = await silent.user('carol')
  await addAddress(silent, carol)
  assert.equal(await errorOf(carol, 'POST', `${v3}/pushers/set`, pusher('carol@example.org'), 400), 'M_INVALID_PARAM')
})

testOnEngines('mails end with the address, the account and the pusher, those that wait too', async (_t, { engine }) => {
  await using mailing = await startMailing({ engine })
  const { server, smtp, clock } = mailing
  const alice = await server.user('alice')
  const [bob, carol, dave, erin] = [
    await reader(server, 'bob'),
    await reader(server, 'carol'),
    await reader(server, 'dave'),
    await reader(server, 'erin'),
  ]
  const roomId = await publicRoom(alice, [bob, carol, dave, erin])
  const wait = async () => {
    await send(alice, roomId, 'hello')
    await settle(server)
    smtp.refuse({ code: 451, message: 'later' })
    clock.advance(patience)
    await settle(server)
    smtp.refuse(undefined)
  }
  await wait()
  await bob.post(`${v3}/account/3pid/delete`, { medium: 'email', address: 'bob@example.org' })
  const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'carol' }, password }
  await carol.post(`${v3}/account/deactivate`, { auth })
  await set(dave, { kind: null, app_id: 'm.email', pushkey: 'dave@example.org' })
  const [mail, ...others] = await mailing.pass(hour)
  assert.deepEqual([mail?.to, others], [['erin@example.org'], []])
  assert.deepEqual(await pushersOf(bob), [])
  // Whoever logs out everywhere is who needs mail.
  await erin.post(`${v3}/logout/all`)
  await send(alice, roomId, 'again')
  assert.deepEqual(
    (await mailing.pass(hour)).map(({ to }) => to),
    [['erin@example.org']],
  )
})

test('accounts that are locked or suspended get no mail until that is over', async () => {
  await using mailing = await startMailing()
  const { server } = mailing
  const [alice, bob] = [await server.user('alice'), await reader(server, 'bob')]
  const roomId = await publicRoom(alice, [bob])
  const flag = (flags: object) =>
    server.context.db.write('test', (tx) => server.context.accounts.users.setFlags(tx, bob.userId, flags))
  for (const state of ['isLocked', 'isSuspended']) {
    await send(alice, roomId, 'hello')
    await settle(server)
    await flag({ [state]: true })
    assert.deepEqual(await mailing.pass(hour), [])
    await flag({ [state]: false })
    await send(alice, roomId, 'hello again')
    const mails = await mailing.pass(hour)
    assert.match(mails.map(({ text }) => text).join(), /: hello\r?\n[\s\S]*: hello again/)
  }
})

test('a dead mail server delays no push and no other mail, and is not flooded later', async () => {
  await using gateway = await startPushGateway()
  await using mailing = await startMailing()
  const { server, smtp, clock } = mailing
  const [alice, bob] = [await server.user('alice'), await reader(server, 'bob')]
  await set(bob, pusher('phone', { kind: 'http', app_id: 'org.example', data: { url: gateway.url } }))
  const roomId = await publicRoom(alice, [bob])
  smtp.refuse({ code: 451, message: 'later' })
  for (let i = 0; i < 4; i += 1) {
    const eventId = await send(alice, roomId, `message ${i}`)
    await settle(server)
    assert.equal(gateway.take()[0]?.event_id, eventId)
    clock.advance(4 * hour)
    await settle(server)
  }
  smtp.refuse(undefined)
  const { db, mail } = server.context
  await db.write('test', (tx) =>
    mail.enqueue(tx, { to: 'x@example.org', subject: 'Now', title: 'Now', paragraphs: [] }),
  )
  const got = await mailing.pass(0)
  assert.deepEqual(got.map(({ to }) => to).filter(([to]) => to === 'x@example.org').length, 1)
  const mails = [...got, ...(await mailing.pass(hour)), ...(await mailing.pass(24 * hour))].filter(
    ({ to }) => to[0] === 'bob@example.org',
  )
  assert.equal(mails.length, 2)
  for (const [i, mail] of [0, 1, 1, 1].entries()) assert.match(mails[mail]?.text ?? '', new RegExp(`message ${i}`))
})

test('the link in a mail asks first, then ends the mails; one click from a mail program does', async () => {
  await using mailing = await startMailing()
  const { server } = mailing
  const alice = await server.user('alice')
  const [bob, carol] = [await reader(server, 'bob'), await reader(server, 'carol')]
  const roomId = await publicRoom(alice, [bob, carol])
  await send(alice, roomId, 'hello')
  const mails = await mailing.pass(patience)
  const urlFor = (address: string) => unsubscribeIn(mails.find(({ to }) => to[0] === address))
  const browser = createBrowser()
  for (let i = 0; i < 2; i += 1) {
    const page = await browser.open(urlFor('bob@example.org'))
    assert.equal(page.status, 200)
    assert.match(page.text, /<form method="post">\s*<button>Stop these mails[\s\S]*/)
  }
  assert.equal((await pushersOf(bob)).length, 1)
  const page = await browser.open(urlFor('bob@example.org'))
  assert.match((await browser.submit(page)).text, /no more of these mails[\s\S]*bob@example\.org/)
  assert.deepEqual(await pushersOf(bob), [])
  assert.equal((await browser.open(urlFor('bob@example.org'))).status, 404)

  const post = (url: string) =>
    fetch(url, { method: 'POST', body: new URLSearchParams({ 'List-Unsubscribe': 'One-Click' }) })
  assert.equal((await post(urlFor('carol@example.org'))).status, 200)
  assert.deepEqual(await pushersOf(carol), [])
  // Set anew it has another link: the old one stays dead.
  mailing.clock.advance(1)
  await set(carol, pusher('carol@example.org'))
  for (const url of [
    urlFor('carol@example.org'),
    `${server.url}/_ringback/v1/email/unsubscribe`,
    `${server.url}/_ringback/v1/email/unsubscribe?token=x`,
  ]) {
    const answer = await post(url)
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [404, 'text/html; charset=utf-8'])
    assert.match(await answer.text(), /There is nothing to stop/)
  }
  assert.equal((await pushersOf(carol)).length, 1)
})

test('rooms are named as the user knows them, and a mail has an end', async () => {
  await using mailing = await startMailing()
  const { server } = mailing
  const [alice, bob, carol] = [await server.user('alice'), await reader(server, 'bob'), await server.user('carol')]
  await alice.put(at`/_matrix/client/v3/profile/${alice.userId}/displayname`, { displayname: 'Alice' })
  const direct = await publicRoom(alice, [bob])
  await send(alice, direct, 'for you')
  assert.equal((await mailing.pass(patience))[0]?.subject, 'Unread on Chat: Alice')
  await join(carol, direct)
  await read(bob, direct, await send(alice, direct, 'seen'))
  await createRoom(alice, { invite: [bob.userId] })
  await createRoom(alice, { invite: [bob.userId], name: 'The\nparty\u202e' })
  await send(carol, direct, 'three of us')
  const text = (await mailing.pass(hour))[0]?.text ?? ''
  assert.match(text, /Alice and carol\r?\n {2}carol: three of us/)
  assert.match(text, /Invitation from Alice\r?\n {2}Alice invited you/)
  assert.match(text, /The party\r?\n {2}Alice invited you\r?\n {2}See the invitation/)

  await read(bob, direct, await send(alice, direct, 'seen'))
  const rooms: string[] = []
  for (let i = 0; i < 12; i += 1) rooms.push(await publicRoom(alice, [bob], { name: `Room ${i}` }))
  for (const roomId of rooms) await send(alice, roomId, 'x'.repeat(5000))
  for (let i = 0; i < 120; i += 1) await send(alice, rooms[11] ?? '', `number ${i}`)
  for (const roomId of rooms.slice(0, 11)) await send(alice, roomId, 'short')
  const long = (await mailing.pass(24 * hour))[0]?.text ?? ''
  assert.match(long, /You have at least 100 unread messages/)
  assert.match(long, /2 more rooms have unread messages/)
  assert.ok(long.length < 10_000, String(long.length))
})
