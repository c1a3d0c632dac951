import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { UserId } from '../src/matrix/ids.ts'
import { createTestClock } from '../src/util/clock.ts'
import { appserviceConfig, startAppservice } from './helpers/appservice.ts'
import { at } from './helpers/client.ts'
import { type Engine, engines, skipEngine } from './helpers/engines.ts'
import { startPushGateway } from './helpers/push-gateway.ts'
import { errorOf, publicRoom, send, v3 } from './helpers/rooms.ts'
import { createTestServer, password, type TestServer, type TestUser } from './helpers/server.ts'
import { createSmtp, linkIn, type TestSmtp } from './helpers/smtp.ts'

const hour = 3_600_000
const expired = 'ORG_MATRIX_EXPIRED_ACCOUNT'
const enabled = { account_validity: { enabled: true, period: '30h', renew_at: '7h' } }
const adminPath = '/_synapse/admin/v1/account_validity/validity'
const sendMailPath = '/_matrix/client/unstable/account_validity/send_mail'
const whoami = `${v3}/account/whoami`

interface It {
  server: TestServer
  smtp: TestSmtp
  clock: ReturnType<typeof createTestClock>
}

async function withMail(
  fn: (it: It) => Promise<void>,
  { engine = 'sqlite' as Engine, config = enabled as object } = {},
): Promise<void> {
  await using smtp = await createSmtp()
  const clock = createTestClock()
  await using server = await createTestServer({ clock, engine, config: { mail: smtp.config, ...config } })
  await fn({ server, smtp, clock })
}

/** What the clock begins once a day. */
async function daily({ context: { db, jobs } }: TestServer): Promise<void> {
  await db.write('test', (tx) => jobs.enqueue(tx, 'account-validity', {}, { key: 'cron' }))
  await jobs.drain()
}

function addEmail({ context: { db, accounts } }: TestServer, { userId }: TestUser, address: string): Promise<void> {
  return db.write('test', (tx) => accounts.threepids.add(tx, userId, { address, validatedTs: 1 }))
}

const endOf = async ({ context: { db, accounts } }: TestServer, userId: UserId) =>
  (await db.read((reader) => accounts.users.get(reader, userId)))?.expiresTs

const isExpired = async (user: TestUser) => (await errorOf(user, 'GET', whoami, undefined, 403)) === expired

async function open(link: string, method: 'GET' | 'POST' = 'GET') {
  const token = new URL(link).searchParams.get('token') ?? ''
  const answer = await fetch(link, method === 'GET' ? {} : { method, body: new URLSearchParams({ token }) })
  return { status: answer.status, text: await answer.text() }
}

for (const engine of engines) {
  test(`an account ends unless it is renewed by the link in a mail (${engine})`, { skip: skipEngine(engine) }, () =>
    withMail(
      async ({ server, smtp, clock }) => {
        const alice = await server.user('alice')
        const bob = await server.user('bob')
        await addEmail(server, alice, 'alice@example.org')
        await addEmail(server, alice, 'alice@work.example')
        clock.advance(22 * hour)
        await daily(server)
        assert.equal(smtp.mails.length, 0)
        clock.advance(2 * hour)
        await daily(server)
        await daily(server)
        assert.deepEqual(smtp.mails.flatMap(({ to }) => to).sort(), ['alice@example.org', 'alice@work.example'])
        assert.match(smtp.mails[0]?.text ?? '', /@alice:localhost expires on/)
        const link = linkIn(smtp.mails[0])
        assert.equal(linkIn(smtp.mails[1]), link)

        // A program that looks into mails changes nothing.
        const before = await endOf(server, alice.userId)
        for (const path of [
          link,
          link.replace('/_ringback/v1/account/', '/_matrix/client/unstable/account_validity/'),
        ]) {
          const page = await open(path)
          assert.equal(page.status, 200)
          assert.match(page.text, /<form method="post">[\s\S]*<button>/)
        }
        assert.equal(await endOf(server, alice.userId), before)

        clock.advance(7 * hour)
        assert.ok((await isExpired(alice)) && (await isExpired(bob)))
        await daily(server)
        assert.equal(smtp.mails.length, 2)
        assert.match((await open(link, 'POST')).text, /has been renewed/)
        await alice.get(whoami)
        assert.ok(await isExpired(bob))
        assert.equal(await endOf(server, alice.userId), clock.now() + 30 * hour)

        // The link works once, and the next period has its own mail.
        clock.advance(hour)
        for (const method of ['GET', 'POST'] as const) assert.match((await open(link, method)).text, /used already/)
        assert.equal(await endOf(server, alice.userId), clock.now() + 29 * hour)
        clock.advance(25 * hour)
        await daily(server)
        assert.equal(smtp.mails.length, 4)
        const next = linkIn(smtp.mails[3])
        assert.notEqual(next, link)
        assert.equal((await open(link, 'POST')).status, 404)
        assert.match((await open(next, 'POST')).text, /has been renewed/)
      },
      { engine },
    ),
  )
}

test('an account that has ended logs in and out, and does nothing else', () =>
  withMail(async ({ server, clock }) => {
    const alice = await server.user('alice')
    const roomId = await publicRoom(alice, [])
    const tablet = await server.login('alice', 'TABLET')
    const { access_token: proof } = await alice.post<{ access_token: string }>(
      at`/_matrix/client/v3/user/${alice.userId}/openid/request_token`,
    )
    // The proof outlives the account by some minutes.
    await server.context.db.write('test', (tx) =>
      server.context.accounts.users.setEnds(tx, [alice.userId], clock.now() + 1000),
    )
    assert.equal(await server.context.accounts.openid.verify(proof), alice.userId)
    clock.advance(1000)
    assert.equal(await server.context.accounts.openid.verify(proof), undefined)
    for (const [method, path, body] of [
      ['GET', `${v3}/sync`, undefined],
      ['GET', whoami, undefined],
      ['GET', '/_matrix/client/versions', undefined],
      ['POST', `${v3}/createRoom`, {}],
      ['PUT', at`/_matrix/client/v3/rooms/${roomId}/send/m.room.message/1`, { msgtype: 'm.text', body: 'x' }],
      ['DELETE', `${v3}/devices/TABLET`, {}],
    ] as const) {
      assert.equal(await errorOf(alice, method, path, body, 403), expired, path)
    }
    const login = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password }
    const fresh = await server.client.post<{ access_token: string; refresh_token: string }>(`${v3}/login`, {
      ...login,
      refresh_token: true,
    })
    const refreshed = await server.client.post<{ access_token: string }>(`${v3}/refresh`, {
      refresh_token: fresh.refresh_token,
    })
    const { body } = await server.client.as(refreshed.access_token).request('GET', whoami, { expect: 403 })
    assert.equal(body.errcode, expired)
    await tablet.post(`${v3}/logout`)
    await tablet.request('GET', whoami, { expect: 401 })
    await alice.post(`${v3}/logout/all`)
    await alice.request('GET', whoami, { expect: 401 })
  }))

test('administrators, programs and users of application services never end', () =>
  withMail(async ({ server, smtp, clock }) => {
    const { db, accounts, admin } = server.context
    const root = await server.user('root', { admin: true })
    const alice = await server.user('alice')
    const content = { msgtype: 'm.text', body: 'x' }
    const notice = { target: alice.userId, type: 'm.room.message', content }
    await admin.notices.send({ ...notice, stateKey: undefined, transaction: undefined })
    const notices = accounts.noticesUser
    assert.ok(notices)
    const ghost = '@_irc_bob:localhost' as UserId
    const bot = '@helper:localhost' as UserId
    await accounts.users.create({ userId: ghost, appserviceId: 'irc' })
    await accounts.users.create({ userId: bot, userType: 'bot' })
    await addEmail(server, root, 'root@example.org')
    clock.advance(31 * hour)
    await daily(server)
    assert.equal(smtp.mails.length, 0)
    await root.get(whoami)
    assert.ok(await isExpired(alice))
    for (const userId of [root.userId, ghost, bot, notices]) {
      const user = await db.read((reader) => accounts.users.get(reader, userId))
      assert.ok(user && user.expiresTs === undefined && !accounts.validity.isExpired(user), userId)
      assert.equal(
        await errorOf(root, 'POST', adminPath, { user_id: userId, expiration_ts: 1 }, 400),
        'M_INVALID_PARAM',
      )
    }

    // Whoever becomes an administrator goes on, and begins a period when they are none any more.
    const setAdmin = (isAdmin: boolean) =>
      db.write('test', (tx) => accounts.users.setFlags(tx, alice.userId, { isAdmin }))
    await setAdmin(true)
    await alice.get(whoami)
    await daily(server)
    await setAdmin(false)
    await daily(server)
    assert.equal(await endOf(server, alice.userId), clock.now() + 30 * hour)
  }))

test('an application service acts for nobody whose account has ended', async () => {
  await using service = await startAppservice({
    registration: { namespaces: { users: [{ exclusive: false, regex: '@.*' }] } },
  })
  const clock = createTestClock()
  await using server = await createTestServer({ clock, config: { ...appserviceConfig(service), ...enabled } })
  const alice = await server.user('alice')
  const as = server.client.as(service.asToken)
  const options = { query: { user_id: alice.userId } }
  await as.request('GET', whoami, { ...options, expect: 200 })
  clock.advance(31 * hour)
  assert.equal((await as.request('GET', whoami, { ...options, expect: 403 })).body.errcode, expired)
  await as.get(whoami)
})

test('accounts get an end when the feature is switched on, and lose it when it is switched off', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'ringback-validity-'))
  const clock = createTestClock()
  const start = (config: object) => createTestServer({ dataDir, clock, config: { ...config } })
  try {
    let alice: TestUser
    {
      await using server = await start({})
      alice = await server.user('alice')
      const root = await server.user('root', { admin: true })
      assert.equal(await endOf(server, alice.userId), undefined)
      assert.equal(await errorOf(root, 'POST', adminPath, { user_id: alice.userId }, 404), 'M_UNRECOGNIZED')
      assert.equal(await errorOf(alice, 'POST', sendMailPath, {}, 404), 'M_UNRECOGNIZED')
      assert.equal((await open(`${server.url}/_ringback/v1/account/renew?token=x`)).status, 404)
      clock.advance(400 * hour)
      await alice.get(whoami)
    }
    const began = clock.now()
    {
      await using server = await start(enabled)
      await server.context.jobs.drain()
      assert.equal(await endOf(server, alice.userId), began + 30 * hour)
      clock.advance(31 * hour)
      await server.client.as(alice.accessToken).request('GET', whoami, { expect: 403 })
    }
    {
      await using server = await start(enabled)
      await server.context.jobs.drain()
      assert.equal(await endOf(server, alice.userId), began + 30 * hour)
    }
    {
      await using server = await start({})
      await server.client.as(alice.accessToken).get(whoami)
      await server.context.jobs.drain()
      assert.equal(await endOf(server, alice.userId), undefined)
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
})

test('a sync that waits ends with the account', () =>
  withMail(async ({ server, clock }) => {
    const { db, accounts, sync } = server.context
    const alice = await server.user('alice')
    const setEnd = (ts: number) => db.write('test', (tx) => accounts.users.setEnds(tx, [alice.userId], ts))
    const { next_batch: since } = await alice.get<{ next_batch: string }>(`${v3}/sync`)
    const wait = async () => {
      const answer = alice.request('GET', `${v3}/sync`, { query: { since, timeout: 240_000 }, expect: 403 })
      while (sync.waiters.size === 0) await new Promise((resolve) => setImmediate(resolve))
      return { answer }
    }
    await setEnd(clock.now() + 300)
    const first = await wait()
    clock.advance(300)
    assert.equal((await first.answer).body.errcode, expired)

    await setEnd(clock.now() + hour)
    const second = await wait()
    await setEnd(clock.now())
    assert.equal((await second.answer).body.errcode, expired)
  }))

test('nothing is pushed to an account that has ended, and on when it is renewed', () =>
  withMail(async ({ server, clock }) => {
    await using gateway = await startPushGateway()
    const { db, accounts, push } = server.context
    const [alice, bob] = [await server.user('alice'), await server.user('bob')]
    const roomId = await publicRoom(alice, [bob])
    await bob.post(`${v3}/pushers/set`, {
      pushkey: 'key',
      kind: 'http',
      app_id: 'org.example.app',
      app_display_name: 'App',
      device_display_name: 'Phone',
      lang: 'en',
      data: { url: gateway.url },
    })
    const setEnd = (ts: number) => db.write('test', (tx) => accounts.users.setEnds(tx, [bob.userId], ts))
    const pushes = async () => {
      await push.delivery.drain()
      return gateway.take().length
    }
    await setEnd(clock.now())
    await send(alice, roomId, 'unseen')
    assert.equal(await pushes(), 0)
    await setEnd(clock.now() + hour)
    assert.equal(await pushes(), 1)
  }))

test('nor is it mailed about what it has not read', () =>
  withMail(async ({ server, smtp, clock }) => {
    const { db, accounts, jobs, push } = server.context
    const [alice, bob] = [await server.user('alice'), await server.user('bob')]
    const roomId = await publicRoom(alice, [bob])
    await addEmail(server, bob, 'bob@example.org')
    await bob.post(`${v3}/pushers/set`, {
      pushkey: 'bob@example.org',
      kind: 'email',
      app_id: 'm.email',
      app_display_name: 'Mail',
      device_display_name: 'bob@example.org',
      lang: 'en',
      data: {},
    })
    const setEnd = (ts: number) => db.write('test', (tx) => accounts.users.setEnds(tx, [bob.userId], ts))
    const mails = async () => {
      await push.delivery.drain()
      clock.advance(hour)
      await push.delivery.drain()
      await jobs.drain()
      return smtp.mails.length
    }
    await setEnd(clock.now())
    await send(alice, roomId, 'unseen')
    assert.equal(await mails(), 0)
    await setEnd(clock.now() + 10 * hour)
    assert.equal(await mails(), 1)
  }))

test('people ask for the mail themselves, also when the account has ended', () =>
  withMail(async ({ server, smtp, clock }) => {
    const alice = await server.user('alice')
    const root = await server.user('root', { admin: true })
    assert.equal(await errorOf(alice, 'POST', sendMailPath, {}, 400), 'M_THREEPID_NOT_FOUND')
    await addEmail(server, alice, 'alice@example.org')
    clock.advance(40 * hour)
    assert.ok(await isExpired(alice))
    assert.deepEqual(await alice.post(sendMailPath), {})
    await alice.post(sendMailPath)
    await server.context.jobs.drain()
    const [first, second] = smtp.mails.map(linkIn)
    assert.ok(first && second && first !== second)
    assert.match(smtp.mails[0]?.text ?? '', /has expired/)
    // Whichever mail is opened.
    assert.match((await open(first, 'POST')).text, /has been renewed/)
    assert.match((await open(second, 'POST')).text, /used already/)
    await alice.get(whoami)
    assert.equal(await errorOf(root, 'POST', sendMailPath, {}, 403), 'M_FORBIDDEN')
    await server.client.request('POST', sendMailPath, { body: {}, expect: 401 })
    for (const token of ['', 'x', first.slice(-42)]) {
      const link = `${server.url}/_ringback/v1/account/renew?token=${token}`
      assert.equal((await open(link)).status, 404)
      assert.equal((await open(link, 'POST')).status, 404)
    }
    await server.context.db.write('test', (tx) => server.context.accounts.users.deactivate(tx, alice.userId, false))
    assert.equal((await open(second, 'POST')).status, 404)
  }))

test('an address is not flooded with renewals, and without a mail server there are none', async () => {
  await withMail(
    async ({ server, smtp }) => {
      const alice = await server.user('alice')
      await addEmail(server, alice, 'alice@example.org')
      const statuses: number[] = []
      for (let i = 0; i < 7; i++) statuses.push((await alice.request('POST', sendMailPath, { body: {} })).status)
      assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429, 429])
      await server.context.jobs.drain()
      assert.equal(smtp.mails.length, 5)
    },
    { config: { ...enabled, rate_limits: { enabled: true } } },
  )
  await using server = await createTestServer({ clock: createTestClock(), config: enabled })
  const alice = await server.user('alice')
  await addEmail(server, alice, 'alice@example.org')
  assert.equal(await errorOf(alice, 'POST', sendMailPath, {}, 403), 'M_THREEPID_DENIED')
})

test('administrators say when an account ends', () =>
  withMail(async ({ server, smtp, clock }) => {
    const [root, alice] = [await server.user('root', { admin: true }), await server.user('alice')]
    await addEmail(server, alice, 'alice@example.org')
    const { userId } = alice
    const set = (body: object) => root.post<{ expiration_ts: number }>(adminPath, { user_id: userId, ...body })
    assert.deepEqual(await set({ expiration_ts: clock.now() - 1 }), { expiration_ts: clock.now() - 1 })
    assert.ok(await isExpired(alice))
    assert.deepEqual(await set({}), { expiration_ts: clock.now() + 30 * hour })
    await alice.get(whoami)
    await set({ expiration_ts: clock.now() + hour, enable_renewal_emails: false })
    await daily(server)
    assert.equal(smtp.mails.length, 0)
    await set({ expiration_ts: clock.now() + hour, enable_renewal_emails: true })
    await daily(server)
    assert.equal(smtp.mails.length, 1)
    // A link from before does not undo what the administrator said.
    await set({ expiration_ts: clock.now() - 1 })
    assert.match((await open(linkIn(smtp.mails[0]), 'POST')).text, /used already/)
    assert.ok(await isExpired(alice))
    // A renewal never shortens.
    const far = clock.now() + 90 * hour
    await set({ expiration_ts: far })
    await alice.post(sendMailPath)
    await server.context.jobs.drain()
    await open(linkIn(smtp.mails.at(-1)), 'POST')
    assert.equal(await endOf(server, userId), far)

    for (const [body, status, errcode] of [
      [{}, 400, 'M_MISSING_PARAM'],
      [{ user_id: 5 }, 400, 'M_BAD_JSON'],
      [{ user_id: userId, expiration_ts: 'soon' }, 400, 'M_BAD_JSON'],
      [{ user_id: '@nobody:localhost' }, 404, 'M_NOT_FOUND'],
      [{ user_id: '@x:elsewhere.example' }, 400, 'M_INVALID_PARAM'],
    ] as const) {
      assert.equal(await errorOf(root, 'POST', adminPath, body, status), errcode, JSON.stringify(body))
    }
    assert.equal(await errorOf(alice, 'POST', adminPath, { user_id: userId }, 403), 'M_FORBIDDEN')
  }))
