import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { JsonObject, Pdu } from '../src/matrix/event.ts'
import { verifyEvent } from '../src/matrix/event-signing.ts'
import type { UserId } from '../src/matrix/ids.ts'
import { at } from './helpers/client.ts'
import { createEncounter } from './helpers/federation/encounter.ts'
import { createPeer } from './helpers/federation/peer.ts'
import { asJson, inviteTo } from './helpers/federation/peer-joining.ts'
import { strippedState } from './helpers/federation/peer-membership.ts'
import { asSeenBy, newSigner } from './helpers/federation/remote-room.ts'
import { type BuiltRoom, buildRoom } from './helpers/federation/room-builder.ts'
import { startPushGateway } from './helpers/push-gateway.ts'
import { act, v3 } from './helpers/rooms.ts'
import { password, type TestUser } from './helpers/server.ts'
import { elementList, sliding } from './helpers/sliding.ts'
import { sync } from './helpers/sync.ts'

const encounter = await createEncounter()
const { server, peer, alice, carol } = encounter
after(() => encounter.end())

const asUser = (user: TestUser) => user.userId as UserId

/** An invitation, perhaps a bent one, as it goes over the wire. */
function invite(
  room: BuiltRoom,
  target: UserId,
  options: { change?: (pdu: Pdu) => Pdu; tamper?: (pdu: Pdu) => Pdu; body?: JsonObject; eventId?: string } = {},
) {
  const { change, tamper } = options
  const built = room.build(
    carol,
    'm.room.member',
    { membership: 'invite' },
    { stateKey: target, ...(change && { change }), ...(tamper && { tamper }) },
  )
  const path = at`/_matrix/federation/v2/invite/${room.roomId}/${options.eventId ?? built.eventId}`
  const body = {
    room_version: room.rules.version,
    event: asJson(built.pdu),
    invite_room_state: strippedState(room),
    ...options.body,
  }
  return peer.request(server.serverName, 'PUT', path, { body })
}

for (const version of ['1', '6', '10', '11', '12']) {
  test(`an invitation to a room of version ${version} is signed, shown and turned down`, async () => {
    const room = peer.createRoom(carol, { version, joinRule: 'invite' })
    room.append(carol, 'm.room.name', { name: 'Far away' }, { stateKey: '' })
    const { next_batch: since } = await sync(alice)
    const { event } = { event: await inviteTo(peer, room, carol, asUser(alice)) }
    const keyId = Object.keys(event.pdu.signatures?.[server.serverName] ?? {})[0] ?? ''
    const keys = await peer.request(server.serverName, 'GET', '/_matrix/key/v2/server')
    const { key } = Object(keys.body.verify_keys)[keyId]
    assert.ok(verifyEvent(event.pdu, room.rules, server.serverName, keyId, key))

    const shown = await sync(alice, { since, timeout: 5000 })
    const told = shown.rooms?.invite?.[room.roomId]?.invite_state.events ?? []
    assert.deepEqual(
      told.map(({ type, state_key: key }) => `${type} ${key}`).sort(),
      ['m.room.create ', 'm.room.join_rules ', `m.room.member ${alice.userId}`, 'm.room.name '].sort(),
    )
    assert.deepEqual(told.find(({ type }) => type === 'm.room.name')?.content, { name: 'Far away' })
    for (const entry of told) assert.ok(!('signatures' in entry) && !('auth_events' in entry))
    const initial = await sync(alice)
    assert.ok(initial.rooms?.invite?.[room.roomId])
    const { joined_rooms: joined } = await alice.get<{ joined_rooms: string[] }>(`${v3}/joined_rooms`)
    assert.ok(!joined.includes(room.roomId))

    await act(alice, room.roomId, 'leave', { reason: 'no' })
    const left = await peer.waitFor('the refusal', () => {
      const member = room.state('m.room.member', alice.userId)
      return member?.pdu.content.membership === 'leave' && member
    })
    assert.equal(left.pdu.content.reason, 'no')
    const gone = await sync(alice, { since: shown.next_batch, timeout: 5000 })
    const section = gone.rooms?.leave?.[room.roomId]
    assert.deepEqual(
      section?.timeline.events.map(({ content }) => content.membership),
      ['leave'],
    )
    assert.deepEqual(section?.timeline.events[0]?.unsigned.prev_content, { membership: 'invite' })
    assert.equal((await sync(alice)).rooms?.invite?.[room.roomId], undefined)
    await act(alice, room.roomId, 'forget')
    assert.deepEqual(peer.faults, [])
  })
}

test('an invitation can be turned down though its server is gone', async () => {
  await using other = await createPeer()
  const room = other.createRoom(other.user('dave'), { joinRule: 'invite' })
  await inviteTo(other, room, other.user('dave'), asUser(alice))
  await other.stop()
  const { next_batch: since, rooms } = await sync(alice)
  assert.ok(rooms?.invite?.[room.roomId])
  await act(alice, room.roomId, 'leave')
  const after = await sync(alice, { since })
  assert.equal(after.rooms?.leave?.[room.roomId]?.timeline.events.length, 1)
  assert.equal((await sync(alice)).rooms?.invite?.[room.roomId], undefined)
})

test('whoever invited takes the invitation back, and nobody else', async () => {
  const room = peer.createRoom(carol, { joinRule: 'invite' })
  const mallory = peer.user('mallory')
  room.member(carol, 'invite', mallory)
  room.member(mallory, 'join')
  await inviteTo(peer, room, carol, asUser(alice))
  const kick = (sender: UserId) =>
    room.build(sender, 'm.room.member', { membership: 'leave' }, { stateKey: alice.userId }).pdu
  await peer.send(server.serverName, [kick(mallory)])
  assert.ok((await sync(alice)).rooms?.invite?.[room.roomId])
  const { next_batch: since } = await sync(alice)
  await peer.send(server.serverName, [kick(carol)])
  const after = await sync(alice, { since, timeout: 5000 })
  assert.equal(after.rooms?.leave?.[room.roomId]?.timeline.events[0]?.sender, carol)
})

describe('what is no invitation of ours', () => {
  let room: BuiltRoom
  before(() => {
    room = peer.createRoom(carol, { joinRule: 'invite' })
  })
  const target = () => asUser(alice)

  const cases: [string, number, string, () => ReturnType<typeof invite>][] = [
    [
      'another membership',
      400,
      'M_INVALID_PARAM',
      () => invite(room, target(), { change: (pdu) => ({ ...pdu, content: { membership: 'join' } }) }),
    ],
    [
      'another type',
      400,
      'M_INVALID_PARAM',
      () => invite(room, target(), { change: (pdu) => ({ ...pdu, type: 'm.room.topic' }) }),
    ],
    [
      'a sender of a third server',
      400,
      'M_INVALID_PARAM',
      () => invite(room, target(), { change: (pdu) => ({ ...pdu, sender: '@x:elsewhere.example' as UserId }) }),
    ],
    ['a target of a third server', 400, 'M_INVALID_PARAM', () => invite(room, '@x:elsewhere.example' as UserId)],
    ['another event id', 400, 'M_INVALID_PARAM', () => invite(room, target(), { eventId: '$other' })],
    [
      'a forged signature',
      400,
      'M_INVALID_PARAM',
      () =>
        invite(room, target(), {
          tamper: (pdu) => ({ ...pdu, signatures: { [peer.serverName]: { [peer.signer.key.keyId]: 'AAAA' } } }),
        }),
    ],
    [
      'a wrong hash',
      400,
      'M_INVALID_PARAM',
      () => invite(room, target(), { tamper: (pdu) => ({ ...pdu, hashes: { sha256: 'AAAA' } }) }),
    ],
    [
      'an unknown room version',
      400,
      'M_INCOMPATIBLE_ROOM_VERSION',
      () => invite(room, target(), { body: { room_version: 'org.example.99' } }),
    ],
    [
      'no create event',
      400,
      'M_INVALID_PARAM',
      () => invite(room, target(), { body: { invite_room_state: strippedState(room).slice(1) } }),
    ],
    [
      'state of another room',
      400,
      'M_INVALID_PARAM',
      () => invite(room, target(), { body: { invite_room_state: strippedState(peer.createRoom(carol)) } }),
    ],
    [
      'state that is not signed',
      400,
      'M_INVALID_PARAM',
      () =>
        invite(room, target(), {
          body: { invite_room_state: strippedState(room).map((event) => ({ ...event, signatures: {} })) },
        }),
    ],
    ['a user who does not exist', 403, 'M_FORBIDDEN', () => invite(room, `@nobody:${server.serverName}` as UserId)],
  ]
  for (const [name, status, errcode, send] of cases) {
    test(`${name} is refused`, async () => {
      const answer = await send()
      assert.deepEqual([answer.status, answer.body.errcode], [status, errcode])
      assert.equal((await sync(alice)).rooms?.invite?.[room.roomId], undefined)
    })
  }
})

test('an invitation to a room that was made by a server which is gone shows what can be checked', async () => {
  const room = asSeenBy(
    buildRoom(newSigner('localhost:1'), '@host:localhost:1' as UserId, { powerLevels: { state_default: 0 } }),
    peer.signer,
  )
  room.member(carol, 'join')
  room.append(carol, 'm.room.name', { name: 'Still here' }, { stateKey: '' })
  assert.equal((await invite(room, asUser(alice))).status, 200)
  const told = (await sync(alice)).rooms?.invite?.[room.roomId]?.invite_state.events ?? []
  const ofRoom = told.filter(({ type }) => type !== 'm.room.member')
  assert.deepEqual(ofRoom.map(({ type }) => type).sort(), ['m.room.create', 'm.room.name'])
})

test('who takes no invitations gets none', async () => {
  const bob = await server.user('bob')
  await bob.put(at`/_matrix/client/v3/user/${bob.userId}/account_data/m.invite_permission_config`, {
    default_action: 'block',
  })
  const answer = await invite(peer.createRoom(carol), asUser(bob))
  assert.deepEqual([answer.status, answer.body.errcode], [403, 'M_INVITE_BLOCKED'])
})

test('old servers invite by the old way', async () => {
  const room = peer.createRoom(carol, { version: '2', joinRule: 'invite' })
  const { eventId, pdu } = room.build(carol, 'm.room.member', { membership: 'invite' }, { stateKey: alice.userId })
  const body = { ...asJson(pdu), unsigned: { invite_room_state: strippedState(room) } }
  const path = at`/_matrix/federation/v1/invite/${room.roomId}/${eventId}`
  const answer = await peer.request(server.serverName, 'PUT', path, { body, expect: 200 })
  const [status, { event }] = answer.body as unknown as [number, { event: Pdu }]
  assert.equal(status, 200)
  assert.ok(event.signatures?.[server.serverName])
  assert.deepEqual({ ...event, signatures: pdu.signatures }, body, 'all but the signature is as it was')
  assert.ok((await sync(alice)).rooms?.invite?.[room.roomId])
})

test('sliding sync shows an invitation from elsewhere, and that it is gone', async () => {
  const dora = await server.user('dora')
  const room = peer.createRoom(carol, { joinRule: 'invite' })
  room.append(carol, 'm.room.name', { name: 'Far away' }, { stateKey: '' })
  const first = await sliding(dora, { lists: { all: elementList(19) } })
  await inviteTo(peer, room, carol, asUser(dora))
  const second = await sliding(dora, { lists: { all: elementList(19) } }, first.pos)
  const shown = second.rooms[room.roomId]
  assert.ok(shown?.initial)
  assert.deepEqual(shown.invite_state?.find(({ type }) => type === 'm.room.name')?.content, { name: 'Far away' })
  await act(dora, room.roomId, 'leave')
  const third = await sliding(dora, { lists: { all: elementList(19) } }, second.pos)
  assert.deepEqual(
    third.rooms[room.roomId]?.timeline.map(({ content }) => content.membership),
    ['leave'],
  )
  const fresh = await sliding(dora, { lists: { all: elementList(19) } })
  assert.deepEqual(fresh.rooms, {})
})

test('an account that ends turns its invitations down', async () => {
  const erin = await server.user('erin')
  const room = peer.createRoom(carol, { joinRule: 'invite' })
  await inviteTo(peer, room, carol, asUser(erin))
  await erin.post('/_matrix/client/v3/account/deactivate', {
    auth: { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'erin' }, password },
  })
  await peer.waitFor('the refusal', () => room.state('m.room.member', erin.userId)?.pdu.content.membership === 'leave')
})

test('an invitation of which the room knows nothing is turned down, too', async () => {
  const [fay, gus] = [await server.user('fay'), await server.user('gus')]
  const room = peer.createRoom(carol, { joinRule: 'public' })
  const built = room.build(carol, 'm.room.member', { membership: 'invite' }, { stateKey: fay.userId })
  const path = at`/_matrix/federation/v2/invite/${room.roomId}/${built.eventId}`
  const body = { room_version: '12', event: asJson(built.pdu), invite_room_state: strippedState(room) }
  await peer.request(server.serverName, 'PUT', path, { body, expect: 200 })
  const query = { via: peer.serverName }
  await gus.request('POST', at`/_matrix/client/v3/join/${room.roomId}`, { query, body: {}, expect: 200 })
  assert.ok((await sync(fay)).rooms?.invite?.[room.roomId])
  await act(fay, room.roomId, 'leave')
  assert.equal((await sync(fay)).rooms?.invite?.[room.roomId], undefined)
  assert.equal((await sync(gus)).rooms?.join?.[room.roomId]?.state?.events.length, room.graph.current().size - 1)
})

test('an invitation from elsewhere is pushed with the name of the room', async () => {
  await using gateway = await startPushGateway()
  const hal = await server.user('hal')
  await hal.post(`${v3}/pushers/set`, {
    pushkey: 'key of hal',
    kind: 'http',
    app_id: 'org.example.app',
    app_display_name: 'App',
    device_display_name: 'Phone',
    lang: 'en',
    data: { url: gateway.url },
  })
  const room = peer.createRoom(carol, { joinRule: 'invite' })
  room.append(carol, 'm.room.name', { name: 'Far away' }, { stateKey: '' })
  const { eventId } = await inviteTo(peer, room, carol, asUser(hal))
  await server.context.push.delivery.drain()
  const [push, ...others] = gateway.take()
  assert.deepEqual([push?.event_id, push?.room_name, push?.user_is_target, others], [eventId, 'Far away', true, []])
})
