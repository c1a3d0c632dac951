/** What a server that is in a room may ask of its history: https://spec.matrix.org/v1.19/server-server-api/#retrieving-events */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { JsonObject, Pdu } from '../src/matrix/event.ts'
import type { RoomId } from '../src/matrix/ids.ts'
import { at } from './helpers/client.ts'
import { createPeer, type Peer } from './helpers/federation/peer.ts'
import { joinThrough } from './helpers/federation/peer-joining.ts'
import { createFederatedServer, type FederatedServer } from './helpers/federation/servers.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'
import { createRoom, setState } from './helpers/rooms.ts'
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

const ask = async (path: string, expect = 200) => (await peer.request(server.serverName, 'GET', path, { expect })).body
const send = async (roomId: string, body: string) => {
  const path = at`/_matrix/client/v3/rooms/${roomId}/send/m.room.message/${body}`
  return String((await alice.put(path, { msgtype: 'm.text', body })).event_id)
}
const bodies = (pdus: unknown) => (pdus as Pdu[]).map(({ content }) => content.body)

async function share(visibility = 'shared') {
  const initial = { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: visibility } }
  const roomId = (await createRoom(alice, { preset: 'public_chat', initial_state: [initial] })) as RoomId
  const before = await send(roomId, 'before')
  const room = await joinThrough(peer, server.serverName, roomId, peer.user('bob'))
  const after = [await send(roomId, 'one'), await send(roomId, 'two'), await send(roomId, 'three')]
  return { roomId, room, before, after }
}

test('an event, its state and what authorises it', options, async () => {
  const { roomId, after } = await share()
  const eventId = String(after[0])
  const { pdus, origin } = await ask(at`/_matrix/federation/v1/event/${eventId}`)
  assert.equal(origin, server.serverName)
  assert.deepEqual(bodies(pdus), ['one'])
  const query = `?event_id=${encodeURIComponent(eventId)}`
  const state = await ask(at`/_matrix/federation/v1/state/${roomId}` + query)
  const ids = await ask(at`/_matrix/federation/v1/state_ids/${roomId}` + query)
  const types = (state.pdus as unknown as Pdu[]).map(({ type, state_key: key }) => `${type} ${key}`)
  assert.ok(types.includes(`m.room.member ${peer.user('bob')}`))
  assert.equal(new Set(types).size, types.length)
  assert.equal((ids.pdu_ids as string[]).length, types.length)
  assert.equal((ids.auth_chain_ids as string[]).length, (state.auth_chain as JsonObject[]).length)
  const { auth_chain: chain } = await ask(at`/_matrix/federation/v1/event_auth/${roomId}/${eventId}`)
  const inChain = (chain as unknown as Pdu[]).map(({ type }) => type)
  assert.ok(inChain.includes('m.room.power_levels') && inChain.includes('m.room.member'))
  await ask(at`/_matrix/federation/v1/event/$unknown`, 404)
  await ask(at`/_matrix/federation/v1/state_ids/${roomId}?event_id=$unknown`, 404)
})

test('what came before events, and what lies between', options, async () => {
  const { roomId, before, after } = await share()
  const path = `${at`/_matrix/federation/v1/backfill/${roomId}`}?limit=3&v=${encodeURIComponent(String(after[2]))}`
  assert.deepEqual(bodies((await ask(path)).pdus), ['three', 'two', 'one'])
  const gap = { earliest_events: [before], latest_events: [String(after[2])], limit: 10 }
  const missing = await peer.request(
    server.serverName,
    'POST',
    at`/_matrix/federation/v1/get_missing_events/${roomId}`,
    {
      body: gap,
      expect: 200,
    },
  )
  const types = (missing.body.events as unknown as Pdu[]).map(({ type, content }) => content.body ?? type)
  assert.deepEqual(types, ['m.room.member', 'one', 'two'])
  const limited = await peer.request(
    server.serverName,
    'POST',
    at`/_matrix/federation/v1/get_missing_events/${roomId}`,
    {
      body: { ...gap, limit: 1 },
      expect: 200,
    },
  )
  assert.deepEqual(bodies(limited.body.events), ['two'])
})

test('the event next to a time', options, async () => {
  const { roomId, after } = await share()
  const query = (ts: number, dir: string) =>
    `${at`/_matrix/federation/v1/timestamp_to_event/${roomId}`}?ts=${ts}&dir=${dir}`
  const latest = await ask(query(Date.now() + 60_000, 'b'))
  assert.equal(latest.event_id, after[2])
  await ask(query(Date.now() + 60_000, 'f'), 404)
})

test('a server sees no more than its users might', options, async () => {
  const { roomId, before, after } = await share('joined')
  const own = await ask(at`/_matrix/federation/v1/event/${after[0] ?? ''}`)
  assert.deepEqual(bodies(own.pdus), ['one'])
  const hidden = await ask(at`/_matrix/federation/v1/event/${before}`)
  assert.deepEqual(bodies(hidden.pdus), [undefined])
  const path = `${at`/_matrix/federation/v1/backfill/${roomId}`}?limit=20&v=${encodeURIComponent(String(after[0]))}`
  const { pdus } = await ask(path)
  assert.deepEqual(
    (pdus as unknown as Pdu[]).filter(({ type }) => type === 'm.room.message').map(({ content }) => content.body),
    ['one', undefined],
  )
})

test('a server that is not in the room, or is kept out of it, gets nothing', options, async () => {
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  const eventId = await send(roomId, 'private')
  const query = `?event_id=${encodeURIComponent(eventId)}`
  const paths = (room: string, event: string) => [
    at`/_matrix/federation/v1/event/${event}`,
    at`/_matrix/federation/v1/state/${room}` + query,
    at`/_matrix/federation/v1/state_ids/${room}` + query,
    at`/_matrix/federation/v1/event_auth/${room}/${event}`,
    `${at`/_matrix/federation/v1/backfill/${room}`}?limit=5&v=${encodeURIComponent(event)}`,
    `${at`/_matrix/federation/v1/timestamp_to_event/${room}`}?ts=0&dir=f`,
  ]
  for (const path of paths(roomId, eventId)) assert.equal((await ask(path, 403)).errcode, 'M_FORBIDDEN', path)
  const shared = await share()
  await setState(alice, shared.roomId, 'm.room.server_acl', { allow: ['*'], deny: ['localhost'] })
  for (const path of paths(shared.roomId, shared.before)) await ask(path, 403)
})

test('a transaction is taken once, whatever is in it', options, async () => {
  const { room } = await share()
  const message = room.message(peer.user('bob'), 'from elsewhere')
  const strange = [message.pdu, {}, 'text', null, { room_id: '!unknown:elsewhere.test', type: 'x' }] as Pdu[]
  for (const txnId of ['a', 'a', 'b']) {
    assert.deepEqual(await peer.send(server.serverName, strange, { txnId }), { [message.eventId]: undefined })
  }
  const tooMany = { origin: peer.serverName, origin_server_ts: 0, pdus: Array.from({ length: 51 }, () => ({})) }
  await peer.request(server.serverName, 'PUT', '/_matrix/federation/v1/send/c', {
    body: tooMany,
    expect: 400,
    unchecked: true,
  })
})
