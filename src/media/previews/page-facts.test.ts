import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodePage } from './charset.ts'
import { addOembed, previewPage } from './open-graph.ts'
import { readPage } from './page-facts.ts'
import { readRobots } from './robots.ts'

const base = 'https://example.org/dir/page'
const preview = (html: string, robots?: string) => previewPage(readPage(html), { base, robots })

test('OpenGraph wins over everything else', () => {
  const html = `<head><title>Plain</title><meta name="description" content="plain">
    <meta property="og:title" content=" A &amp;  B "><meta property="og:title" content="second">
    <meta property="og:description" content="told"><meta property="og:site_name" content="Site">
    <meta property="og:image" content="/pic.png"><meta property="og:image:width" content="9999">
    <meta property="og:video" content="https://elsewhere.example/v"></head>`
  assert.deepEqual(preview(html), {
    properties: { 'og:title': 'A & B', 'og:description': 'told', 'og:site_name': 'Site' },
    imageUrl: 'https://example.org/pic.png',
  })
})

test('a page without OpenGraph is described by what it has', () => {
  const html = `<title>
    The   title</title><body><nav><p>Menu</p></nav><header><p>Top</p></header>
    <script>var p = "<p>no</p>"</script><p>First <b>bold</b> words.<p>Second.</p><div>not this</div><footer><p>End</p></footer>
    <img src=tiny.png width=10 height=10><img src="big.png" width=300 height=200>`
  assert.deepEqual(preview(html), {
    properties: { 'og:title': 'The title', 'og:description': 'First bold words. Second.' },
    imageUrl: 'https://example.org/dir/big.png',
  })
  const card =
    '<meta name=twitter:title content=T><meta name=twitter:image content=//cdn.example/t.png><title>no</title>'
  assert.deepEqual(preview(card), { properties: { 'og:title': 'T' }, imageUrl: 'https://cdn.example/t.png' })
  const linked = '<link rel="shortcut image_src" href="l.png">'
  assert.equal(preview(linked).imageUrl, 'https://example.org/dir/l.png')
  assert.deepEqual(preview(''), { properties: {}, imageUrl: undefined })
})

test('long texts are cut', () => {
  const { properties } = preview(`<title>${'word '.repeat(1000)}</title><p>${'x'.repeat(5000)}</p>`)
  assert.ok(String(properties['og:title']).length <= 1001)
  assert.match(String(properties['og:title']), /word…$/)
  assert.equal(String(properties['og:description']).length, 501)
})

test('a page decides what is shown of it', () => {
  const html = '<title>T</title><meta name=description content=D><meta property=og:image content=/i>'
  assert.deepEqual(preview(`${html}<meta name=robots content="noindex, NoSnippet">`).properties, { 'og:title': 'T' })
  assert.equal(preview(html, 'noimageindex').imageUrl, undefined)
  assert.deepEqual(readRobots(['googlebot: max-snippet: 0', 'max-image-preview:none']), {
    snippet: false,
    image: false,
  })
  assert.deepEqual(readRobots([undefined, 'noindex, nofollow', '']), { snippet: true, image: true })
})

test('oEmbed fills gaps', () => {
  const page = readPage('<link rel=alternate type="application/json+oembed" href="/oembed?x=1&amp;y=2">')
  assert.equal(page.oembed, '/oembed?x=1&y=2')
  const empty = { properties: {}, imageUrl: undefined }
  const video = { type: 'video', title: ' V ', provider_name: 'P', thumbnail_url: '/t.jpg', html: '<script>' }
  assert.deepEqual(addOembed(empty, video, base), {
    properties: { 'og:title': 'V', 'og:site_name': 'P' },
    imageUrl: 'https://example.org/t.jpg',
  })
  assert.equal(addOembed(empty, { type: 'photo', url: 'https://a.example/p' }, base).imageUrl, 'https://a.example/p')
  const full = { properties: { 'og:title': 'own' }, imageUrl: 'https://b.example/' }
  assert.deepEqual(addOembed(full, { title: 'other', thumbnail_url: '/x' }, base), full)
  for (const wrong of [null, 5, [], { title: 5, thumbnail_url: {} }])
    assert.deepEqual(addOembed(empty, wrong, base), empty)
})

test('pages are read in the encoding that they have', () => {
  const latin = Buffer.from('<title>caf\xe9</title>', 'latin1')
  const cases: [bytes: Buffer, contentType: string, text: string][] = [
    [Buffer.from('é'), 'text/html', 'é'],
    [Buffer.from('\ufefféa'), 'text/html; charset=iso-8859-1', 'éa'],
    [latin, 'text/html; charset="ISO-8859-1"', '<title>café</title>'],
    [Buffer.concat([Buffer.from('<meta charset=windows-1252>'), latin]), 'text/html', '<title>café</title>'],
    [Buffer.from('<meta http-equiv=x content="text/html; charset=utf-8">é'), 'text/html', 'é'],
    [Buffer.from('é'), 'text/html; charset=no-such-thing', 'é'],
    [Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('é', 'utf16le')]), 'text/html; charset=utf-8', 'é'],
    [Buffer.from([0x93, 0xfa]), 'text/html; charset=shift_jis', '日'],
    [Buffer.from([0xff, 0x61]), 'text/html', '\ufffda'],
  ]
  for (const [bytes, contentType, text] of cases) assert.ok(decodePage(bytes, contentType).endsWith(text), contentType)
})
