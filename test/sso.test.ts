import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestClock, type TestClock } from '../src/util/clock.ts'
import { createBrowser, type Page } from './helpers/browser.ts'
import { type Engine, engines, skipEngine } from './helpers/engines.ts'
import { createOidcProvider, type OidcProvider } from './helpers/oidc-provider.ts'
import { createTestServer, password, type TestServer } from './helpers/server.ts'

const v3 = '/_matrix/client/v3'
const app = 'https://app.example.org/'

interface Scene {
  server: TestServer
  provider: OidcProvider
  clock: TestClock
}

async function scene(
  fn: (it: Scene) => Promise<void>,
  { engine = 'sqlite', provider: more = {}, config = {} }: { engine?: Engine; provider?: object; config?: object } = {},
): Promise<void> {
  await using provider = await createOidcProvider()
  const clock = createTestClock(Date.now())
  await using server = await createTestServer({
    clock,
    engine,
    config: {
      trusted_clients: [app],
      sso: { providers: [{ ...provider.config, ...more }] },
      outbound: { allow_private_addresses: false },
      ...config,
    },
  })
  await fn({ server, provider, clock })
}

const start = (server: TestServer, redirectUrl = app, more = '') =>
  `${server.url}${v3}/login/sso/redirect?redirectUrl=${encodeURIComponent(redirectUrl)}${more}`

/** Logs in with the token that the client's address was given. */
async function loginAt(server: TestServer, { url }: Page): Promise<string> {
  const token = new URL(url).searchParams.get('loginToken')
  assert.ok(token, `no token: ${url}`)
  return String((await server.client.post(`${v3}/login`, { type: 'm.login.token', token })).user_id)
}

for (const engine of engines) {
  test(
    `somebody comes from a provider, gets an account and finds it again (${engine})`,
    { skip: skipEngine(engine) },
    () =>
      scene(
        async ({ server, provider }) => {
          const { flows } = await server.client.get<{ flows: { type: string }[] }>(`${v3}/login`)
          assert.deepEqual(
            flows.find(({ type }) => type === 'm.login.sso'),
            {
              type: 'm.login.sso',
              identity_providers: [{ id: 'example', name: 'Example & Co', brand: 'google' }],
              oauth_aware_preferred: false,
            },
          )
          provider.person = {
            sub: '42',
            preferred_username: 'Alice',
            name: 'Alice A.',
            email: 'Alice@example.org',
            email_verified: true,
          }
          const page = await createBrowser().open(start(server, `${app}?x=1#/home`))
          assert.match(page.url, /^https:\/\/app\.example\.org\/\?x=1&loginToken=rbl_[\w-]+#\/home$/)
          assert.equal(await loginAt(server, page), '@alice:localhost')
          const { asked } = provider
          assert.equal(asked.get('kept'), 'yes')
          assert.equal(asked.get('scope'), 'openid profile email')
          assert.equal(asked.get('code_challenge_method'), 'S256')
          assert.equal(asked.get('redirect_uri'), `${server.url}/_ringback/v1/sso/callback`)

          provider.person = { sub: '42', preferred_username: 'renamed' }
          const again = await loginAt(server, await createBrowser().open(start(server)))
          assert.equal(again, '@alice:localhost')
          const { accounts, db } = server.context
          const [profile, threepids] = await db.read(async (reader) => [
            await accounts.getProfile(reader, '@alice:localhost' as never),
            await accounts.threepids.list(reader, '@alice:localhost' as never),
          ])
          assert.deepEqual(profile, { displayname: 'Alice A.' })
          assert.deepEqual(
            threepids.map(({ address }) => address),
            ['alice@example.org'],
          )
          const body = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password: '' }
          await server.client.request('POST', `${v3}/login`, { body, expect: 403 })
        },
        { engine, provider: { brand: 'google' } },
      ),
  )
}

test('a client that is not known gets the account only after a click', () =>
  scene(async ({ server, provider }) => {
    provider.person = { sub: '42', preferred_username: 'alice' }
    const browser = createBrowser()
    const page = await browser.open(start(server, 'https://other.example/<script>'))
    assert.match(page.text, /other\.example<\/strong> will get full access to your account <strong>@alice:localhost/)
    assert.doesNotMatch(page.text, /loginToken|<script>/)
    const stranger = await createBrowser().submit(page)
    assert.equal(stranger.status, 400, 'another browser cannot press the button')
    assert.equal((await browser.submit(page)).status, 400, 'nor can anybody after that')
    const next = await browser.open(start(server, 'element://connect'))
    assert.match(next.text, /The app <strong>element<\/strong>/)
    const form = new URLSearchParams({ session: /name="session" value="([^"]*)"/.exec(next.text)?.[1] ?? '' })
    assert.ok(form.get('session'))
    const done = await browser.submit(next).catch((error: unknown) => error)
    const url = done instanceof Error ? '' : (done as Page).url
    assert.match(url, /^element:\/\/connect\?loginToken=/)
  }))

test('a name that is taken, or not one, is chosen on a page', () =>
  scene(
    async ({ server, provider }) => {
      await server.user('alice')
      provider.person = { sub: '42', preferred_username: 'alice', name: '"><script>' }
      const browser = createBrowser()
      const page = await browser.open(start(server))
      assert.match(page.text, /Choose the name/)
      assert.match(page.text, /value="alice"/)
      const terms = await browser.submit(page, { name: 'alice2' })
      assert.match(terms.text, /Please accept the terms/)
      const taken = await browser.submit(terms, { name: 'alice', accept: 'yes' })
      assert.match(taken.text, /taken/)
      const odd = await browser.submit(taken, { name: '"><b>', accept: 'yes' })
      assert.equal(odd.status, 400)
      assert.doesNotMatch(odd.text, /"><b>/)
      assert.equal((await createBrowser().submit(odd, { name: 'eve', accept: 'yes' })).status, 400)
      const done = await browser.submit(odd, { name: 'alice2', accept: 'yes' })
      assert.equal(await loginAt(server, done), '@alice2:localhost')
      assert.equal((await browser.submit(odd, { name: 'alice3', accept: 'yes' })).status, 400)

      provider.person = { sub: '43', preferred_username: 'Bob B. <bob@x>' }
      const other = await createBrowser().open(start(server))
      assert.match(other.text, /value="bob\.b\.\.bob"/)
    },
    {
      config: { registration: { terms: [{ id: 't', texts: { en: { name: 'Terms', url: 'https://example.org' } } }] } },
    },
  ))

test('existing accounts are opened by their name only where the configuration says so', async () => {
  await scene(async ({ server, provider }) => {
    await server.user('alice')
    provider.person = { sub: '42', preferred_username: 'alice' }
    assert.match((await createBrowser().open(start(server))).text, /Choose the name/)
  })
  await scene(
    async ({ server, provider }) => {
      await server.user('alice')
      provider.person = { sub: '42', preferred_username: 'alice' }
      assert.equal(await loginAt(server, await createBrowser().open(start(server))), '@alice:localhost')
      provider.person = { sub: '43', preferred_username: 'bob' }
      assert.match((await createBrowser().open(start(server))).text, /no account on this server/)
      provider.person = { sub: '44', preferred_username: 'a lice' }
      assert.match((await createBrowser().open(start(server))).text, /no account on this server/)
    },
    { provider: { link_existing_users: true, allow_registration: false } },
  )
})

test('closed accounts stay closed', () =>
  scene(async ({ server, provider }) => {
    const { accounts, db } = server.context
    provider.person = { sub: '42', preferred_username: 'alice' }
    await createBrowser().open(start(server))
    const alice = '@alice:localhost' as Parameters<typeof accounts.users.deactivate>[1]
    await db.write('lock', (tx) => accounts.users.setFlags(tx, alice, { isLocked: true }))
    assert.match((await createBrowser().open(start(server))).text, /locked/)
    await db.write('deactivate', (tx) => accounts.users.deactivate(tx, alice, false))
    assert.match((await createBrowser().open(start(server))).text, /deactivated/)
    await db.write('erase', (tx) => accounts.users.deactivate(tx, alice, true))
    assert.match((await createBrowser().open(start(server))).text, /Choose the name/)
  }))

test('a login ends in the browser that began it, once, and in time', () =>
  scene(async ({ server, provider, clock }) => {
    provider.person = { sub: '42', preferred_username: 'alice' }
    const begin = async () => {
      const response = await fetch(start(server), { redirect: 'manual' })
      const cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? ''
      const there = await fetch(response.headers.get('location') ?? '', { redirect: 'manual' })
      return { cookie, callback: there.headers.get('location') ?? '' }
    }
    const end = async ({ cookie, callback }: { cookie: string; callback: string }) =>
      (await fetch(callback, { redirect: 'manual', headers: { cookie } })).status
    const mine = await begin()
    const theirs = await begin()
    assert.equal(await end({ ...theirs, cookie: mine.cookie }), 400)
    assert.equal(await end({ ...theirs, cookie: '' }), 400)
    assert.equal(await end({ ...mine, callback: mine.callback.replace(/state=[^&]+/, 'state=x') }), 400)
    assert.equal(await end(mine), 303)
    assert.equal(await end(mine), 400)
    const late = await begin()
    clock.advance(15 * 60_000)
    assert.equal(await end(late), 400)
  }))

test('a provider that lies, fails or is another opens nothing, and nothing of it is shown', () =>
  scene(async ({ server, provider, clock }) => {
    provider.person = { sub: '42', preferred_username: 'alice' }
    const failsWith = async (change: () => void, restore: () => void) => {
      change()
      const page = await createBrowser().open(start(server))
      assert.deepEqual([page.status, /could not tell who you are/.test(page.text)], [502, true], page.text)
      restore()
    }
    for (const lies of [
      { aud: 'other' },
      { iss: 'https://evil.example' },
      { nonce: 'x' },
      { exp: 1 },
      { sub: undefined },
    ]) {
      await failsWith(
        () => {
          provider.lies = lies
        },
        () => {
          provider.lies = {}
        },
      )
    }
    for (const body of ['no json', {}, { id_token: 'x' }, { id_token: 'x'.repeat(300_000) }]) {
      await failsWith(
        () => {
          provider.tokenAnswer = { status: 200, body }
        },
        () => {
          provider.tokenAnswer = undefined
        },
      )
    }
    await failsWith(provider.forgeKey, provider.rotateKey)
    provider.person = undefined
    assert.match((await createBrowser().open(start(server))).text, /You are not logged in/)
    provider.person = { sub: '42', preferred_username: 'alice' }
    // The new key is found although the others are still remembered.
    clock.advance(60_000)
    assert.equal(await loginAt(server, await createBrowser().open(start(server))), '@alice:localhost')
    const looked = provider.requests.filter((path) => path === '/jwks').length
    await createBrowser().open(start(server))
    assert.equal(provider.requests.filter((path) => path === '/jwks').length, looked, 'keys are remembered')
    provider.metadata = { issuer: 'https://evil.example' }
    clock.advance(3_600_000)
    const { body } = await server.client.request('GET', `${v3}/login/sso/redirect`, { query: { redirectUrl: app } })
    assert.equal(body.errcode, 'M_UNKNOWN')
  }))

test('claims that only the userinfo endpoint tells are asked for', () =>
  scene(async ({ server, provider }) => {
    provider.person = { sub: '42', preferred_username: 'alice', email: 'a@example.org', email_verified: false }
    provider.hidden = ['preferred_username']
    provider.metadata = { token_endpoint_auth_methods_supported: ['client_secret_post'] }
    assert.equal(await loginAt(server, await createBrowser().open(start(server))), '@alice:localhost')
    const { accounts, db } = server.context
    const list = await db.read((reader) => accounts.threepids.list(reader, '@alice:localhost' as never))
    assert.deepEqual(list, [], 'an address that was not verified is not taken')
  }))

test('requests that make no sense are refused', () =>
  scene(async ({ server, provider }) => {
    const path = `${v3}/login/sso/redirect`
    const cases: [string, Record<string, string>, number, string][] = [
      [path, {}, 400, 'M_MISSING_PARAM'],
      [path, { redirectUrl: 'javascript:alert(1)' }, 400, 'M_INVALID_PARAM'],
      [path, { redirectUrl: '/relative' }, 400, 'M_INVALID_PARAM'],
      [`${path}/nobody`, { redirectUrl: app }, 404, 'M_NOT_FOUND'],
      [`${path}/example`, { redirectUrl: 'data:text/html,x' }, 400, 'M_INVALID_PARAM'],
    ]
    for (const [at, query, status, errcode] of cases) {
      const { body } = await server.client.request('GET', at, { query, expect: status })
      assert.equal(body.errcode, errcode)
    }
    assert.equal((await fetch(start(server, app, '&action=dance'), { redirect: 'manual' })).status, 302)
    provider.metadata = { prompt_values_supported: ['create'] }
    assert.equal(provider.requests.filter((name) => name === '/authorize').length, 0)
    for (const name of ['callback?state=x&code=y', 'callback']) {
      assert.ok((await fetch(`${server.url}/_ringback/v1/sso/${name}`)).status >= 400)
    }
  }))

test('of several providers the person chooses one', async () => {
  await using one = await createOidcProvider('one')
  await using two = await createOidcProvider('two')
  two.metadata = { prompt_values_supported: ['create', 'login'] }
  two.person = { sub: '42', preferred_username: 'alice' }
  await using server = await createTestServer({
    config: { trusted_clients: [app], sso: { providers: [one.config, two.config] } },
  })
  const browser = createBrowser()
  const page = await browser.open(start(server, `${app}?a=b&c=d`, '&action=register'))
  const links = [...page.text.matchAll(/href="([^"]+)"/g)].map(([, href]) => href?.replaceAll('&#38;', '&') ?? '')
  assert.equal(links.length, 2)
  const done = await browser.open(server.url + links[1])
  assert.equal(await loginAt(server, done), '@alice:localhost')
  assert.match(done.url, /\?a=b&c=d&loginToken=/)
  assert.equal(two.asked.get('prompt'), 'create')
  one.person = two.person
  assert.match((await browser.open(server.url + links[0])).text, /Choose the name/, 'subjects belong to their provider')
})

test('an action is confirmed by logging in again, as nobody else', () =>
  scene(async ({ server, provider }) => {
    provider.person = { sub: '42', preferred_username: 'alice' }
    const page = await createBrowser().open(start(server))
    const token = new URL(page.url).searchParams.get('loginToken')
    const { access_token } = await server.client.post<{ access_token: string }>(`${v3}/login`, {
      type: 'm.login.token',
      token,
    })
    const alice = server.client.as(access_token)
    const path = '/_matrix/client/v1/login/get_token'
    const challenge = await alice.request('POST', path, { body: {}, expect: 401 })
    assert.deepEqual(challenge.body.flows, [{ stages: ['m.login.sso'] }])
    const { session } = challenge.body
    const fallback = `${server.url}${v3}/auth/m.login.sso/fallback/web?session=${session}`
    const browser = createBrowser()
    provider.person = { sub: '43', preferred_username: 'bob' }
    const question = await browser.open(fallback)
    assert.match(question.text, /Continue with Example &#38; Co/)
    assert.match((await browser.submit(question, { provider: 'example' })).text, /somebody else/)
    await alice.request('POST', path, { body: { auth: { session } }, expect: 401 })
    provider.person = { sub: '42' }
    assert.match((await browser.submit(question, { provider: 'example' })).text, /onAuthDone/)
    await alice.post(path, { auth: { session } })
    assert.equal((await browser.submit(question, { provider: 'nobody' })).status, 400)

    const withPassword = await server.user('carol')
    const plain = await withPassword.request('POST', path, { body: {}, expect: 401 })
    assert.deepEqual(plain.body.flows, [{ stages: ['m.login.password'] }])
    const stage = { session, type: 'm.login.sso' }
    await withPassword.request('POST', path, { body: { auth: { ...stage, session: plain.body.session } } })
    const identifier = { type: 'm.id.user', user: 'carol' }
    await withPassword.post(path, {
      auth: { type: 'm.login.password', identifier, password, session: plain.body.session },
    })
  }))

test('without providers there is no such login', async () => {
  await using server = await createTestServer()
  const { flows } = await server.client.get<{ flows: { type: string }[] }>(`${v3}/login`)
  assert.ok(!flows.some(({ type }) => type === 'm.login.sso'))
  const query = { redirectUrl: app }
  const base = await server.client.request('GET', `${v3}/login/sso/redirect`, { query, expect: 404 })
  assert.equal(base.body.errcode, 'M_UNRECOGNIZED')
  const named = await server.client.request('GET', `${v3}/login/sso/redirect/x`, { query, expect: 404 })
  assert.equal(named.body.errcode, 'M_NOT_FOUND')
})
