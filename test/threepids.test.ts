import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestClock } from '../src/util/clock.ts'
import type { Client } from './helpers/client.ts'
import { type Engine, engines, skipEngine } from './helpers/engines.ts'
import { createTestServer, password, type TestServer, type TestUser } from './helpers/server.ts'
import { createSmtp, linkIn, type TestSmtp } from './helpers/smtp.ts'

const v3 = '/_matrix/client/v3'
const submit = '/_ringback/v1/email/submit_token'
const secret = 'monkeys_are.GREAT'

interface Sid {
  sid: string
}

async function withMail(
  fn: (it: { server: TestServer; smtp: TestSmtp; clock: ReturnType<typeof createTestClock> }) => Promise<void>,
  { config = {}, engine = 'sqlite' }: { config?: Record<string, unknown>; engine?: Engine } = {},
): Promise<void> {
  await using smtp = await createSmtp()
  const clock = createTestClock()
  const { mail, ...others } = config
  await using server = await createTestServer({
    clock,
    engine,
    config: { mail: { ...smtp.config, ...Object(mail) }, ...others },
  })
  await fn({ server, smtp, clock })
}

const ask = (client: Client, purpose: string, email: string, more: object = {}) =>
  client.post<Sid>(`${v3}/${purpose}/email/requestToken`, { client_secret: secret, email, send_attempt: 1, ...more })

const byPassword = (user: TestUser) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user: user.userId },
  password,
})

/** Adds an address to an account, as a client does. */
async function addEmail({ server, smtp }: { server: TestServer; smtp: TestSmtp }, user: TestUser, email: string) {
  const { sid } = await ask(user, 'account/3pid', email)
  await server.context.jobs.drain()
  assert.equal((await fetch(linkIn(smtp.mails.at(-1)))).status, 200)
  await user.post(`${v3}/account/3pid/add`, { sid, client_secret: secret, auth: byPassword(user) })
}

for (const engine of engines) {
  test(`an address is added once its owner has opened the link (${engine})`, { skip: skipEngine(engine) }, async () => {
    await withMail(
      async ({ server, smtp, clock }) => {
        const alice = await server.user('alice')
        const { sid } = await ask(alice, 'account/3pid', 'Alice@Example.ORG')
        await server.context.jobs.drain()
        assert.deepEqual(smtp.mails[0]?.to, ['alice@example.org'])
        const path = `${v3}/account/3pid/add`
        const body = { sid, client_secret: secret }
        const challenge = await alice.request('POST', path, { body, expect: 401 })
        assert.ok(challenge.body.session)
        const early = await alice.request('POST', path, { body: { ...body, auth: byPassword(alice) }, expect: 400 })
        assert.equal(early.body.errcode, 'M_THREEPID_AUTH_FAILED')

        clock.advance(1000)
        const page = await fetch(linkIn(smtp.mails[0]))
        assert.match(await page.text(), /Thank you/)
        await alice.post(path, { ...body, auth: byPassword(alice) })
        const threepid = { medium: 'email', address: 'alice@example.org' }
        assert.deepEqual(await alice.get(`${v3}/account/3pid`), {
          threepids: [{ ...threepid, validated_at: clock.now(), added_at: clock.now() }],
        })
        const again = await alice.request('POST', path, { body: { ...body, auth: byPassword(alice) }, expect: 400 })
        assert.equal(again.body.errcode, 'M_THREEPID_AUTH_FAILED', 'a confirmation counts once')
        const identifier = { type: 'm.id.thirdparty', medium: 'email', address: 'ALICE@example.org' }
        const login = { type: 'm.login.password', identifier, password }
        assert.equal((await server.client.post(`${v3}/login`, login)).user_id, alice.userId)

        await alice.post(`${v3}/account/3pid/delete`, { ...threepid, address: 'alice@EXAMPLE.org' })
        assert.deepEqual(await alice.get(`${v3}/account/3pid`), { threepids: [] })
        await server.client.request('POST', `${v3}/login`, { body: login, expect: 403 })
      },
      { engine },
    )
  })
}

test('one mail is sent for each attempt, and links of earlier mails keep working', () =>
  withMail(async ({ server, smtp }) => {
    const alice = await server.user('alice')
    const email = 'alice@example.org'
    const first = await ask(alice, 'account/3pid', email)
    for (const send_attempt of [1, 0, -5]) {
      assert.deepEqual(await ask(alice, 'account/3pid', email, { send_attempt }), first)
    }
    assert.deepEqual(await ask(alice, 'account/3pid', email, { send_attempt: 2 }), first)
    const other = await ask(alice, 'account/3pid', email, { client_secret: 'other' })
    assert.notEqual(other.sid, first.sid)
    await server.context.jobs.drain()
    assert.equal(smtp.mails.length, 3)
    assert.equal((await fetch(linkIn(smtp.mails[0]))).status, 200)
    await alice.post(`${v3}/account/3pid/add`, { ...first, client_secret: secret, auth: byPassword(alice) })
  }))

test('a token can be given to the server by the client, for the session that it belongs to', () =>
  withMail(async ({ server, smtp, clock }) => {
    const { client } = server
    const { sid } = await ask(client, 'register', 'a@example.org')
    await server.context.jobs.drain()
    const token = new URL(linkIn(smtp.mails[0])).searchParams.get('token') ?? ''
    const fails = async (body: object, status: number, errcode: string) => {
      const answer = await client.request('POST', submit, { body, expect: status })
      assert.equal(answer.body.errcode, errcode)
    }
    await fails({ sid, client_secret: secret, token: 'x' }, 400, 'M_TOKEN_INCORRECT')
    await fails({ sid, client_secret: 'other', token }, 404, 'M_NO_VALID_SESSION')
    await fails({ sid: 'x', client_secret: secret, token }, 404, 'M_NO_VALID_SESSION')
    await fails({ sid, token }, 400, 'M_MISSING_PARAM')
    assert.deepEqual(await client.post(submit, { sid, client_secret: secret, token }), { success: true })
    clock.advance(3_600_000)
    await fails({ sid, client_secret: secret, token }, 400, 'M_SESSION_EXPIRED')
    assert.equal((await fetch(linkIn(smtp.mails[0]))).status, 400)
  }))

test('requests that make no sense are refused before a mail is sent', () =>
  withMail(async ({ server, smtp }) => {
    const path = `${v3}/register/email/requestToken`
    const good = { client_secret: secret, email: 'a@example.org', send_attempt: 1 }
    const cases: [object, string][] = [
      [{ email: 'a@example.org\r\nBcc: b@example.org' }, 'M_INVALID_PARAM'],
      [{ email: 'a@example.org,b@example.org' }, 'M_INVALID_PARAM'],
      [{ email: 'nobody' }, 'M_INVALID_PARAM'],
      [{ email: 7 }, 'M_BAD_JSON'],
      [{ email: undefined }, 'M_MISSING_PARAM'],
      [{ client_secret: '' }, 'M_INVALID_PARAM'],
      [{ client_secret: 'with space' }, 'M_INVALID_PARAM'],
      [{ client_secret: 'x'.repeat(256) }, 'M_INVALID_PARAM'],
      [{ send_attempt: '1' }, 'M_BAD_JSON'],
      [{ next_link: 'javascript:alert(1)' }, 'M_INVALID_PARAM'],
      [{ next_link: 'https://user:pass@example.org' }, 'M_INVALID_PARAM'],
      [{ next_link: '/relative' }, 'M_INVALID_PARAM'],
    ]
    for (const [fault, errcode] of cases) {
      const { body } = await server.client.request('POST', path, { body: { ...good, ...fault }, expect: 400 })
      assert.equal(body.errcode, errcode, JSON.stringify(fault))
    }
    await server.context.jobs.drain()
    assert.equal(smtp.mails.length, 0)
    for (const purpose of ['register', 'account/password', 'account/3pid']) {
      const body = { client_secret: secret, country: 'GB', phone_number: '07700900001', send_attempt: 1 }
      const answer = await server.client.request('POST', `${v3}/${purpose}/msisdn/requestToken`, { body })
      assert.match(String(answer.body.error), /no text messages/)
      assert.ok([400, 403].includes(answer.status))
    }
  }))

test('browsers go on to trusted clients at once, to others only with a click', () =>
  withMail(
    async ({ server, smtp }) => {
      const open = async (next_link: string, client_secret: string) => {
        await ask(server.client, 'register', 'a@example.org', { next_link, client_secret })
        await server.context.jobs.drain()
        return fetch(linkIn(smtp.mails.at(-1)), { redirect: 'manual' })
      }
      const trusted = await open('https://app.example.org/#/welcome?a=1', 'one')
      assert.deepEqual(
        [trusted.status, trusted.headers.get('location')],
        [303, 'https://app.example.org/#/welcome?a=1'],
      )
      const other = await open('https://evil.example/"><script>', 'two')
      assert.equal(other.status, 200)
      const text = await other.text()
      assert.match(text, /Go on to evil\.example/)
      assert.doesNotMatch(text, /<script>/)
    },
    { config: { trusted_clients: ['https://app.example.org/'] } },
  ))

test('somebody registers with an address', () =>
  withMail(
    async ({ server, smtp }) => {
      const { client } = server
      const path = `${v3}/register`
      const challenge = await client.request('POST', path, { body: { username: 'alice', password }, expect: 401 })
      assert.deepEqual(challenge.body.flows, [{ stages: ['m.login.email.identity'] }])
      const { session } = challenge.body
      const creds = { client_secret: secret, ...(await ask(client, 'register', 'alice@example.org')) }
      const auth = { type: 'm.login.email.identity', session, threepid_creds: creds }
      const waiting = await client.request('POST', path, { body: { auth }, expect: 401 })
      assert.equal(waiting.body.errcode, 'M_UNAUTHORIZED')
      await server.context.jobs.drain()
      await fetch(linkIn(smtp.mails[0]))
      for (const wrong of [{ ...creds, client_secret: 'x' }, { ...creds, sid: 'x' }, {}]) {
        await client.request('POST', path, { body: { auth: { ...auth, threepid_creds: wrong } }, expect: 401 })
      }
      const { access_token } = await client.post<{ access_token: string }>(path, { auth })
      const { threepids } = await client.as(access_token).get<{ threepids: object[] }>(`${v3}/account/3pid`)
      assert.deepEqual(
        threepids.map((threepid) => Object(threepid).address),
        ['alice@example.org'],
      )

      const replay = await client.request('POST', path, {
        body: { username: 'eve', password, auth: { ...auth, session: undefined } },
      })
      assert.deepEqual([replay.status, replay.body.errcode], [401, 'M_THREEPID_AUTH_FAILED'])
    },
    { config: { registration: { require_email: true } } },
  ))

test('an address is optional where the configuration does not ask for one', () =>
  withMail(async ({ server }) => {
    const { client } = server
    const { body } = await client.request('POST', `${v3}/register`, { body: { username: 'a', password }, expect: 401 })
    assert.deepEqual(body.flows, [{ stages: ['m.login.dummy'] }, { stages: ['m.login.email.identity'] }])
    await client.post(`${v3}/register`, { username: 'a', password, auth: { type: 'm.login.dummy' } })
  }))

test('an address belongs to one account, and only its owner is told which', () =>
  withMail(async ({ server, smtp }) => {
    const alice = await server.user('alice')
    const bob = await server.user('bob')
    await addEmail({ server, smtp }, alice, 'alice@example.org')
    const { body } = await bob.request('POST', `${v3}/account/3pid/email/requestToken`, {
      body: { client_secret: secret, email: 'Alice@example.org', send_attempt: 1 },
      expect: 400,
    })
    assert.equal(body.errcode, 'M_THREEPID_IN_USE')

    const registration = await ask(server.client, 'register', 'alice@example.org')
    assert.ok(registration.sid)
    await ask(server.client, 'account/3pid', 'alice@example.org', { client_secret: 'anonymous' })
    await server.context.jobs.drain()
    for (const mail of smtp.mails.slice(-2)) {
      assert.match(mail.text, /belongs to the account @alice:localhost/)
      assert.doesNotMatch(mail.text, /confirm\?/)
    }
    const auth = { type: 'm.login.email.identity', threepid_creds: { ...registration, client_secret: secret } }
    const { status } = await server.client.request('POST', `${v3}/register`, {
      body: { username: 'eve', password, auth },
    })
    assert.equal(status, 401)
  }))

test('of two who confirm one address only one gets it', () =>
  withMail(async ({ server, smtp }) => {
    const alice = await server.user('alice')
    const bob = await server.user('bob')
    const sids = [
      await ask(alice, 'account/3pid', 'x@example.org'),
      await ask(bob, 'account/3pid', 'x@example.org', { client_secret: 'b' }),
    ]
    await server.context.jobs.drain()
    for (const mail of smtp.mails) await fetch(linkIn(mail))
    const add = (user: TestUser, { sid }: Sid, client_secret: string) =>
      user.request('POST', `${v3}/account/3pid/add`, { body: { sid, client_secret, auth: byPassword(user) } })
    assert.equal((await add(alice, sids[0]!, secret)).status, 200)
    const late = await add(bob, sids[1]!, 'b')
    assert.deepEqual([late.status, late.body.errcode], [400, 'M_THREEPID_IN_USE'])
  }))

test('a confirmation is for what it was asked for, and for the client that asked', () =>
  withMail(async ({ server, smtp }) => {
    const alice = await server.user('alice')
    const { sid } = await ask(alice, 'register', 'x@example.org')
    await server.context.jobs.drain()
    await fetch(linkIn(smtp.mails[0]))
    const path = `${v3}/account/3pid/add`
    for (const creds of [
      { sid, client_secret: secret },
      { sid, client_secret: 'other' },
    ]) {
      await alice.request('POST', path, { body: { ...creds, auth: byPassword(alice) }, expect: 400 })
    }
    const reset = {
      new_password: 'x',
      auth: { type: 'm.login.email.identity', threepid_creds: { sid, client_secret: secret } },
    }
    await server.client.request('POST', `${v3}/account/password`, { body: reset, expect: 401 })
  }))

test('the configuration may ask for plain answers instead of mails', () =>
  withMail(
    async ({ server, smtp }) => {
      const alice = await server.user('alice')
      await addEmail({ server, smtp }, alice, 'alice@example.org')
      const refused = async (purpose: string, email: string, errcode: string) => {
        const path = `${v3}/${purpose}/email/requestToken`
        const body = { client_secret: 'other', email, send_attempt: 1 }
        assert.equal((await server.client.request('POST', path, { body, expect: 400 })).body.errcode, errcode)
      }
      await refused('register', 'alice@example.org', 'M_THREEPID_IN_USE')
      await refused('account/3pid', 'alice@example.org', 'M_THREEPID_IN_USE')
      await refused('account/password', 'bob@example.org', 'M_THREEPID_NOT_FOUND')
      const elsewhere = { client_secret: 'other', email: 'a@other.example', send_attempt: 1 }
      const { body } = await alice.request('POST', `${v3}/account/3pid/email/requestToken`, {
        body: elsewhere,
        expect: 403,
      })
      assert.equal(body.errcode, 'M_THREEPID_DENIED')
    },
    { config: { mail: { hide_known_addresses: false, allowed_domains: ['Example.org'] } } },
  ))

test('one address is not flooded, however many sessions are begun with it', () =>
  withMail(
    async ({ server, smtp }) => {
      const statuses: number[] = []
      for (let i = 0; i < 8; i++) {
        const body = { client_secret: `s${i}`, email: `${i % 2 ? 'victim' : 'VICTIM'}@example.org`, send_attempt: 1 }
        const { status } = await server.client.request('POST', `${v3}/register/email/requestToken`, { body })
        statuses.push(status)
      }
      assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429, 429, 429])
      await server.context.jobs.drain()
      assert.equal(smtp.mails.length, 5)
    },
    { config: { rate_limits: { enabled: true } } },
  ))

test('without a mail server the answers say so', async () => {
  await using server = await createTestServer()
  const body = { client_secret: secret, email: 'a@example.org', send_attempt: 1 }
  const codes = {
    register: 'M_THREEPID_DENIED',
    'account/password': 'M_THREEPID_DENIED',
    'account/3pid': 'M_THREEPID_MEDIUM_NOT_SUPPORTED',
  }
  for (const [purpose, errcode] of Object.entries(codes)) {
    const answer = await server.client.request('POST', `${v3}/${purpose}/email/requestToken`, { body })
    assert.equal(answer.body.errcode, errcode)
  }
  const alice = await server.user('alice')
  const { capabilities } = await alice.get<{ capabilities: Record<string, { enabled?: boolean }> }>(
    `${v3}/capabilities`,
  )
  assert.equal(capabilities['m.3pid_changes']?.enabled, false)
})

test('identifiers that name nobody fail like a wrong password', async () => {
  await using server = await createTestServer()
  const login = async (body: object) => {
    const answer = await server.client.request('POST', `${v3}/login`, {
      body: { type: 'm.login.password', password, ...body },
    })
    return [answer.status, answer.body.errcode]
  }
  for (const identifier of [
    { type: 'm.id.thirdparty', medium: 'email', address: 'nobody@example.org' },
    { type: 'm.id.thirdparty', medium: 'email', address: 'not an address' },
    { type: 'm.id.thirdparty', medium: 'msisdn', address: '447700900001' },
    { type: 'm.id.phone', country: 'GB', phone: '07700900001' },
  ]) {
    assert.deepEqual(await login({ identifier }), [403, 'M_FORBIDDEN'], JSON.stringify(identifier))
  }
  assert.deepEqual(await login({ medium: 'email', address: 'nobody@example.org' }), [403, 'M_FORBIDDEN'])
  assert.deepEqual(await login({ identifier: { type: 'm.id.thirdparty', medium: 'email' } }), [400, 'M_MISSING_PARAM'])
  assert.deepEqual(await login({ identifier: { type: 'org.example' } }), [400, 'M_UNKNOWN'])
})
