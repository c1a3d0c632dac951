import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { downloadMedia } from '../src/federation/client/requests-media.ts'
import { createSafeFetch } from '../src/util/safe-fetch.ts'
import type { SafeResponse } from '../src/util/safe-response.ts'
import { createFakeTransport, serverNamed } from './helpers/federation/fake-transport.ts'
import { createNetwork, type Network } from './helpers/federation/network.ts'
import { download, getMedia, placeOf, upload } from './helpers/media.ts'
import { type ObjectStorage, s3Missing, startObjectStorage } from './helpers/s3.ts'
import type { TestUser } from './helpers/server.ts'

const options = { skip: s3Missing }
let storage: ObjectStorage
let network: Network
let alice: TestUser
let bob: TestUser

before(async () => {
  if (s3Missing) return
  storage = await startObjectStorage()
  await storage.makeBucket('media')
  // Both keep theirs in one bucket, each under its own name.
  let count = 0
  const config = {
    media: {
      allow_legacy_unauthenticated: true,
      delivery: { scope: 'all' },
      get storage() {
        return storage.config('media', { redirect: true, prefix: `server${++count}` })
      },
    },
  }
  network = await createNetwork(2, { config })
  const [here, there] = network.servers
  assert.ok(here && there)
  alice = await here.user('alice')
  bob = await there.user('bob')
})
after(async () => {
  await network?.[Symbol.asyncDispose]()
  await storage?.[Symbol.asyncDispose]()
})

const locationOf = (headers: Headers) => headers.get('location') ?? ''

test('a client is sent to the storage, where the file has its type and its name', options, async () => {
  const bytes = randomBytes(300_000)
  const mxc = await upload(alice, bytes, { type: 'image/x-test', name: 'ünï ☕ (1)*.bin' })
  const { status, headers } = await download(alice, mxc)
  assert.equal(status, 307)
  assert.equal(headers.get('cache-control'), 'no-store')
  assert.ok(locationOf(headers).startsWith(`${storage.endpoint}/media/server1/`))
  const file = await fetch(locationOf(headers))
  assert.equal(file.headers.get('content-type'), 'image/x-test')
  assert.match(file.headers.get('content-disposition') ?? '', /^attachment; filename="_n_ _ \(1\)_?\*?\.bin"/)
  assert.ok(Buffer.from(await file.arrayBuffer()).equals(bytes))
})

test('who does not want to be sent elsewhere is not, and the old paths ask first', options, async () => {
  const bytes = randomBytes(200_000)
  const mxc = await upload(alice, bytes)
  const paths: [path: string, status: number][] = [
    [`/_matrix/client/v1/media/download/${placeOf(mxc)}?allow_redirect=false`, 200],
    [`/_matrix/media/v3/download/${placeOf(mxc)}`, 200],
    [`/_matrix/media/v3/download/${placeOf(mxc)}?allow_redirect=false`, 200],
    [`/_matrix/media/v3/download/${placeOf(mxc)}?allow_redirect=true`, 307],
  ]
  for (const [path, status] of paths) assert.equal((await getMedia(alice, path)).status, status, path)
  assert.equal((await getMedia(alice, paths[0]?.[0] ?? '', { method: 'HEAD' })).status, 200)
})

test('a file whose delivery is followed comes from the server, so that it knows who has it', options, async () => {
  const mxc = await upload(alice, randomBytes(1000))
  assert.equal((await download(alice, mxc)).status, 307)
  const { room_id: roomId } = await alice.post<{ room_id: string }>('/_matrix/client/v3/createRoom', {})
  await alice.put(`/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/1`, {
    msgtype: 'm.file',
    body: 'file',
    url: mxc,
  })
  assert.equal((await download(alice, mxc)).status, 200)
})

test('another server is told where the file is, and fetches it there', options, async () => {
  const bytes = randomBytes(400_000)
  const mxc = await upload(alice, bytes, { type: 'audio/x-test', name: 'song' })
  storage.seen.length = 0
  const { status, headers } = await download(bob, mxc)
  assert.equal(status, 307)
  assert.ok(locationOf(headers).startsWith(`${storage.endpoint}/media/server2/`))
  const file = await fetch(locationOf(headers))
  assert.equal(file.headers.get('content-type'), 'audio/x-test')
  assert.ok(Buffer.from(await file.arrayBuffer()).equals(bytes))
  assert.ok(storage.seen.some((line) => line.startsWith('GET /media/server1/') && line.includes('X-Amz-Signature=')))
})

/** What a server sends that names a place for its media. */
function answerWith(location: string): SafeResponse {
  const body = Readable.from([
    Buffer.from(`--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b\r\nLocation: ${location}\r\n\r\n\r\n--b--`),
  ])
  const headers = { 'content-type': 'multipart/mixed; boundary=b' }
  return { status: 200, headers, body, discard: () => body.destroy() } as unknown as SafeResponse
}

test('a place that another server names must not lead into our own network', async () => {
  const fetch = createSafeFetch({
    allowPrivateAddresses: false,
    resolve: async (host) => (host === 'inside.example' ? [{ address: '10.0.0.1', family: 4 }] : []),
  })
  const ask = (location: string) =>
    downloadMedia(
      { fetch, transport: { ...createFakeTransport(), stream: async () => answerWith(location) } },
      {
        origin: serverNamed('peer.example'),
        mediaId: 'id',
        timeoutMs: 1000,
        maxBytes: 1000,
        signal: new AbortController().signal,
      },
    )
  for (const location of [
    'http://127.0.0.1:8008/_synapse/admin/v1/users',
    'http://[::1]/',
    'http://169.254.169.254/latest/meta-data',
    'https://inside.example/secret',
    'http://user:password@example.org/',
    'file:///etc/passwd',
    '/relative',
    '',
  ]) {
    await assert.rejects(ask(location), { errcode: 'M_CONNECTION_FAILED' }, location)
  }
  fetch.close()
})
