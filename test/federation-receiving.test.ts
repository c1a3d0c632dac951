/** What becomes of events that another server sends: https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Pdu } from '../src/matrix/event.ts'
import { referenceIds } from '../src/matrix/event-references.ts'
import type { UserId } from '../src/matrix/ids.ts'
import { roomVersions } from '../src/matrix/room-versions.ts'
import { createPeer, type Peer } from './helpers/federation/peer.ts'
import { createFederatedServer, type FederatedServer } from './helpers/federation/servers.ts'
import { isVisible, settle, shareRoom, untilEvent } from './helpers/federation/shared-room.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'
import { act, allState, getEvent, getState, setState, timeline } from './helpers/rooms.ts'

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

for (const version of roomVersions) {
  test(`messages and state of room version ${version} come in, and are shown`, options, async () => {
    const shared = await shareRoom(server, peer, {
      room_version: version,
      power_level_content_override: { state_default: 0 },
    })
    const { room, bob, follower, roomId, alice } = shared
    const message = room.message(bob, 'hello')
    const topic = room.append(bob, 'm.room.topic', { topic: 'from afar' }, { stateKey: '' })
    const answer = await peer.send(server.serverName, [message.pdu, topic.pdu])
    assert.deepEqual(answer, { [message.eventId]: undefined, [topic.eventId]: undefined })
    assert.equal((await untilEvent(follower, roomId, message.eventId)).content.body, 'hello')
    await untilEvent(follower, roomId, topic.eventId)
    assert.equal((await getState(alice, roomId, 'm.room.topic')).topic, 'from afar')
  })

  test(
    `an event of version ${version} whose hash is wrong is taken without what the hash covers`,
    options,
    async () => {
      const shared = await shareRoom(server, peer, { room_version: version })
      const { room, bob, follower, roomId } = shared
      const tamper = (pdu: Pdu) => ({ ...pdu, content: { ...pdu.content, body: 'changed on the way' } })
      const bad = room.build(bob, 'm.room.message', { msgtype: 'm.text', body: 'as written' }, { tamper })
      await peer.send(server.serverName, [bad.pdu])
      const seen = await untilEvent(follower, roomId, bad.eventId)
      assert.deepEqual(seen.content, {})
    },
  )
}

test('an event that its server has not signed, or signed wrongly, is not taken', options, async () => {
  const shared = await shareRoom(server, peer)
  const { room, bob } = shared
  const unsigned = room.build(bob, 'm.room.message', { body: '1' }, { tamper: (pdu) => ({ ...pdu, signatures: {} }) })
  const forged = room.build(
    bob,
    'm.room.message',
    { body: '2' },
    // The signature covers the redacted event, and so the time.
    { tamper: (pdu) => ({ ...pdu, origin_server_ts: pdu.origin_server_ts + 1 }) },
  )
  const answer = await peer.send(server.serverName, [unsigned.pdu, forged.pdu])
  for (const { eventId } of [unsigned, forged]) {
    assert.equal(typeof answer[eventId], 'string', 'the sender is told')
    assert.equal(await isVisible(shared, eventId), false)
  }
  await settle(peer, server, shared)
})

test('an event in the name of a user of another server is not taken', options, async () => {
  const shared = await shareRoom(server, peer)
  const forged = shared.room.build(shared.alice.userId, 'm.room.message', { msgtype: 'm.text', body: 'I am alice' })
  const elsewhere = shared.room.build('@somebody:nowhere.invalid' as UserId, 'm.room.message', { body: 'boo' })
  await peer.send(server.serverName, [forged.pdu, elsewhere.pdu])
  await settle(peer, server, shared)
  assert.equal(await isVisible(shared, forged.eventId), false)
  assert.equal(await isVisible(shared, elsewhere.eventId), false)
})

test('an event that its auth events do not allow is rejected', options, async () => {
  const shared = await shareRoom(server, peer)
  const { room, bob, alice, roomId } = shared
  const topic = room.build(bob, 'm.room.topic', { topic: 'mine' }, { stateKey: '' })
  const kick = room.build(bob, 'm.room.member', { membership: 'leave' }, { stateKey: alice.userId })
  const stranger = room.build(peer.user('stranger'), 'm.room.message', { msgtype: 'm.text', body: 'not in the room' })
  await peer.send(server.serverName, [topic.pdu, kick.pdu, stranger.pdu])
  await settle(peer, server, shared)
  for (const { eventId } of [topic, kick, stranger]) assert.equal(await isVisible(shared, eventId), false)
  const state = await allState(alice, roomId)
  assert.equal(
    state.some(({ type }) => type === 'm.room.topic'),
    false,
  )
})

test('an event that cites other auth events than it should is rejected', options, async () => {
  const shared = await shareRoom(server, peer, { room_version: '11' })
  const { room, bob, roomId } = shared
  const honest = room.draft(bob, 'm.room.message', {})
  const auth = honest.auth_events as never[]
  const name = room.state('m.room.history_visibility')
  assert.ok(name)
  const more = room.build(bob, 'm.room.message', { body: 'one too many' }, { auth: [...auth, name.eventId] })
  const twice = room.build(bob, 'm.room.message', { body: 'one twice' }, { auth: [...auth, auth[0] as never] })
  const createId = room.state('m.room.create')?.eventId
  const less = room.build(bob, 'm.room.message', { body: 'no create' }, { auth: auth.filter((id) => id !== createId) })
  const other = await shareRoom(server, peer, { room_version: '11' })
  const foreign = other.room.state('m.room.power_levels')
  assert.ok(foreign)
  const mixed = room.build(
    bob,
    'm.room.message',
    { body: 'another room' },
    { auth: [...auth.slice(1), foreign.eventId] },
  )
  const bad = [more, twice, less, mixed]
  await peer.send(
    server.serverName,
    bad.map(({ pdu }) => pdu),
  )
  await settle(peer, server, shared)
  for (const event of bad) assert.equal(await isVisible(shared, event.eventId), false, String(event.pdu.content.body))
  const seen = (await timeline(shared.alice, roomId)).map(({ content }) => content.body)
  assert.ok(seen.includes('the end'))
})

test('an event that cites a rejected one as its authority is rejected, too', options, async () => {
  const shared = await shareRoom(server, peer)
  const { room, bob } = shared
  const levels = room.state('m.room.power_levels')?.pdu.content
  const coup = room.build(bob, 'm.room.power_levels', { ...levels, users: { [bob]: 100 } }, { stateKey: '' })
  await peer.send(server.serverName, [coup.pdu])
  await settle(peer, server, shared)
  const member = room.state('m.room.member', bob)
  assert.ok(member)
  const order = room.build(bob, 'm.room.name', { name: 'mine' }, { stateKey: '', auth: [coup.eventId, member.eventId] })
  await peer.send(server.serverName, [order.pdu])
  await settle(peer, server, shared)
  assert.equal(await isVisible(shared, coup.eventId), false)
  assert.equal(await isVisible(shared, order.eventId), false)
})

test('what follows a rejected event is taken, with the state as if that had not been', options, async () => {
  const shared = await shareRoom(server, peer)
  const { room, bob, follower, roomId, alice } = shared
  const topic = room.build(bob, 'm.room.topic', { topic: 'mine' }, { stateKey: '' })
  const { auth_events: auth } = room.build(bob, 'm.room.message', {}).pdu
  const after = { prev: [topic.eventId], auth: referenceIds(auth) }
  const reply = room.build(bob, 'm.room.message', { msgtype: 'm.text', body: 'after it' }, after)
  await peer.send(server.serverName, [topic.pdu, reply.pdu])
  await untilEvent(follower, roomId, reply.eventId)
  assert.equal(await isVisible(shared, topic.eventId), false)
  assert.equal(
    (await alice.request('GET', `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/state/m.room.topic/`)).status,
    404,
  )
})

test('an event of somebody who was banned meanwhile is kept from clients: it does not count', options, async () => {
  const shared = await shareRoom(server, peer)
  const { room, bob, alice, roomId } = shared
  const mallory = peer.user('mallory')
  const joined = room.member(mallory, 'join')
  await peer.send(server.serverName, [joined.pdu])
  await untilEvent(shared.follower, roomId, joined.eventId)
  await act(alice, roomId, 'ban', { user_id: mallory })
  // Mallory's server lets them go on as if they had not heard of the ban.
  const late = room.build(mallory, 'm.room.message', { msgtype: 'm.text', body: 'late' }, { prev: [joined.eventId] })
  const early = room.append(bob, 'm.room.message', { msgtype: 'm.text', body: 'early' }, { prev: [joined.eventId] })
  const answer = await peer.send(server.serverName, [late.pdu, early.pdu])
  assert.equal(answer[late.eventId], undefined, 'it is a valid event')
  await untilEvent(shared.follower, roomId, early.eventId)
  await settle(peer, server, shared)
  assert.equal(await isVisible(shared, late.eventId), false)
  const next = await setState(alice, roomId, 'm.room.name', { name: 'without mallory' })
  const { pdu } = await peer.waitFor('the name', () => room.graph.events.get(next as never))
  assert.ok(!JSON.stringify(pdu.prev_events).includes(late.eventId), 'nothing of ours follows it')
})

test('the same event twice is one', options, async () => {
  const shared = await shareRoom(server, peer)
  const { room, bob, alice, roomId } = shared
  const message = room.message(bob, 'once')
  for (const pdus of [[message.pdu, message.pdu], [message.pdu]]) await peer.send(server.serverName, pdus)
  await settle(peer, server, shared)
  const seen = (await timeline(alice, roomId)).filter(({ content }) => content.body === 'once')
  assert.equal(seen.length, 1)
})

test('a transaction that is repeated is answered as before', options, async () => {
  const shared = await shareRoom(server, peer)
  const { room, bob } = shared
  const message = room.message(bob, 'hello')
  const first = await peer.send(server.serverName, [message.pdu], { txnId: 'again' })
  const second = await peer.send(server.serverName, [message.pdu], { txnId: 'again' })
  assert.deepEqual(second, first)
})

test('an event of a room in which nobody of this server is is not taken', options, async () => {
  const room = peer.createRoom(peer.user('bob'))
  const message = room.message(peer.user('bob'), 'nobody hears me')
  const answer = await peer.send(server.serverName, [message.pdu])
  assert.ok(message.eventId in answer || Object.keys(answer).length === 0)
  const { context } = server
  const rows = await context.db.read((reader) =>
    reader.qb.selectFrom('events').select('event_id').where('event_id', '=', message.eventId).execute(),
  )
  assert.deepEqual(rows, [])
})

test('what a redaction takes away depends on who sends it', options, async () => {
  const shared = await shareRoom(server, peer)
  const { room, bob, alice, roomId, follower } = shared
  const own = room.message(bob, 'my words')
  await peer.send(server.serverName, [own.pdu])
  await untilEvent(follower, roomId, own.eventId)
  const { event_id: hers } = await alice.put<{ event_id: string }>(
    `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/1`,
    { msgtype: 'm.text', body: 'her words' },
  )
  await peer.waitFor('her words', () => room.graph.events.has(hers as never))
  const allowed = room.append(bob, 'm.room.redaction', { reason: 'typo' }, { redacts: own.eventId })
  const overreach = room.append(bob, 'm.room.redaction', {}, { redacts: hers as never })
  await peer.send(server.serverName, [allowed.pdu, overreach.pdu])
  await settle(peer, server, shared)
  assert.deepEqual((await getEvent(alice, roomId, own.eventId)).content, {})
  assert.equal((await getEvent(alice, roomId, hers)).content.body, 'her words')
})
