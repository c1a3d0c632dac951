/** How holes in what another server sent are closed. */
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import type { JsonObject, Pdu } from '../src/matrix/event.ts'
import { referenceIds } from '../src/matrix/event-references.ts'
import type { EventId } from '../src/matrix/ids.ts'
import { createPeer, type Peer } from './helpers/federation/peer.ts'
import type { PeerRequest } from './helpers/federation/peer-http.ts'
import { refusal } from './helpers/federation/peer-router.ts'
import { createFederatedServer, type FederatedServer } from './helpers/federation/servers.ts'
import {
  catchUpPeer,
  isVisible,
  type SharedRoom,
  settle,
  shareRoom,
  untilEvent,
} from './helpers/federation/shared-room.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'
import { pageBack } from './helpers/follower.ts'
import { act, getState, timeline } from './helpers/rooms.ts'
import { sync } from './helpers/sync.ts'

const options = { skip: withoutOpenssl }
let server: FederatedServer
let peer: Peer

before(async () => {
  if (withoutOpenssl) return
  server = await createFederatedServer()
  peer = await createPeer()
})
after(async () => {
  await server?.stop()
  await peer?.stop()
})

/** Handlers of one test; the next finds an honest server, however this one ends. */
const bent: (() => void)[] = []
function bend(...args: Parameters<Peer['on']>): () => void {
  const off = peer.on(...args)
  bent.push(off)
  return off
}
afterEach(() => {
  for (const off of bent.splice(0)) off()
})

const federation = '/_matrix/federation/v1'
const since = (count: number) => peer.requests.slice(count)
const pathsOf = (requests: readonly PeerRequest[]) => requests.map(({ path }) => path.split('/')[4])

/** Messages of bob that stay with the test server until they are asked for. */
function sayUnheard({ room, bob }: SharedRoom, count: number) {
  return Array.from({ length: count }, (_, i) => room.message(bob, `unheard ${i}`))
}

test('missing events are fetched from the sender, and no state with them', options, async () => {
  const shared = await shareRoom(server, peer)
  await catchUpPeer(peer, shared)
  const { room, bob, follower, roomId, alice } = shared
  const heads = [...room.graph.heads]
  const unheard = sayUnheard(shared, 5)
  const last = room.message(bob, 'heard')
  const asked = peer.requests.length
  await peer.send(server.serverName, [last.pdu])
  await untilEvent(follower, roomId, last.eventId)
  const requests = since(asked).filter(({ origin }) => origin === server.serverName)
  const [request] = requests.filter(({ path }) => path.includes('get_missing_events'))
  assert.ok(request)
  const { earliest_events: earliest, latest_events: latest } = Object(request.body)
  assert.deepEqual(new Set(earliest), new Set(heads), 'from where we are')
  assert.deepEqual(latest, [last.eventId], 'to what came')
  assert.deepEqual(
    pathsOf(requests).filter((name) => name === 'state' || name === 'state_ids'),
    [],
  )
  const bodies = (await timeline(alice, roomId)).map(({ content }) => content.body)
  for (const { pdu } of unheard) assert.ok(bodies.includes(pdu.content.body))
  assert.ok(bodies.indexOf('unheard 4') < bodies.indexOf('heard'), 'in their order')
})

test('where a gap is too wide the state at its end is fetched, and the room goes on', options, async () => {
  const shared = await shareRoom(server, peer, { power_level_content_override: { state_default: 0, events: {} } })
  const { room, bob, follower, roomId, alice } = shared
  room.append(bob, 'm.room.topic', { topic: 'in the gap' }, { stateKey: '' })
  sayUnheard(shared, 150)
  const last = room.message(bob, 'at the end')
  await peer.send(server.serverName, [last.pdu])
  await untilEvent(follower, roomId, last.eventId)
  assert.equal((await getState(alice, roomId, 'm.room.topic')).topic, 'in the gap')
})

test('a state beyond a gap is taken as a whole where its events cannot be had one by one', options, async () => {
  const shared = await shareRoom(server, peer, { power_level_content_override: { state_default: 0, events: {} } })
  const { room, bob, follower, roomId, alice } = shared
  await catchUpPeer(peer, shared)
  room.append(bob, 'm.room.topic', { topic: 'in the gap' }, { stateKey: '' })
  sayUnheard(shared, 2)
  const last = room.message(bob, 'at the end')
  bend('POST', `${federation}/get_missing_events/:roomId`, () => refusal(404, 'M_NOT_FOUND'))
  bend('GET', `${federation}/event/:eventId`, () => refusal(404, 'M_NOT_FOUND'))
  await peer.send(server.serverName, [last.pdu])
  await untilEvent(follower, roomId, last.eventId)
  assert.equal((await getState(alice, roomId, 'm.room.topic')).topic, 'in the gap')
})

test('paging back ends where what is missing cannot be had', { ...options, timeout: 30_000 }, async () => {
  const shared = await shareRoom(server, peer)
  sayUnheard(shared, 150)
  const { eventId, pdu } = shared.room.message(shared.bob, 'after the gap')
  const off = bend('GET', `${federation}/backfill/:roomId`, () => refusal(404, 'M_NOT_FOUND'))
  const since = (await sync(shared.alice)).next_batch
  await peer.send(server.serverName, [pdu])
  await untilEvent(shared.follower, shared.roomId, eventId)
  const { rooms } = await sync(shared.alice, { since })
  const { limited, prev_batch: edge } = rooms?.join?.[shared.roomId]?.timeline ?? {}
  assert.equal(limited, true)
  await pageBack(shared.alice, shared.roomId, edge, since)
  off()
})

test('an event whose parents nobody has waits, and is taken when they are there', options, async () => {
  const shared = await shareRoom(server, peer)
  const { room, bob, follower, roomId } = shared
  const [missing] = sayUnheard(shared, 1)
  const child = room.message(bob, 'the child')
  const undo = [
    bend('POST', `${federation}/get_missing_events/:roomId`, () => ({ body: { events: [] } })),
    bend('GET', `${federation}/event/:eventId`, () => refusal(404, 'M_NOT_FOUND')),
    bend('GET', `${federation}/state_ids/:roomId`, () => refusal(404, 'M_NOT_FOUND')),
    bend('GET', `${federation}/state/:roomId`, () => refusal(404, 'M_NOT_FOUND')),
    bend('GET', `${federation}/backfill/:roomId`, () => refusal(404, 'M_NOT_FOUND')),
  ]
  const asked = peer.requests.length
  await peer.send(server.serverName, [child.pdu])
  await peer.waitFor('a question', () => since(asked).some(({ path }) => path.includes('get_missing_events')))
  assert.equal(await isVisible(shared, child.eventId), false)
  for (const off of undo) off()
  assert.ok(missing)
  await peer.send(server.serverName, [missing.pdu, child.pdu])
  await untilEvent(follower, roomId, child.eventId)
  assert.equal(await isVisible(shared, missing.eventId), true)
})

test('a missing event that is not valid keeps what follows it out, and may be asked for again', options, async () => {
  const shared = await shareRoom(server, peer, { room_version: '10' })
  const { room, bob } = shared
  const bad = room.build(bob, 'm.room.message', { body: 'bad' })
  const broken: Pdu = { ...bad.pdu, content: { body: 'bad', float: 1.5 } }
  const auth = referenceIds(bad.pdu.auth_events)
  const child = room.build(bob, 'm.room.message', { body: 'child' }, { prev: [bad.eventId], auth })
  const off = [
    bend('POST', `${federation}/get_missing_events/:roomId`, () => ({
      body: { events: [broken as unknown as JsonObject] },
    })),
    bend('GET', `${federation}/event/:eventId`, () => ({ body: { pdus: [broken as unknown as JsonObject] } })),
    bend('GET', `${federation}/state_ids/:roomId`, () => refusal(404, 'M_NOT_FOUND')),
    bend('GET', `${federation}/state/:roomId`, () => refusal(404, 'M_NOT_FOUND')),
  ]
  for (let i = 0; i < 2; i++) {
    const asked = peer.requests.length
    await peer.send(server.serverName, [child.pdu])
    await peer.waitFor('a question', () => since(asked).some(({ path }) => path.includes('get_missing_events')))
  }
  for (const undo of off) undo()
  await settle(peer, server, shared)
  assert.equal(await isVisible(shared, child.eventId), false)
})

test('answers with other events than were asked for do no harm', options, async () => {
  const shared = await shareRoom(server, peer)
  const { room, bob, follower, roomId } = shared
  const stranger = peer.createRoom(peer.user('x')).message(peer.user('x'), 'of another room')
  const [unheard] = sayUnheard(shared, 1)
  const last = room.message(bob, 'last')
  assert.ok(unheard)
  const off = bend('POST', `${federation}/get_missing_events/:roomId`, () => ({
    body: { events: [stranger.pdu, { nonsense: true }, 7, unheard.pdu] as never },
  }))
  await peer.send(server.serverName, [last.pdu])
  await untilEvent(follower, roomId, last.eventId)
  off()
  assert.equal(await isVisible(shared, unheard.eventId), true)
  assert.equal(await isVisible(shared, stranger.eventId), false)
})

test('auth events that are missing are fetched', options, async () => {
  const shared = await shareRoom(server, peer)
  await catchUpPeer(peer, shared)
  const { room, bob, follower, roomId } = shared
  const carol = peer.user('carol')
  const joined = room.member(carol, 'join')
  // Carol speaks on a branch that has her join in its past only as an auth event of a state we are not told.
  const hello = room.message(carol, 'hello')
  const off = bend('POST', `${federation}/get_missing_events/:roomId`, () => ({ body: { events: [] } }))
  await peer.send(server.serverName, [hello.pdu])
  await untilEvent(follower, roomId, hello.eventId)
  off()
  assert.equal(await isVisible(shared, hello.eventId), true)
  assert.ok(room.graph.events.has(joined.eventId))
  void bob
})

test('forks that are merged elsewhere end in the same state here', options, async () => {
  const shared = await shareRoom(server, peer, { power_level_content_override: { state_default: 0, events: {} } })
  await catchUpPeer(peer, shared)
  const { room, bob, follower, roomId, alice } = shared
  const fork = [...room.graph.heads]
  const one = room.append(bob, 'm.room.topic', { topic: 'one' }, { stateKey: '', prev: fork })
  const two = room.append(bob, 'm.room.topic', { topic: 'two' }, { stateKey: '', prev: fork })
  const name = room.append(bob, 'm.room.name', { name: 'forked' }, { stateKey: '', prev: [two.eventId] })
  const merge = room.message(bob, 'merged')
  for (const event of [name, two, one, merge]) await peer.send(server.serverName, [event.pdu])
  await untilEvent(follower, roomId, merge.eventId)
  const expected = Object(room.state('m.room.topic')?.pdu.content).topic
  assert.equal((await getState(alice, roomId, 'm.room.topic')).topic, expected)
  assert.equal((await getState(alice, roomId, 'm.room.name')).name, 'forked')
})

test('our events go on from all branches', options, async () => {
  const shared = await shareRoom(server, peer)
  await catchUpPeer(peer, shared)
  const { room, bob, follower, roomId } = shared
  const fork = [...room.graph.heads]
  const branches: EventId[] = []
  for (const text of ['left', 'right', 'middle']) {
    const { eventId, pdu } = room.message(bob, text, { prev: fork })
    branches.push(eventId)
    await peer.send(server.serverName, [pdu])
    await untilEvent(follower, roomId, eventId)
  }
  await catchUpPeer(peer, shared)
  assert.equal(room.graph.heads.size, 1)
  const [head] = room.graph.heads
  assert.ok(head)
  assert.deepEqual(new Set(room.graph.require(head).pdu.prev_events as EventId[]), new Set(branches))
})

test('a chain of events with one that cannot be had stays out as a whole', options, async () => {
  const shared = await shareRoom(server, peer)
  await catchUpPeer(peer, shared)
  const { room } = shared
  const carol = peer.user('carol')
  const joined = room.build(carol, 'm.room.member', { membership: 'join' }, { stateKey: carol })
  const levels = room.state('m.room.power_levels')?.eventId
  const create = room.state('m.room.create')?.eventId
  assert.ok(levels && create)
  const auth = [levels, joined.eventId]
  const said = room.build(carol, 'm.room.message', { body: '1' }, { prev: [...room.graph.heads], auth })
  const more = room.build(carol, 'm.room.message', { body: '2' }, { prev: [said.eventId], auth })
  await peer.send(server.serverName, [said.pdu, more.pdu])
  await settle(peer, server, shared)
  assert.equal(await isVisible(shared, said.eventId), false)
  assert.equal(await isVisible(shared, more.eventId), false)
})

test('after our users have left, the room’s events are not taken any more', options, async () => {
  const shared = await shareRoom(server, peer)
  const { room, bob, alice, roomId } = shared
  await act(alice, roomId, 'leave')
  await peer.waitFor('the leave', () => room.membership(alice.userId) === 'leave')
  const late = room.message(bob, 'are you gone?')
  await peer.send(server.serverName, [late.pdu])
  assert.equal(await isVisible(shared, late.eventId), false)
})
