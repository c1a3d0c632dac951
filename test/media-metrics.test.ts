import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { yieldNow } from '../src/util/async.ts'
import { createTestClock } from '../src/util/clock.ts'
import { download, placeOf, upload } from './helpers/media.ts'
import { createTestServer } from './helpers/server.ts'

test('limits hold by type, and the metrics tell what came, went and was turned away', async () => {
  const clock = createTestClock()
  const media = {
    allowed_types: ['text/*', 'application/octet-stream'],
    type_limits: [{ type: 'text/*', max: 10 }],
    quotas: [{ max: 200 }],
  }
  await using server = await createTestServer({ clock, config: { media } })
  const [admin, alice] = [await server.user('root', { admin: true }), await server.user('alice')]
  const tryUpload = async (size: number, type: string) =>
    (
      await alice.request('POST', '/_matrix/media/v3/upload', {
        body: new Uint8Array(randomBytes(size)),
        headers: { 'Content-Type': type },
      })
    ).status
  assert.equal(await tryUpload(11, 'text/plain; charset=utf-8'), 413)
  assert.equal(await tryUpload(5, 'image/png'), 403)
  const mxc = await upload(alice, randomBytes(10), { type: 'text/plain' })
  const gone = await upload(alice, randomBytes(100))
  assert.equal(await tryUpload(100, 'application/octet-stream'), 403)
  assert.equal((await download(alice, mxc)).status, 200)
  for (let turn = 0; turn < 1000 && server.context.media.traffic.downloads.local.files === 0; turn++) await yieldNow()
  await admin.delete(`/_synapse/admin/v1/media/${placeOf(gone)}`)
  await server.context.jobs.drain()
  const { text, headers } = await admin.request('GET', '/_ringback/admin/v1/metrics')
  assert.match(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  for (const line of [
    'ringback_media_kept_files{kind="local"} 1',
    'ringback_media_kept_bytes{kind="local"} 10',
    'ringback_media_stored_bytes 10',
    'ringback_media_deleted_bytes_total{kind="local",reason="deleted by an administrator"} 100',
    'ringback_media_uploaded_bytes_total 110',
    'ringback_media_delivered_bytes_total{kind="local"} 10',
    'ringback_media_refused_total{reason="quota"} 1',
    'ringback_media_refused_total{reason="type"} 1',
    'ringback_media_refused_total{reason="size"} 1',
  ]) {
    assert.ok(text.includes(`\n${line}\n`), `${line} is not in\n${text}`)
  }
  assert.equal((await alice.request('GET', '/_ringback/admin/v1/metrics')).status, 403)
})
