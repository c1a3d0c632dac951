import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog } from '../src/util/log.ts'
import { createTestServer, type TestServer } from './helpers/server.ts'

async function startWithLog(
  config: Record<string, unknown> = {},
): Promise<{ server: TestServer; link: string | undefined }> {
  const lines: string[] = []
  const log = createLog({ level: 'info', format: 'json', write: (line) => void lines.push(line) })
  const server = await createTestServer({ log, config })
  const path = lines.map((line) => /\/setup\/[\w-]+/.exec(line)?.[0]).find((found) => found !== undefined)
  return { server, link: path && server.url + path }
}

async function submit(link: string, fields: Record<string, string>): Promise<{ status: number; text: string }> {
  const response = await fetch(link, { method: 'POST', body: new URLSearchParams(fields) })
  return { status: response.status, text: await response.text() }
}

test('the log shows a link with which the first person becomes administrator, once', async () => {
  const { server, link } = await startWithLog({ registration: { enabled: false } })
  await using _ = server
  assert.ok(link)
  const shown = await fetch(link)
  assert.equal(shown.status, 200)
  assert.match(shown.headers.get('content-type') ?? '', /^text\/html/)
  assert.match(await shown.text(), /:localhost/)

  const good = { name: 'Root', password: 'long enough', again: 'long enough' }
  const differ = await submit(link, { ...good, again: 'something else' })
  assert.deepEqual(
    [differ.status, /two passwords differ/.test(differ.text), /value="Root"/.test(differ.text)],
    [400, true, true],
  )
  const short = await submit(link, { ...good, password: 'short', again: 'short' })
  assert.deepEqual([short.status, /at least 8 characters/.test(short.text)], [400, true])
  const odd = await submit(link, { ...good, name: '"><script>' })
  assert.deepEqual([odd.status, odd.text.includes('"><script>')], [400, false])

  const done = await submit(link, good)
  assert.equal(done.status, 200)
  assert.match(done.text, /@root:localhost/)
  const grant = await server.client.post('/_matrix/client/v3/login', {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: 'root' },
    password: good.password,
  })
  const user = await server.context.db.read((r) => server.context.accounts.users.get(r, grant.user_id as never))
  assert.equal(user?.isAdmin, true)

  for (const used of [await submit(link, { ...good, name: 'second' }), await fetch(link)])
    assert.equal(used.status, 403)
})

test('an unknown link is a page with status 403', async () => {
  const { server } = await startWithLog()
  await using _ = server
  const page = await fetch(`${server.url}/setup/nonsense`)
  assert.equal(page.status, 403)
  assert.match(await page.text(), /does not work any more/)
})

test('the link ends when somebody has an account, and a restart shows another only while nobody has', async () => {
  const { server, link } = await startWithLog()
  await using _ = server
  assert.ok(link)
  await server.user('alice')
  assert.equal((await fetch(link)).status, 403)
  assert.equal(await server.context.accounts.setup.open(), undefined)
})
