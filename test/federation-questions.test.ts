/** What any server may ask about people, rooms and files here, without being in a room: over the wire, by a server that is not ours. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import sharp from 'sharp'
import { at } from './helpers/client.ts'
import { createPeer, type Peer } from './helpers/federation/peer.ts'
import { createFederatedServer, type FederatedServer } from './helpers/federation/servers.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'
import { createRoom } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'

const options = { skip: withoutOpenssl }
let server: FederatedServer
let peer: Peer
let alice: TestUser

before(async () => {
  if (withoutOpenssl) return
  server = await createFederatedServer()
  peer = await createPeer()
  alice = await server.user('alice')
})
after(async () => {
  await server?.stop()
  await peer?.stop()
})

const ask = (path: string, expect = 200) => peer.request(server.serverName, 'GET', path, { expect })

test('the room directory, and the room of an alias', options, async () => {
  const roomId = await createRoom(alice, { preset: 'public_chat', visibility: 'public', room_alias_name: 'open' })
  const listed = await ask('/_matrix/federation/v1/publicRooms?limit=5')
  assert.deepEqual(
    (listed.body.chunk as { room_id: string }[]).map((room) => room.room_id),
    [roomId],
  )
  const body = { filter: { generic_search_term: 'nothing like it' } }
  const searched = await peer.request(server.serverName, 'POST', '/_matrix/federation/v1/publicRooms', {
    body,
    expect: 200,
  })
  assert.deepEqual(searched.body.chunk, [])
  const alias = encodeURIComponent(`#open:${server.serverName}`)
  const found = await ask(`/_matrix/federation/v1/query/directory?room_alias=${alias}`)
  assert.deepEqual(found.body, { room_id: roomId, servers: [server.serverName] })
  await ask(
    `/_matrix/federation/v1/query/directory?room_alias=${encodeURIComponent(`#none:${server.serverName}`)}`,
    404,
  )
  await ask('/_matrix/federation/v1/query/unheard-of', 404)
})

test('a space with what is open in it', options, async () => {
  const space = await createRoom(alice, { preset: 'public_chat', creation_content: { type: 'm.space' } })
  const open = await createRoom(alice, { preset: 'public_chat' })
  const closed = await createRoom(alice, { preset: 'private_chat' })
  for (const child of [open, closed]) {
    await alice.put(at`/_matrix/client/v3/rooms/${space}/state/m.space.child/${child}`, { via: [server.serverName] })
  }
  const { body } = await ask(at`/_matrix/federation/v1/hierarchy/${space}`)
  const children = (body.children as { room_id: string }[]).map((room) => room.room_id)
  assert.deepEqual([children, body.inaccessible_children], [[open], [closed]])
  await ask(at`/_matrix/federation/v1/hierarchy/${closed}`, 404)
})

test('a file and its thumbnail, in two parts', options, async () => {
  const picture = await sharp({ create: { width: 64, height: 64, channels: 3, background: 'red' } })
    .png()
    .toBuffer()
  const upload = await fetch(`${server.url}/_matrix/media/v3/upload`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${alice.accessToken}`, 'Content-Type': 'image/png' },
    body: new Uint8Array(picture),
  })
  const { content_uri: uri } = (await upload.json()) as { content_uri: string }
  const id = uri.split('/').at(-1) ?? ''
  const file = await ask(at`/_matrix/federation/v1/media/download/${id}`)
  assert.match(file.contentType, /^multipart\/mixed; boundary=/)
  assert.ok(file.bytes.includes(picture))
  const small = await ask(`${at`/_matrix/federation/v1/media/thumbnail/${id}`}?width=32&height=32`)
  assert.match(small.bytes.toString('latin1'), /Content-Type: image\//)
  await ask('/_matrix/federation/v1/media/download/unknown', 404)
})
