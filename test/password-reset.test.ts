import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client } from './helpers/client.ts'
import { createTestServer, password, type TestServer, type TestUser } from './helpers/server.ts'
import { createSmtp, linkIn, type TestSmtp } from './helpers/smtp.ts'

const v3 = '/_matrix/client/v3'
const secret = 'secret'
const path = `${v3}/account/password`

async function withAlice(
  fn: (it: { server: TestServer; smtp: TestSmtp; alice: TestUser; email: string }) => Promise<void>,
): Promise<void> {
  await using smtp = await createSmtp()
  await using server = await createTestServer({ config: { mail: smtp.config } })
  const alice = await server.user('alice')
  const email = 'alice@example.org'
  const { db, accounts } = server.context
  await db.write('add', (tx) => accounts.threepids.add(tx, alice.userId, { address: email, validatedTs: 0 }))
  await fn({ server, smtp, alice, email })
}

async function ask(server: TestServer, client: Client, email: string) {
  const body = { client_secret: secret, email, send_attempt: 1 }
  const { sid } = await client.post<{ sid: string }>(`${path}/email/requestToken`, body)
  await server.context.jobs.drain()
  return { type: 'm.login.email.identity', threepid_creds: { sid, client_secret: secret } }
}

/** Opens the link and presses the button, as a person does. */
async function confirm(server: TestServer, link: string): Promise<string> {
  const page = await (await fetch(link)).text()
  const value = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(page)?.[1] ?? ''
  const form = new URLSearchParams({ sid: value('sid'), token: value('token') })
  const answer = await fetch(`${server.url}/_ringback/v1/email/confirm`, { method: 'POST', body: form })
  return answer.text()
}

const login = async (server: TestServer, secretWord: string) => {
  const identifier = { type: 'm.id.user', user: 'alice' }
  const body = { type: 'm.login.password', identifier, password: secretWord }
  return (await server.client.request('POST', `${v3}/login`, { body })).status
}

test('a forgotten password is replaced by way of the mail address', () =>
  withAlice(async ({ server, smtp, alice, email }) => {
    const challenge = await server.client.request('POST', path, { body: { new_password: 'new one' }, expect: 401 })
    assert.deepEqual(challenge.body.flows, [{ stages: ['m.login.password'] }, { stages: ['m.login.email.identity'] }])
    const auth = { ...(await ask(server, server.client, email)), session: challenge.body.session }
    const link = linkIn(smtp.mails[0])
    // Programs that look into mails open links.
    assert.match(await (await fetch(link)).text(), /Reset your password\?/)
    const early = await server.client.request('POST', path, { body: { auth }, expect: 401 })
    assert.equal(early.body.errcode, 'M_UNAUTHORIZED')
    assert.match(await confirm(server, link), /choose the new password/)
    await server.client.post(path, { auth })
    assert.deepEqual([await login(server, password), await login(server, 'new one')], [403, 200])
    await alice.request('GET', `${v3}/account/whoami`, { expect: 401 })

    const again = { new_password: 'newer', auth: { ...auth, session: undefined } }
    const { body } = await server.client.request('POST', path, { body: again, expect: 401 })
    assert.equal(body.errcode, 'M_THREEPID_AUTH_FAILED', 'one confirmation, one new password')
  }))

test('nobody learns which addresses have accounts, but their owners', () =>
  withAlice(async ({ server, smtp }) => {
    const auth = await ask(server, server.client, 'stranger@example.org')
    assert.match(smtp.mails[0]?.text ?? '', /no account with a password/)
    assert.doesNotMatch(smtp.mails[0]?.text ?? '', /https?:/)
    await server.client.request('POST', path, { body: { new_password: 'x', auth }, expect: 401 })
  }))

test('an address opens its own account only', () =>
  withAlice(async ({ server, smtp, email }) => {
    const bob = await server.user('bob')
    const auth = await ask(server, bob, email)
    await confirm(server, linkIn(smtp.mails[0]))
    await bob.request('POST', path, { body: { new_password: 'x', auth }, expect: 403 })
    assert.deepEqual([await login(server, password), await login(server, 'x')], [200, 403])
  }))

test('a confirmed address that was removed meanwhile opens nothing', () =>
  withAlice(async ({ server, smtp, alice, email }) => {
    const auth = await ask(server, server.client, email)
    await confirm(server, linkIn(smtp.mails[0]))
    const { db, accounts } = server.context
    await db.write('remove', (tx) => accounts.threepids.remove(tx, alice.userId, 'email', email))
    const { body } = await server.client.request('POST', path, { body: { new_password: 'x', auth }, expect: 401 })
    assert.equal(body.errcode, 'M_THREEPID_AUTH_FAILED')
  }))

test('an account without a password gets none by mail, and a deactivated one has no address', () =>
  withAlice(async ({ server, smtp, alice, email }) => {
    const { db, accounts } = server.context
    await accounts.users.create({ userId: '@bot:localhost' as typeof alice.userId, password: undefined })
    await db.write('add', (tx) =>
      accounts.threepids.add(tx, '@bot:localhost' as typeof alice.userId, {
        address: 'bot@example.org',
        validatedTs: 0,
      }),
    )
    await ask(server, server.client, 'bot@example.org')
    assert.match(smtp.mails[0]?.text ?? '', /no account with a password/)
    await db.write('deactivate', (tx) => accounts.users.deactivate(tx, alice.userId, false))
    await ask(server, server.client, email)
    assert.match(smtp.mails[1]?.text ?? '', /no account with a password/)
  }))

test('apps without the stage of their own use its page', () =>
  withAlice(async ({ server, smtp, email }) => {
    const { body } = await server.client.request('POST', path, { body: { new_password: 'new one' }, expect: 401 })
    const page = `${server.url}/_matrix/client/v3/auth/m.login.email.identity/fallback/web`
    const session = String(body.session)
    assert.match(await (await fetch(`${page}?session=${session}`)).text(), /Send the mail/)
    const submit = async (fields: Record<string, string>) =>
      (await fetch(page, { method: 'POST', body: new URLSearchParams({ session, ...fields }) })).text()
    assert.match(await submit({ email: 'nonsense' }), /not a mail address/)
    const sent = await submit({ email })
    const value = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(sent)?.[1] ?? ''
    const fields = { email, sid: value('sid'), secret: value('secret') }
    assert.match(await submit(fields), /has not been opened yet/)
    await server.context.jobs.drain()
    await confirm(server, linkIn(smtp.mails[0]))
    assert.match(await submit(fields), /onAuthDone/)
    await server.client.post(path, { auth: { session } })
    assert.equal(await login(server, 'new one'), 200)

    const bob = await server.user('bob')
    const other = await bob.request('POST', path, { body: { new_password: 'x' }, expect: 401 })
    const ofBob = { session: String(other.body.session), email }
    const step = await submit(ofBob)
    const hidden = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(step)?.[1] ?? ''
    await server.context.jobs.drain()
    await confirm(server, linkIn(smtp.mails[1]))
    const refused = await submit({ ...ofBob, sid: hidden('sid'), secret: hidden('secret') })
    assert.match(refused, /belongs to another account/)
  }))
