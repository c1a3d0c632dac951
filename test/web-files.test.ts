import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { webPage } from '../src/http/web-page.ts'
import { sendRaw } from './helpers/raw-http.ts'
import { createTestServer } from './helpers/server.ts'

const server = await createTestServer()
after(() => server.stop())

const style = '/_ringback/web/shared/style.css'

test('scripts and styles of the pages are served, and again only when they changed', async () => {
  const first = await fetch(server.url + style)
  assert.equal(first.status, 200)
  assert.equal(first.headers.get('content-type'), 'text/css; charset=utf-8')
  assert.equal(first.headers.get('cache-control'), 'no-cache')
  assert.match(await first.text(), /--accent/)
  const etag = first.headers.get('etag') ?? ''
  assert.match(etag, /^"[\w-]{22}"$/)
  const again = await fetch(server.url + style, { headers: { 'if-none-match': etag } })
  assert.equal(again.status, 304)
  assert.equal(await again.text(), '')
  const script = await fetch(`${server.url}/_ringback/web/shared/api.js`)
  assert.equal(script.headers.get('content-type'), 'text/javascript; charset=utf-8')
})

test('nothing but those files can be had', async () => {
  const paths = [
    '/_ringback/web/shared/nothing.js',
    '/_ringback/web/tsconfig.json',
    '/_ringback/web/../package.json',
    '/_ringback/web/shared/../../package.json',
    '/_ringback/web/..%2f/package.json',
    '/_ringback/web/shared/..%2f..%2fpackage.json',
    '/_ringback/web/%2e%2e/package.json',
    '/_ringback/web/shared%2fstyle.css/x',
    '/_ringback/web/__proto__/toString',
    '/_ringback/web/shared/style.css%00',
    '/_ringback/web//etc/passwd',
  ]
  for (const path of paths) {
    const answer = await sendRaw(server.url, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    assert.match(answer, /^HTTP\/1\.1 40[04] /, path)
    assert.doesNotMatch(answer, /"name": "ringback"|root:/)
  }
})

test('a page may run, show and ask only what is of this server, and its data cannot end its script', () => {
  const { status, body, headers } = webPage({
    title: 'A <b>',
    module: 'account/main.js',
    data: { name: '</script><script>alert(1)</script>' },
  })
  assert.equal(status, 200)
  const text = String(body)
  assert.match(text, /<title>A &#60;b&#62;<\/title>/)
  assert.equal(text.match(/<\/script>/g)?.length, 2)
  assert.match(text, /src="\/_ringback\/web\/account\/main\.js"/)
  const policy = headers?.['Content-Security-Policy'] ?? ''
  assert.match(policy, /default-src 'none'; script-src 'self'/)
  assert.doesNotMatch(policy, /unsafe|\*|http/)
})
