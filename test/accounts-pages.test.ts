import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestServer, password } from './helpers/server.ts'

const fallback = (stage: string, session: unknown) =>
  `/_matrix/client/v3/auth/${stage}/fallback/web?session=${encodeURIComponent(String(session))}`

test('the login page stands alone, and only its own script may run', async () => {
  await using server = await createTestServer()
  const response = await fetch(`${server.url}/_matrix/static/client/login/?device_id=X`)
  assert.equal(response.status, 200)
  const nonce = /script-src 'nonce-([\w-]+)'/.exec(response.headers.get('content-security-policy') ?? '')?.[1]
  const text = await response.text()
  assert.ok(nonce && text.includes(`<script nonce="${nonce}">`))
  assert.match(text, /window\.onLogin/)
  assert.doesNotMatch(text, /(src|href)="https?:/)
})

test('a stage done on its fallback page counts', async () => {
  const terms = [{ id: 'p', texts: { en: { name: 'Rules & so on', url: 'https://example.org/rules' } } }]
  await using server = await createTestServer({ config: { registration: { require_token: true, terms } } })
  const token = await server.context.accounts.registrationTokens.create()
  const path = '/_matrix/client/v3/register'
  const { session } = (await server.client.request('POST', path, { body: { username: 'a', password }, expect: 401 }))
    .body
  const submit = (stage: string, fields: Record<string, string>) =>
    fetch(server.url + fallback(stage, session).split('?')[0], {
      method: 'POST',
      body: new URLSearchParams({ session: String(session), ...fields }),
    })

  const termsPage = await (await fetch(server.url + fallback('m.login.terms', session))).text()
  assert.match(termsPage, /Rules &#38; so on/)
  assert.match(await (await submit('m.login.terms', {})).text(), /onAuthDone/)
  const wrong = await submit('m.login.registration_token', { token: 'wrong' })
  assert.deepEqual([wrong.status, /not valid/.test(await wrong.text())], [403, true])
  assert.equal((await submit('m.login.registration_token', { token })).status, 200)
  const done = await server.client.post(path, { auth: { session } })
  assert.equal(done.user_id, '@a:localhost')
})

test('the password page refuses the password of another account', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice', { deviceId: 'ONE' })
  await server.user('bob')
  await server.login('alice', 'TWO')
  const path = '/_matrix/client/v3/devices/TWO'
  const { session } = (await alice.request('DELETE', path, { body: {}, expect: 401 })).body
  const submit = (name: string) =>
    fetch(server.url + fallback('m.login.password', session), {
      method: 'POST',
      body: new URLSearchParams({ session: String(session), name, password }),
    })
  assert.equal((await submit('bob')).status, 403)
  assert.equal((await submit('alice')).status, 200)
  await alice.delete(path, { auth: { session } })
})

test('fallback pages of unknown sessions and stages say so', async () => {
  await using server = await createTestServer()
  assert.equal((await fetch(server.url + fallback('m.login.dummy', 'nonsense'))).status, 400)
  const body = { username: 'a', password }
  const { session } = (await server.client.request('POST', '/_matrix/client/v3/register', { body, expect: 401 })).body
  assert.equal((await fetch(server.url + fallback('m.login.recaptcha', session))).status, 400)
  assert.equal((await fetch(server.url + fallback('m.login.dummy', session))).status, 200)
})
