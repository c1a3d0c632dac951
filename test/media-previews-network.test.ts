import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { after, test } from 'node:test'
import sharp from 'sharp'
import { createBlobs } from '../src/media/blobs.ts'
import { createPreviews } from '../src/media/previews/previews.ts'
import { createSpool } from '../src/media/spool.ts'
import { createPictures } from '../src/media/thumbnails/pictures.ts'
import { createSafeFetch } from '../src/util/safe-fetch.ts'
import { emptyStore } from './helpers/blob-store.ts'
import { temporaryFolder } from './helpers/program.ts'
import { createTestServer } from './helpers/server.ts'
import { startWebServer } from './helpers/web-server.ts'

/** `public.test` is a site of the internet here, and whatever leads to another name or address leads into our network. */
const web = await startWebServer()
after(() => web.stop())
const { port } = new URL(web.url)
const names: Record<string, string[]> = {
  'public.test': ['127.0.0.1'],
  'inner.test': ['10.0.0.7'],
  'metadata.test': ['169.254.169.254'],
}
/** What the next looks at a name that changes its address yield. */
const changing: string[] = []

const fetch = createSafeFetch({
  allowPrivateAddresses: false,
  isAllowed: (address) => address === '127.0.0.1',
  resolve: async (name) => {
    const addresses = name === 'rebinding.test' ? [changing.shift() ?? '10.0.0.7'] : (names[name] ?? [])
    return addresses.map((address) => ({ address, family: 4 }))
  },
})

const server = await createTestServer()
after(() => server.stop())

function previewsFor(t: { after(fn: () => void): void }) {
  const { db, clock, log, jobs, serverName } = server.context
  const store = { ...emptyStore, put: async () => {} }
  const blobs = createBlobs({ db, clock, log, jobs, store })
  const options = { enabled: true, allow: [], deny: [], timeout: 5000, cacheFor: 60_000 }
  const spool = createSpool(temporaryFolder(t))
  const pictures = createPictures({ db, log, blobs })
  return createPreviews({ db, clock, log, blobs, spool, pictures, fetch, serverName, options })
}

const publicUrl = (path: string) => `http://public.test:${port}${path}`
const inside = [
  `http://inner.test:${port}/secret`,
  'http://metadata.test/latest/meta-data/',
  'http://169.254.169.254/latest/meta-data/',
  `http://[::1]:${port}/secret`,
  `http://0x0a.0.0.7:${port}/secret`,
  `http://[::ffff:10.0.0.7]:${port}/secret`,
]

test('no page leads a preview into our own network', async (t) => {
  const previews = previewsFor(t)
  const png = await sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
    .png()
    .toBuffer()
  web.pages.set('/secret', png)
  web.pages.set('/picture.png', png)
  let pages = 0
  const publish = (page: Parameters<typeof web.pages.set>[1]) => {
    const path = `/page${++pages}`
    web.pages.set(path, page)
    return publicUrl(path)
  }
  const redirect = (to: string) => publish((_request, response) => response.writeHead(302, { location: to }).end())
  const withImage = (address: string) => publish(`<title>T</title><meta property="og:image" content="${address}">`)
  const withEmbed = (address: string) =>
    publish(`<title>T</title><link rel="alternate" type="application/json+oembed" href="${address}">`)
  // It works at all.
  assert.equal((await previews.get(withImage(publicUrl('/picture.png'))))['og:image:width'], 9)
  for (const address of inside) {
    await assert.rejects(previews.get(address), { status: 502 }, address)
    await assert.rejects(previews.get(redirect(address)), { status: 502 }, address)
    await assert.rejects(previews.get(redirect(redirect(address))), { status: 502 }, address)
    assert.deepEqual(await previews.get(withImage(address)), { 'og:title': 'T' }, address)
    assert.deepEqual(await previews.get(withImage(redirect(address))), { 'og:title': 'T' }, address)
    assert.deepEqual(await previews.get(withEmbed(address)), { 'og:title': 'T' }, address)
  }
  assert.ok(!web.asked.includes('/secret'))
})

test('a name that changes its address is followed nowhere new', async (t) => {
  const previews = previewsFor(t)
  const address = `http://rebinding.test:${port}`
  // It closes each connection, so that the next request looks again.
  const once = (body: string) => (_request: unknown, response: ServerResponse) =>
    response.writeHead(200, { 'content-type': 'text/html', connection: 'close' }).end(body)
  web.pages.set('/rebinding', once(`<title>T</title><meta property="og:image" content="${address}/secret">`))
  changing.push('127.0.0.1', '10.0.0.7')
  assert.deepEqual(await previews.get(`${address}/rebinding`), { 'og:title': 'T' })
  changing.push('10.0.0.7', '127.0.0.1')
  await assert.rejects(previews.get(`${address}/rebinding?2`), { status: 502 })
  assert.deepEqual(
    web.asked.filter((path) => path.startsWith('/rebinding')),
    ['/rebinding'],
  )
  assert.ok(!web.asked.includes('/secret'))
})
