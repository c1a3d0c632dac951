/** Numbers as other servers write them, in rooms whose version allows that. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { encodeBase64 } from '../src/matrix/base64.ts'
import { canonicalSource } from '../src/matrix/canonical-source.ts'
import { eventIdOf } from '../src/matrix/event-hash.ts'
import type { EventId, UserId } from '../src/matrix/ids.ts'
import { parseJsonWithFaults } from '../src/matrix/json-parse.ts'
import { skipEngine } from './helpers/engines.ts'
import { createPeer } from './helpers/federation/peer.ts'
import { sendText } from './helpers/federation/raw-transaction.ts'
import { ingestOf, joinedRoom, newSigner, trust } from './helpers/federation/remote-room.ts'
import type { BuiltRoom, Signer } from './helpers/federation/room-builder.ts'
import { createFederatedServer } from './helpers/federation/servers.ts'
import { shareRoom, untilSeen } from './helpers/federation/shared-room.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'
import { createTestServer } from './helpers/server.ts'

const creator = '@creator:remote.test' as UserId

/** The text of an event, hashed and signed over its own characters as a server does that keeps `1.0` a float. */
function writeEvent(room: BuiltRoom, { server, key }: Signer, draft: object, content: string, kept: string): string {
  const { content: _content, ...rest } = { ...draft } as { content: object }
  const text = JSON.stringify({ ...rest, content: 0 }).replace('"content":0', `"content":${content}`)
  const sha256 = encodeBase64(createHash('sha256').update(canonicalSource(text)).digest())
  const redacted = JSON.stringify({ ...rest, hashes: { sha256 }, content: 0 })
  const signature = key.sign(canonicalSource(redacted.replace('"content":0', `"content":${kept}`)))
  const proofs = { hashes: { sha256 }, signatures: { [server]: { [key.keyId]: signature } } }
  assert.ok(room.rules.eventIdFormat !== 'v1')
  return `${text.slice(0, -1)},${JSON.stringify(proofs).slice(1)}`
}

for (const engine of ['sqlite', 'postgres'] as const) {
  test(`an event keeps its numbers as they were written (${engine})`, { skip: skipEngine(engine) }, async (t) => {
    await using server = await createTestServer({ engine })
    const { db, rooms } = server.context
    const alice = await server.user('alice')
    const remote = newSigner('remote.test')
    await trust(server, remote)
    const { room } = await joinedRoom(server, remote, alice.userId, { version: '5' })
    const receive = async (text: string) => {
      const { value } = parseJsonWithFaults(text)
      const receipts = await ingestOf(server).receive(remote.server, [value])
      await ingestOf(server).drain()
      assert.deepEqual(
        receipts.map(({ error }) => error),
        [undefined],
      )
      return receipts[0]?.eventId as EventId
    }
    const stored = (eventId: EventId) => db.read((reader) => rooms.reads.eventById(reader, eventId))

    await t.test('in a message', async () => {
      const content = '{"body":"far","msgtype":"m.text","to":[1.0,2.50,{"x":1e2}],"zoom":1.0,"plain":1.5,"count":3}'
      const text = writeEvent(room, remote, room.draft(creator, 'm.room.message', {}), content, '{}')
      const eventId = await receive(text)
      const event = await stored(eventId)
      assert.deepEqual(event?.pdu.content, {
        body: 'far',
        msgtype: 'm.text',
        to: [1, 2.5, { x: 100 }],
        zoom: 1,
        plain: 1.5,
        count: 3,
      })
      // Whoever gets it from us finds its hash over what it says.
      assert.equal(canonicalSource(JSON.stringify(event.pdu)), canonicalSource(text))
    })

    await t.test('in power levels, which a redaction keeps', async () => {
      const kept = `{"ban":50.0,"events_default":0,"users":{"${creator}":100.0}}`
      const draft = room.draft(creator, 'm.room.power_levels', {}, { stateKey: '' })
      const text = writeEvent(room, remote, draft, `${kept.slice(0, -1)},"other":1.0}`, kept)
      const eventId = await receive(text)
      const event = await stored(eventId)
      assert.equal(event?.status, 0)
      assert.equal(canonicalSource(JSON.stringify(event.pdu)), canonicalSource(text))
      assert.equal(eventIdOf(event.pdu, room.rules), eventId, 'its id is that which everybody gives it')
      const levels = await alice.get(
        `/_matrix/client/v3/rooms/${encodeURIComponent(room.roomId)}/state/m.room.power_levels/`,
      )
      assert.equal(levels.ban, 50)
    })
  })
}

test('an event that came with floats goes to others as it came', { skip: withoutOpenssl }, async () => {
  await using server = await createFederatedServer()
  await using peer = await createPeer()
  const { roomId, room, bob, follower } = await shareRoom(server, peer, { room_version: '5' })
  const content = '{"body":"there","msgtype":"m.text","zoom":1.0}'
  const text = writeEvent(room, peer.signer, room.draft(bob, 'm.room.message', {}), content, '{}')
  await sendText(peer, server.serverName, `{"origin":"${peer.serverName}","origin_server_ts":1,"pdus":[${text}]}`)
  const seen = await untilSeen(follower, roomId, ({ content }) => content.body === 'there')
  assert.equal(seen.content.zoom, 1)
  const uri = `/_matrix/federation/v1/event/${encodeURIComponent(seen.event_id)}`
  const { bytes } = await peer.request(server.serverName, 'GET', uri)
  const answer = JSON.parse(canonicalSource(bytes.toString()).replaceAll('1.0', '"one point nought"'))
  const [pdu] = answer.pdus
  assert.deepEqual(pdu, JSON.parse(canonicalSource(text).replaceAll('1.0', '"one point nought"')))
})
