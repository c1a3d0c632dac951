import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import type { JsonObject, Pdu } from '../src/matrix/event.ts'
import { signEvent } from '../src/matrix/event-signing.ts'
import type { RoomId, UserId } from '../src/matrix/ids.ts'
import { at } from './helpers/client.ts'
import { createEncounter } from './helpers/federation/encounter.ts'
import { createPeer } from './helpers/federation/peer.ts'
import { asJson, inviteTo, joinThrough, leaveThrough, makeMember } from './helpers/federation/peer-joining.ts'
import { requireRules } from './helpers/federation/room-builder.ts'
import { act, createRoom, getState, send, setState } from './helpers/rooms.ts'

const encounter = await createEncounter()
const { server, peer, alice, carol } = encounter
after(() => encounter.end())

const newRoom = async (body: JsonObject = {}) => (await createRoom(alice, { preset: 'public_chat', ...body })) as RoomId
const ask = (method: string, path: string, body?: JsonObject) =>
  peer.request(server.serverName, method, path, body === undefined ? {} : { body })
const make = (action: string, roomId: string, userId: string, query = '?ver=1&ver=10&ver=11&ver=12') =>
  ask('GET', at`/_matrix/federation/v1/make_${action}/${roomId}/${userId}` + query)
const failure = async (answer: ReturnType<typeof ask>) => {
  const { status, body } = await answer
  return [status, body.errcode]
}

for (const version of ['1', '6', '10', '11', '12']) {
  test(`a server joins a room of version ${version}, gets all of its state, and leaves`, async () => {
    const roomId = await newRoom({ room_version: version, name: 'Ours' })
    const bob = await server.user(`bob${version}`)
    await act(bob, roomId, 'join')
    const room = await joinThrough(peer, server.serverName, roomId, carol)
    assert.equal(room.state('m.room.name')?.pdu.content.name, 'Ours')
    for (const { userId } of [alice, bob]) {
      assert.equal(room.state('m.room.member', userId)?.pdu.content.membership, 'join')
    }
    assert.equal((await getState(alice, roomId, 'm.room.member', carol)).membership, 'join')
    await leaveThrough(peer, server.serverName, roomId, carol)
    assert.equal((await getState(alice, roomId, 'm.room.member', carol)).membership, 'leave')
    assert.deepEqual(peer.faults, [])
  })
}

describe('templates', () => {
  test('are for users of the server that asks, in rooms that are known, in versions that it knows', async () => {
    const roomId = await newRoom()
    assert.deepEqual(await failure(make('join', roomId, '@x:elsewhere.example')), [403, 'M_FORBIDDEN'])
    assert.deepEqual(await failure(make('join', roomId, 'nobody')), [400, 'M_INVALID_PARAM'])
    assert.deepEqual(await failure(make('join', '!none:x.example', carol)), [404, 'M_NOT_FOUND'])
    for (const query of ['', '?ver=11']) {
      const { status, body } = await make('join', roomId, carol, query)
      assert.deepEqual([status, body.errcode, body.room_version], [400, 'M_INCOMPATIBLE_ROOM_VERSION', '12'])
    }
  })

  test('are not for who may not come, leave or knock', async () => {
    const closed = await newRoom({ preset: 'private_chat' })
    assert.deepEqual(await failure(make('join', closed, carol)), [403, 'M_FORBIDDEN'])
    assert.deepEqual(await failure(make('leave', closed, carol, '')), [403, 'M_FORBIDDEN'])
    assert.deepEqual(await failure(make('knock', closed, carol)), [403, 'M_FORBIDDEN'])
    const open = await newRoom()
    await act(alice, open, 'ban', { user_id: carol })
    assert.deepEqual(await failure(make('join', open, carol)), [403, 'M_FORBIDDEN'])
    assert.deepEqual(await failure(make('knock', open, carol)), [403, 'M_FORBIDDEN'])
  })

  test('are not for servers that the room keeps out', async () => {
    const roomId = await newRoom()
    await setState(alice, roomId, 'm.room.server_acl', { allow: ['*'], deny: ['localhost'] })
    for (const action of ['join', 'leave', 'knock']) {
      assert.deepEqual(await failure(make(action, roomId, carol)), [403, 'M_FORBIDDEN'])
    }
  })

  test('are not for rooms that everybody here has left', async () => {
    const roomId = await newRoom()
    await act(alice, roomId, 'leave')
    assert.deepEqual(await failure(make('join', roomId, carol)), [404, 'M_NOT_FOUND'])
  })
})

describe('a completed template', () => {
  const sendPath = (action: string, roomId: string, eventId: string) =>
    at`/_matrix/federation/${action === 'knock' ? 'v1' : 'v2'}/${`send_${action}`}/${roomId}/${eventId}`

  async function submit(
    change: (pdu: Pdu) => Pdu,
    options: { roomId?: RoomId; eventId?: string; tamper?: boolean } = {},
  ) {
    const roomId = options.roomId ?? (await newRoom())
    const { version, event } = await makeMember(peer, server.serverName, roomId, carol, 'join')
    const rules = requireRules(version)
    const signed = peer.sign(rules, options.tamper ? event : change(event))
    const pdu = options.tamper ? change(signed.pdu) : signed.pdu
    const answer = await ask('PUT', sendPath('join', roomId, options.eventId ?? signed.eventId), asJson(pdu))
    return [answer.status, answer.body.errcode]
  }

  const bent: [string, (pdu: Pdu) => Pdu][] = [
    ['is no member event', (pdu) => ({ ...pdu, type: 'm.room.topic' })],
    ['has no state key', ({ state_key: _, ...pdu }) => pdu],
    ['has another membership', (pdu) => ({ ...pdu, content: { membership: 'leave' } })],
    ['is for somebody else', (pdu) => ({ ...pdu, state_key: peer.user('dave') })],
    ['has a sender of another server', (pdu) => ({ ...pdu, sender: alice.userId as UserId, state_key: alice.userId })],
    ['is for another room', (pdu) => ({ ...pdu, room_id: '!other:x.example' as RoomId })],
  ]
  for (const [name, change] of bent) {
    test(`that ${name} is refused`, async () => {
      assert.deepEqual(await submit(change), [400, 'M_INVALID_PARAM'])
    })
  }

  test('whose id, signature or hash is wrong is refused', async () => {
    assert.deepEqual(await submit((pdu) => pdu, { eventId: '$other' }), [400, 'M_INVALID_PARAM'])
    const unsigned = (pdu: Pdu) => ({ ...pdu, signatures: {} })
    assert.deepEqual(await submit(unsigned, { tamper: true }), [400, 'M_INVALID_PARAM'])
    const forged = (pdu: Pdu) => ({ ...pdu, hashes: { sha256: 'AAAA' } })
    assert.deepEqual(await submit(forged, { tamper: true }), [400, 'M_INVALID_PARAM'])
    const float = (pdu: Pdu) => ({ ...pdu, content: { ...pdu.content, x: 1.5 } })
    assert.deepEqual(await submit(float, { tamper: true }), [400, 'M_BAD_JSON'])
  })

  test('of somebody who is banned is refused', async () => {
    const roomId = await newRoom()
    const dave = peer.user('dave')
    await act(alice, roomId, 'ban', { user_id: dave })
    const swapped = (pdu: Pdu) => ({ ...pdu, sender: dave, state_key: dave })
    assert.deepEqual(await submit(swapped, { roomId }), [403, 'M_FORBIDDEN'])
    assert.equal((await getState(alice, roomId, 'm.room.member', dave)).membership, 'ban')
  })
})

test('two servers that join at once both come in, and messages go on', async () => {
  await using other = await createPeer()
  const roomId = await newRoom()
  const dave = other.user('dave')
  await Promise.all([
    joinThrough(peer, server.serverName, roomId, carol),
    joinThrough(other, server.serverName, roomId, dave),
    send(alice, roomId, 'meanwhile'),
  ])
  for (const userId of [carol, dave]) {
    assert.equal((await getState(alice, roomId, 'm.room.member', userId)).membership, 'join')
  }
  await send(alice, roomId, 'after')
  const late = await joinThrough(peer, server.serverName, roomId, peer.user('erin'))
  assert.equal(late.state('m.room.member', dave)?.pdu.content.membership, 'join')
})

test('who asks for it gets the state without its members', async () => {
  const roomId = await newRoom({ name: 'Large' })
  const unnamed = await newRoom()
  const join = async (room: RoomId, query: string) => {
    const { version, event } = await makeMember(peer, server.serverName, room, carol, 'join')
    const signed = peer.sign(requireRules(version), event)
    const path = at`/_matrix/federation/v2/send_join/${room}/${signed.eventId}` + query
    const { body } = await ask('PUT', path, asJson(signed.pdu))
    const members = (list: unknown) => (list as Pdu[]).filter(({ type }) => type === 'm.room.member')
    return { body, inState: members(body.state), inChain: members(body.auth_chain) }
  }
  const part = await join(roomId, '?omit_members=true')
  assert.deepEqual([part.body.members_omitted, part.body.servers_in_room], [true, [server.serverName]])
  assert.deepEqual(part.inState, [])
  assert.deepEqual(
    part.inChain.map((pdu) => pdu.state_key),
    [alice.userId],
    'who made the room authorises its state',
  )
  const heroes = await join(unnamed, '?omit_members=true')
  assert.deepEqual(
    heroes.inState.map((pdu) => pdu.state_key),
    [alice.userId],
  )
  const full = await join(await newRoom({ name: 'Small' }), '')
  assert.deepEqual([full.body.members_omitted, full.inState.length], [false, 1])
})

describe('restricted rooms', () => {
  const restricted = (allowed: string, version = '10', rule = 'restricted') =>
    newRoom({
      room_version: version,
      initial_state: [
        {
          type: 'm.room.join_rules',
          content: { join_rule: rule, allow: [{ type: 'm.room_membership', room_id: allowed }] },
        },
      ],
    })

  for (const version of ['8', '10', '12']) {
    test(`of version ${version} take members of the room that they name, and vouch for them`, async () => {
      const club = await newRoom()
      const roomId = await restricted(club, version)
      const query = `?ver=${version}`
      assert.deepEqual(await failure(make('join', roomId, carol, query)), [403, 'M_FORBIDDEN'])
      await joinThrough(peer, server.serverName, club, carol)
      const { body } = await make('join', roomId, carol, query)
      assert.equal(Object(body.event).content.join_authorised_via_users_server, alice.userId)
      const room = await joinThrough(peer, server.serverName, roomId, carol)
      const { pdu } = room.state('m.room.member', carol) ?? {}
      assert.ok(pdu?.signatures?.[server.serverName], 'the join carries the signature of the server that vouches')
      assert.deepEqual(peer.faults, [])
    })
  }

  test('cannot be judged where the room that they name is not known', async () => {
    const roomId = await restricted('!unknown:x.example')
    assert.deepEqual(await failure(make('join', roomId, carol)), [400, 'M_UNABLE_TO_AUTHORISE_JOIN'])
  })

  test('cannot be opened by a server whose users may not invite', async () => {
    const club = await newRoom()
    const roomId = await restricted(club)
    await joinThrough(peer, server.serverName, club, carol)
    const levels = await getState(alice, roomId, 'm.room.power_levels')
    await setState(alice, roomId, 'm.room.power_levels', { ...levels, invite: 100, users: { [alice.userId]: 100 } })
    const bob = await server.user('bobby')
    await act(alice, roomId, 'invite', { user_id: bob.userId })
    await act(bob, roomId, 'join')
    await act(alice, roomId, 'leave')
    assert.deepEqual(await failure(make('join', roomId, carol)), [400, 'M_UNABLE_TO_GRANT_JOIN'])
  })

  test('are not entered with a vouch that does not hold any more', async () => {
    const club = await newRoom()
    const roomId = await restricted(club)
    await joinThrough(peer, server.serverName, club, carol)
    const { version, event } = await makeMember(peer, server.serverName, roomId, carol, 'join')
    await act(alice, club, 'kick', { user_id: carol })
    const signed = peer.sign(requireRules(version), event)
    const path = at`/_matrix/federation/v2/send_join/${roomId}/${signed.eventId}`
    assert.deepEqual(await failure(ask('PUT', path, asJson(signed.pdu))), [403, 'M_FORBIDDEN'])
  })
})

test('users of ours invite those of other servers, who come in', async () => {
  const roomId = await newRoom({ preset: 'private_chat', name: 'Come' })
  await act(alice, roomId, 'invite', { user_id: carol, reason: 'tea' })
  const [invite] = peer.invites.slice(-1)
  assert.deepEqual(
    [invite?.event.pdu.content.reason, invite?.event.pdu.state_key, invite?.event.pdu.room_id],
    ['tea', carol, roomId],
  )
  const types = invite?.roomState.map(({ type }) => type) ?? []
  for (const type of ['m.room.create', 'm.room.join_rules', 'm.room.name', 'm.room.member']) {
    assert.ok(types.includes(type), `${type} is told`)
  }
  for (const event of invite?.roomState ?? []) assert.ok(event.signatures && event.auth_events, 'whole events')
  assert.equal((await getState(alice, roomId, 'm.room.member', carol)).membership, 'invite')
  await joinThrough(peer, server.serverName, roomId, carol)
  assert.equal((await getState(alice, roomId, 'm.room.member', carol)).membership, 'join')
  assert.deepEqual(peer.faults, [])
})

test('an invitation that the other server refuses is none', async () => {
  const roomId = await newRoom({ preset: 'private_chat' })
  const invite = async (status: number) => {
    const path = at`/_matrix/client/v3/rooms/${roomId}/invite`
    const { body } = await alice.request('POST', path, { body: { user_id: carol }, expect: status })
    return body.errcode
  }
  const path = '/_matrix/federation/v2/invite/:roomId/:eventId'
  const answers: [number, string, number, string][] = [
    [403, 'M_FORBIDDEN', 403, 'M_FORBIDDEN'],
    [403, 'M_INVITE_BLOCKED', 403, 'M_INVITE_BLOCKED'],
    [400, 'M_INCOMPATIBLE_ROOM_VERSION', 400, 'M_INCOMPATIBLE_ROOM_VERSION'],
    [400, 'M_INVALID_PARAM', 502, 'M_UNKNOWN'],
    [500, 'M_UNKNOWN', 502, 'M_UNKNOWN'],
  ]
  for (const [status, errcode, expected, told] of answers) {
    const stop = peer.on('PUT', path, () => ({ status, body: { errcode, error: 'no', room_version: '12' } }))
    assert.equal(await invite(expected), told)
    stop()
  }
  const stop = peer.on('PUT', path, ({ body }) => ({ body: { event: Object(body).event } }))
  assert.equal(await invite(502), 'M_UNKNOWN', 'one that is not signed')
  stop()
  await alice.request('GET', at`/_matrix/client/v3/rooms/${roomId}/state/m.room.member/${carol}`, { expect: 404 })
  assert.equal((await createRoom(alice, { invite: [carol, '@x:localhost:1'] })).startsWith('!'), true)
})

test('all invitations that are taken back at once are taken back for the other server, too', async () => {
  const roomId = await newRoom({ preset: 'private_chat' })
  const guests = Array.from({ length: 8 }, (_, i) => peer.user(`guest${i}`))
  for (const guest of guests) await act(alice, roomId, 'invite', { user_id: guest })
  await Promise.all(guests.map((guest) => act(alice, roomId, 'kick', { user_id: guest })))
  await server.context.sender?.drain()
  const told = peer.pdus.filter((pdu) => pdu.room_id === roomId && pdu.content.membership === 'leave')
  assert.deepEqual(told.map((pdu) => pdu.state_key).sort(), guests.toSorted())
})

test('servers that know only old rooms are invited by the old way', async () => {
  const roomId = await newRoom({ room_version: '2', preset: 'private_chat' })
  const stop = peer.on('PUT', '/_matrix/federation/v2/invite/:roomId/:eventId', () => ({
    status: 404,
    body: { errcode: 'M_UNRECOGNIZED', error: 'no' },
  }))
  const stopOld = peer.on('PUT', '/_matrix/federation/v1/invite/:roomId/:eventId', ({ body }) => {
    const { unsigned, ...event } = Object(body) as Pdu
    assert.ok(Array.isArray(unsigned?.invite_room_state))
    const pdu = signEvent(event, requireRules('2'), peer.serverName, peer.signer.key)
    return { body: [200, { event: asJson(pdu) }] as unknown as JsonObject }
  })
  await act(alice, roomId, 'invite', { user_id: carol })
  stop()
  stopOld()
  assert.equal((await getState(alice, roomId, 'm.room.member', carol)).membership, 'invite')
})

test('an invitation to a room in which we are is signed, and comes with the events of the room', async () => {
  const room = peer.createRoom(carol, { joinRule: 'public' })
  await alice.request('POST', at`/_matrix/client/v3/join/${room.roomId}`, {
    query: { via: peer.serverName },
    body: {},
    expect: 200,
  })
  const bob = await server.user('bob')
  const invite = await inviteTo(peer, room, carol, bob.userId as UserId)
  assert.ok(invite.pdu.signatures?.[server.serverName])
  await alice.request('GET', at`/_matrix/client/v3/rooms/${room.roomId}/state/m.room.member/${bob.userId}`, {
    expect: 404,
  })
})
