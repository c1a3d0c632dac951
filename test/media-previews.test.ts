import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import sharp from 'sharp'
import type { JsonObject } from '../src/matrix/event.ts'
import { createTestClock } from '../src/util/clock.ts'
import { testOnEngines } from './helpers/engines.ts'
import { download, mediaFiles } from './helpers/media.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'
import { startWebServer } from './helpers/web-server.ts'

const web = await startWebServer()
const clock = createTestClock()
const server = await createTestServer({ clock, config: { media: { url_previews: { timeout: '2s' } } } })
after(async () => {
  await server.stop()
  await web.stop()
})
const alice = await server.user('alice')
const png = await sharp({ create: { width: 40, height: 30, channels: 3, background: 'red' } })
  .png()
  .toBuffer()
const path = '/_matrix/client/v1/media/preview_url'
let pages = 0

/** Puts a page on the web and returns its address. */
function publish(page: Parameters<typeof web.pages.set>[1], name = `/page${++pages}`): string {
  web.pages.set(name, page)
  return web.url + name
}

const preview = (url: string, user: TestUser = alice, ts?: number) => user.get<JsonObject>(path, { url, ts })

async function refusal(url: string, user: TestUser = alice): Promise<string> {
  const { status, body } = await user.request('GET', path, { query: { url } })
  return `${status} ${body.errcode}`
}

test('a page is described, with its picture as media of ours', async () => {
  publish(png, '/picture.png')
  const url = publish(`<title>no</title><meta property="og:title" content="Caf&eacute;">
    <meta property="og:description" content="d"><meta property="og:image" content="/picture.png">`)
  const answer = await preview(url)
  const { 'og:image': mxc, ...rest } = answer
  assert.deepEqual(rest, {
    'og:title': 'Café',
    'og:description': 'd',
    'og:image:type': 'image/png',
    'og:image:width': 40,
    'og:image:height': 30,
    'matrix:image:size': png.length,
  })
  const image = await download(alice, String(mxc))
  assert.ok(image.bytes.equals(png))
  assert.equal(image.headers.get('content-type'), 'image/png')
  assert.deepEqual(await alice.get('/_matrix/media/v3/preview_url', { url }), answer)
})

test('a picture is its own preview, and other files have none', async () => {
  const answer = await preview(publish(png, '/alone.png'))
  assert.equal(answer['og:image:width'], 40)
  const pdf = publish((_request, response) =>
    response.writeHead(200, { 'content-type': 'application/pdf' }).end('%PDF'),
  )
  assert.deepEqual(await preview(pdf), {})
})

test('pages are read in their encoding', async () => {
  const latin = publish((_request, response) =>
    response
      .writeHead(200, { 'content-type': 'text/html; charset=iso-8859-1' })
      .end(Buffer.from('<title>caf\xe9</title>', 'latin1')),
  )
  assert.deepEqual(await preview(latin), { 'og:title': 'café' })
  // Whoever can read that it is UTF-16 has read something else.
  const pages: [text: string, encoding: BufferEncoding, type: string][] = [
    ['<?xml version="1.0" encoding="ISO-8859-1"?><html><title>café</title></html>', 'latin1', 'application/xhtml+xml'],
    ['<meta charset="utf-16"><title>café</title>', 'utf8', 'text/html'],
    [
      '<meta http-equiv="content-type" content="text/html; charset=windows-1252"><title>café</title>',
      'latin1',
      'text/html',
    ],
    ['<title>café</title>', 'utf16le', 'text/html; charset=utf-16le'],
  ]
  for (const [text, encoding, type] of pages) {
    const page = publish((_request, response) =>
      response.writeHead(200, { 'content-type': type }).end(Buffer.from(text, encoding)),
    )
    assert.deepEqual(await preview(page), { 'og:title': 'café' }, text)
  }
})

test('pictures are found from where the page says that it is', async () => {
  const page = publish('<base href="/elsewhere/"><meta property="og:image" content="../picture.png"><title>x</title>')
  assert.equal((await preview(page))['og:image:width'], 40)
})

test('oEmbed helps where a page says little', async () => {
  const oembed = { type: 'video', title: 'A film', provider_name: 'Films', thumbnail_url: '/picture.png' }
  publish((_request, response) => response.end(JSON.stringify(oembed)), '/oembed.json')
  const answer = await preview(publish('<link rel="alternate" type="application/json+oembed" href="/oembed.json">'))
  assert.deepEqual([answer['og:title'], answer['og:site_name'], answer['og:image:width']], ['A film', 'Films', 40])
  publish('{no json', '/broken.json')
  const other = publish('<title>T</title><link rel=alternate type="application/json+oembed" href=/broken.json>')
  assert.deepEqual(await preview(other), { 'og:title': 'T' })
})

test('what pages ask of robots is heeded', async () => {
  const head = '<title>T</title><meta name=description content=D><meta property=og:image content=/picture.png>'
  const url = publish((_request, response) =>
    response.writeHead(200, { 'content-type': 'text/html', 'x-robots-tag': 'nosnippet, noimageindex' }).end(head),
  )
  assert.deepEqual(await preview(url), { 'og:title': 'T' })
})

test('redirects are followed, a few', async () => {
  const redirect = (to: string) =>
    publish((_request, response) => response.writeHead(302, { location: to }).end(), undefined)
  const target = publish('<title>target</title>')
  assert.deepEqual(await preview(redirect(new URL(target).pathname)), { 'og:title': 'target' })
  const loop = redirect(`/page${pages + 1}`)
  assert.equal(await refusal(loop), '502 M_UNKNOWN')
  assert.equal(web.asked.filter((path) => path === new URL(loop).pathname).length, 6)
  for (const to of ['file:///etc/passwd', 'gopher://x/', 'http://user:pass@127.0.0.1/'])
    assert.equal(await refusal(redirect(to)), '502 M_UNKNOWN', to)
})

test('only web addresses are fetched', async () => {
  const wrong = [
    '',
    'x',
    'ftp://example.org/',
    'file:///etc/passwd',
    'javascript:1',
    'http://a:b@example.org/',
    `http://x/${'y'.repeat(3000)}`,
  ]
  for (const url of wrong) assert.equal(await refusal(url), '400 M_INVALID_PARAM', url)
  assert.equal((await alice.request('GET', path)).body.errcode, 'M_MISSING_PARAM')
})

test('our own network is out of reach, directly and by way of others', async () => {
  await using guarded = await createTestServer({ config: { outbound: { allow_private_addresses: false } } })
  const bob = await guarded.user('bob')
  const before = web.asked.length
  const port = new URL(web.url).port
  const hosts = ['127.0.0.1', 'localhost', '[::1]', '0.0.0.0', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]']
  for (const host of hosts) assert.equal(await refusal(`http://${host}:${port}/page1`, bob), '502 M_UNKNOWN', host)
  assert.equal(web.asked.length, before)
  const { body } = await bob.request('GET', path, { query: { url: `${web.url}/page1` } })
  assert.equal(body.error, 'The page could not be fetched')
})

test('a body without end, or without a beginning, holds up nobody', async () => {
  const endless = publish((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' })
    response.write('<title>endless</title>')
    const more = () => {
      while (!response.destroyed && response.write('<p>'.repeat(20_000)));
      response.once('drain', more)
    }
    more()
  })
  assert.deepEqual(await preview(endless), { 'og:title': 'endless' })
  assert.equal(await refusal(publish(() => {})), '502 M_UNKNOWN')
  const cut = publish((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html', 'content-length': '500' })
    response.write('<title>cut</title>', () => response.destroy())
  })
  assert.equal(await refusal(cut), '502 M_UNKNOWN')
  assert.equal(await refusal(`${web.url}/missing`), '502 M_UNKNOWN')
  assert.equal(await refusal('http://127.0.0.1:1/'), '502 M_UNKNOWN')
})

test('a picture that is none, too large or not to be had is left out', async () => {
  const before = mediaFiles(server.dataDir)
  const pictures: Record<string, Parameters<typeof web.pages.set>[1]> = {
    '/page-as.png': (_request, response) => response.writeHead(200, { 'content-type': 'image/png' }).end('<html>'),
    '/vector.svg': (_request, response) =>
      response.writeHead(200, { 'content-type': 'image/svg+xml' }).end('<svg xmlns="http://www.w3.org/2000/svg"/>'),
    '/huge.png': (_request, response) => {
      response.writeHead(200, { 'content-type': 'image/png', 'content-length': 11 * 1024 * 1024 })
      response.write(png)
    },
    '/endless.png': (_request, response) => {
      response.writeHead(200, { 'content-type': 'image/png' })
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(100_000)));
        response.once('drain', more)
      }
      more()
    },
  }
  for (const [name, page] of Object.entries(pictures)) publish(page, name)
  for (const image of [...Object.keys(pictures), '/missing.png', 'data:image/png;base64,AAAA', 'http://']) {
    const url = publish(`<title>T</title><meta property="og:image" content="${image}">`)
    assert.deepEqual(await preview(url), { 'og:title': 'T' }, image)
  }
  assert.deepEqual(mediaFiles(server.dataDir), before)
})

test('a page is fetched once for all who ask, and again when its time is up', async () => {
  let version = 0
  const url = publish((_request, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end(`<title>version ${++version}</title>`),
  )
  const first = clock.now()
  const answers = await Promise.all(Array.from({ length: 8 }, () => preview(`${url}#${Math.ceil(version)}`)))
  for (const answer of answers) assert.deepEqual(answer, { 'og:title': 'version 1' })
  clock.advance(6 * 3_600_000 - 1)
  assert.deepEqual(await preview(url), { 'og:title': 'version 1' })
  clock.advance(1)
  assert.deepEqual(await preview(url), { 'og:title': 'version 2' })
  assert.deepEqual(await preview(url, alice, first), { 'og:title': 'version 1' })
  assert.deepEqual(await preview(url, alice, first - 1), { 'og:title': 'version 2' })
  assert.equal(version, 2)
})

test('a page that fails is not tried at once again', async () => {
  let tries = 0
  const url = publish((_request, response) => response.writeHead(++tries < 2 ? 500 : 204).end())
  assert.equal(await refusal(url), '502 M_UNKNOWN')
  assert.equal(await refusal(url), '502 M_UNKNOWN')
  assert.equal(tries, 1)
  clock.advance(10 * 60_000)
  assert.deepEqual(await preview(url), {})
})

test('administrators rule out previews and sites', async () => {
  await using off = await createTestServer({ config: { media: { url_previews: { enabled: false } } } })
  const carol = await off.user('carol')
  const capability = async (user: TestUser) => {
    const { capabilities } = await user.get<{ capabilities: JsonObject }>('/_matrix/client/v3/capabilities')
    return capabilities['io.element.msc4452.preview_url']
  }
  assert.equal(await refusal(publish('x'), carol), '403 M_FORBIDDEN')
  assert.deepEqual([await capability(carol), await capability(alice)], [{ enabled: false }, { enabled: true }])
  const rules = { allow: ['127.0.0.*', 'localhost'], deny: ['LOCAL*'] }
  await using strict = await createTestServer({ config: { media: { url_previews: rules } } })
  const dave = await strict.user('dave')
  const port = new URL(web.url).port
  const url = publish('<title>T</title>')
  assert.deepEqual(await preview(url, dave), { 'og:title': 'T' })
  const denied = `http://localhost:${port}${new URL(url).pathname}`
  for (const other of [denied, denied.replace('localhost', 'LOCALHOST.'), 'https://example.org/'])
    assert.equal(await refusal(other, dave), '403 M_FORBIDDEN', other)
  const before = web.asked.length
  const detour = publish((_request, response) => response.writeHead(301, { location: denied }).end())
  assert.equal(await refusal(detour, dave), '502 M_UNKNOWN')
  assert.equal(web.asked.length, before + 1)
})

test('guests get no previews', async () => {
  await using open = await createTestServer({ config: { registration: { guests: true } } })
  const { access_token } = await open.client.post<{ access_token: string }>(
    '/_matrix/client/v3/register?kind=guest',
    {},
  )
  const { status, body } = await open.client.as(access_token).request('GET', path, { query: { url: publish('x') } })
  assert.deepEqual([status, body.errcode], [403, 'M_GUEST_ACCESS_FORBIDDEN'])
})

testOnEngines('old previews go, and their pictures with them', async (_t, { engine }) => {
  const clock = createTestClock()
  await using swept = await createTestServer({ engine, clock })
  const erin = await swept.user('erin')
  publish(png, '/picture.png')
  const mxc = (await preview(publish('<meta property="og:image" content="/picture.png">'), erin))['og:image']
  const rows = () =>
    swept.context.db.read((reader) => reader.qb.selectFrom('url_previews').select('preview_nid').execute())
  const settle = async () => {
    await swept.context.db.write('wait', async () => {})
    await swept.context.jobs.drain()
  }
  clock.advance(7 * 24 * 3_600_000)
  await settle()
  assert.equal((await download(erin, String(mxc))).status, 200)
  clock.advance(7 * 3_600_000)
  await settle()
  assert.deepEqual(await rows(), [])
  assert.equal((await download(erin, String(mxc))).errcode, 'M_NOT_FOUND')
  assert.deepEqual(mediaFiles(swept.dataDir), [])
})

testOnEngines(
  'the picture of an old preview stays while it is held, in quarantine, or an avatar',
  async (_t, { engine }) => {
    const clock = createTestClock()
    await using swept = await createTestServer({ engine, clock })
    const root = await swept.user('root', { admin: true })
    let pictures = 0
    const shown = async () => {
      const at = `/held${++pictures}.png`
      publish(
        await sharp({ create: { width: 8, height: 8 + pictures, channels: 3, background: 'blue' } })
          .png()
          .toBuffer(),
        at,
      )
      return String((await preview(publish(`<meta property="og:image" content="${at}">`), root))['og:image'])
    }
    const [held, bad, avatar, other] = [await shown(), await shown(), await shown(), await shown()]
    const { body } = await root.request('POST', '/_ringback/admin/v1/holds', { body: { mxc: held }, expect: 200 })
    const place = (mxc: string) => mxc.slice('mxc://'.length)
    await root.post(`/_synapse/admin/v1/media/quarantine/${place(bad)}`, {})
    await root.put(`/_matrix/client/v3/profile/${root.userId}/avatar_url`, { avatar_url: avatar })
    const pass = async (days: number) => {
      clock.advance(days * 24 * 3_600_000)
      await swept.context.db.write('wait', async () => {})
      await swept.context.jobs.drain()
    }
    const seen = async () => {
      const found: number[] = []
      for (const mxc of [held, avatar, other]) found.push((await download(root, mxc)).status)
      return found
    }
    await pass(9)
    assert.deepEqual(await seen(), [200, 200, 404])
    assert.equal(mediaFiles(swept.dataDir).length, 3)
    await root.request('DELETE', `/_ringback/admin/v1/holds/${body.hold_id}`, { expect: 200 })
    await pass(1)
    assert.deepEqual(await seen(), [404, 200, 404])
    assert.equal(mediaFiles(swept.dataDir).length, 2)
  },
)
