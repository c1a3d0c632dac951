import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { JsonObject, Pdu } from '../src/matrix/event.ts'
import { signEvent } from '../src/matrix/event-signing.ts'
import type { UserId } from '../src/matrix/ids.ts'
import { at } from './helpers/client.ts'
import { createEncounter } from './helpers/federation/encounter.ts'
import { createPeer, type Peer } from './helpers/federation/peer.ts'
import { asJson, inviteTo } from './helpers/federation/peer-joining.ts'
import type { BuiltRoom } from './helpers/federation/room-builder.ts'
import { createFederatedServer } from './helpers/federation/servers.ts'
import { act, allState, createRoom, getState, membershipOf, v3 } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'
import { sync, typesOf } from './helpers/sync.ts'

const encounter = await createEncounter()
const { server, peer, alice, carol } = encounter
after(() => encounter.end())

const join = (user: TestUser, roomIdOrAlias: string, via: readonly string[] = [], status = 200) =>
  user.request('POST', at`/_matrix/client/v3/join/${roomIdOrAlias}`, { query: { via }, body: {}, expect: status })

const makePath = '/_matrix/federation/v1/make_join/:roomId/:userId'
const sendPath = '/_matrix/federation/v2/send_join/:roomId/:eventId'
const asked = (other: Peer, part: string) => other.requests.filter(({ path }) => path.includes(part))
/** Nobody listens there. */
const nobody = 'localhost:1'

for (const version of ['1', '2', '6', '10', '11', '12']) {
  test(`a user joins a room of version ${version} and sees all of it`, async () => {
    const room = peer.createRoom(carol, { version })
    room.append(carol, 'm.room.name', { name: 'Theirs' }, { stateKey: '' })
    const { next_batch: since } = await sync(alice)
    await join(alice, room.roomId, [peer.serverName])
    const member = room.state('m.room.member', alice.userId)
    assert.deepEqual(
      [member?.pdu.content.membership, member?.pdu.content.displayname, member?.pdu.sender],
      ['join', 'alice', alice.userId],
    )
    assert.equal((await getState(alice, room.roomId, 'm.room.name')).name, 'Theirs')
    const keys = (await allState(alice, room.roomId)).map(({ type, state_key: key }) => `${type} ${key}`)
    assert.equal(keys.length, room.graph.current().size)
    const { joined_rooms: rooms } = await alice.get<{ joined_rooms: string[] }>(`${v3}/joined_rooms`)
    assert.ok(rooms.includes(room.roomId))
    const { rooms: news } = await sync(alice, { since, timeout: 5000 })
    const section = news?.join?.[room.roomId]
    const types = [...typesOf(section?.state?.events), ...typesOf(section?.timeline.events)]
    for (const type of ['m.room.create', 'm.room.name', 'm.room.member']) assert.ok(types.includes(type), type)
    assert.deepEqual(peer.faults, [])
  })
}

test('a room is joined by an alias, through the servers that this names', async () => {
  const room = peer.createRoom(carol)
  peer.on('GET', '/_matrix/federation/v1/query/directory', () => ({
    body: { room_id: room.roomId, servers: [peer.serverName] },
  }))
  const { body } = await join(alice, `#theirs:${peer.serverName}`)
  assert.equal(body.room_id, room.roomId)
})

test('the old name of the servers to go through counts too', async () => {
  const room = peer.createRoom(carol)
  const path = at`/_matrix/client/v3/join/${room.roomId}`
  await alice.request('POST', path, { query: { server_name: peer.serverName }, body: {}, expect: 200 })
})

test('an invitation says through which server to come', async () => {
  const room = peer.createRoom(carol, { joinRule: 'invite' })
  await inviteTo(peer, room, carol, alice.userId as UserId)
  await join(alice, room.roomId)
  assert.equal(await membershipOf(alice, room.roomId, alice.userId), 'join')
  const { rooms } = await sync(alice)
  assert.equal(rooms?.invite?.[room.roomId], undefined)
  assert.ok(rooms?.join?.[room.roomId])
})

test('whoever joins again goes through the servers of those who are still in', async () => {
  const room = peer.createRoom(carol)
  await join(alice, room.roomId, [peer.serverName])
  await act(alice, room.roomId, 'leave')
  room.append(carol, 'm.room.topic', { topic: 'meanwhile' }, { stateKey: '' })
  await join(alice, room.roomId)
  assert.equal((await getState(alice, room.roomId, 'm.room.topic')).topic, 'meanwhile')
})

describe('servers that do not help', () => {
  test('are passed over', async () => {
    await using ignorant = await createPeer()
    const room = peer.createRoom(carol)
    await join(alice, room.roomId, [nobody, ignorant.serverName, peer.serverName])
    assert.equal(asked(ignorant, 'make_join').length, 1)
    assert.equal(await membershipOf(alice, room.roomId, alice.userId), 'join')
  })

  test('leave the user with what they said', async () => {
    const closed = peer.createRoom(carol, { joinRule: 'invite' })
    const code = async (roomId: string, via: string[], status: number) =>
      (await join(alice, roomId, via, status)).body.errcode
    assert.equal(await code(closed.roomId, [nobody, peer.serverName], 403), 'M_FORBIDDEN')
    assert.equal(await code('!no:nowhere.invalid', [peer.serverName], 404), 'M_NOT_FOUND')
    assert.equal(await code(closed.roomId, [nobody], 502), 'M_UNKNOWN')
    assert.equal(await code(peer.createRoom(carol).roomId, [], 404), 'M_NOT_FOUND')
    const stop = peer.on('GET', makePath, () => ({
      status: 400,
      body: { errcode: 'M_INCOMPATIBLE_ROOM_VERSION', error: 'no', room_version: 'x.99' },
    }))
    const { body } = await join(alice, closed.roomId, [peer.serverName], 400)
    stop()
    assert.deepEqual([body.errcode, body.room_version], ['M_INCOMPATIBLE_ROOM_VERSION', 'x.99'])
  })
})

describe('a server that lies', () => {
  let liar: Peer
  let room: BuiltRoom
  before(async () => {
    liar = await createPeer()
  })
  after(() => liar.stop())

  /** Joins through the liar, then through an honest server. */
  async function joinWith(method: 'GET' | 'PUT', lie: (honest: JsonObject) => JsonObject): Promise<void> {
    room = peer.createRoom(carol)
    liar.rooms.set(room.roomId, room)
    const stop = liar.on(method, method === 'GET' ? makePath : sendPath, async (request) => {
      const honest = await liar.honestly(request)
      return { body: lie(structuredClone(honest?.body ?? {})) }
    })
    await join(alice, room.roomId, [liar.serverName, peer.serverName])
    stop()
    liar.rooms.delete(room.roomId)
    assert.equal(await membershipOf(alice, room.roomId, alice.userId), 'join')
    assert.equal((await getState(alice, room.roomId, 'm.room.join_rules')).join_rule, 'public')
  }

  const templates: [string, (event: JsonObject) => JsonObject][] = [
    ['another type', (event) => ({ ...event, type: 'm.room.topic' })],
    ['another room', (event) => ({ ...event, room_id: '!other:x.example' })],
    ['another sender', (event) => ({ ...event, sender: '@mallory:x.example' })],
    ['another user', (event) => ({ ...event, state_key: '@mallory:x.example' })],
    ['another membership', (event) => ({ ...event, content: { membership: 'ban' } })],
    ['no previous events', ({ prev_events: _, ...event }) => event],
    ['a senseless depth', (event) => ({ ...event, depth: 'deep' })],
  ]
  for (const [name, bend] of templates) {
    test(`in its template (${name}) gets nothing signed`, async () => {
      await joinWith('GET', (body) => ({ ...body, event: bend(body.event as JsonObject) }))
      assert.equal(asked(liar, 'send_join').length, 0)
    })
  }

  test('about the state of the room is not believed', async () => {
    const list = (value: unknown) => value as JsonObject[]
    const without = (events: unknown, type: string) => list(events).filter((event) => event.type !== type)
    await joinWith('PUT', (body) => ({
      ...body,
      state: without(body.state, 'm.room.create'),
      auth_chain: without(body.auth_chain, 'm.room.create'),
    }))
    const other = liar.createRoom(liar.user('mallory'))
    await joinWith('PUT', (body) => ({
      ...body,
      state: [...other.graph.events.values()].map(({ pdu }) => asJson(pdu)),
      auth_chain: [],
    }))
    await joinWith('PUT', () => ({ state: [], auth_chain: [] }))
    await joinWith('PUT', (body) => ({ state: 'none', auth_chain: body.auth_chain ?? [] }))
  })

  test('that leaves members out unasked is passed over', async () => {
    await joinWith('PUT', (body) => ({ ...body, members_omitted: true }))
  })
})

test('state that is forged is left out, and the rest holds', async () => {
  const room = peer.createRoom(carol)
  const topic = room.append(carol, 'm.room.topic', { topic: 'true' }, { stateKey: '' })
  const name = room.append(carol, 'm.room.name', { name: 'true' }, { stateKey: '' })
  const forge = (pdu: Pdu): Pdu => {
    if (pdu.type === 'm.room.topic') return { ...pdu, signatures: {} }
    return pdu.type === 'm.room.name' ? { ...pdu, content: { name: 'false' } } : pdu
  }
  const stop = peer.on('PUT', sendPath, async (request) => {
    const body = Object(Object(await peer.honestly(request)).body)
    return { body: { ...body, state: body.state.map(forge) } }
  })
  await join(alice, room.roomId, [peer.serverName])
  stop()
  const state = await allState(alice, room.roomId)
  assert.equal(
    state.find(({ event_id: id }) => id === topic.eventId),
    undefined,
  )
  // The hash shows that the content is not the signed one: what is left of it is the redacted form.
  assert.deepEqual(state.find(({ event_id: id }) => id === name.eventId)?.content ?? {}, {})
})

test('users who join a room at once share one attempt', async () => {
  const room = peer.createRoom(carol)
  const bob = await server.user('bob')
  const before = asked(peer, 'make_join').length
  await Promise.all([alice, bob, alice].map((user) => join(user, room.roomId, [peer.serverName])))
  assert.equal(asked(peer, 'make_join').length, before + 1)
  for (const { userId } of [alice, bob]) assert.equal(await membershipOf(alice, room.roomId, userId), 'join')
})

describe('a restricted room', () => {
  const rules = { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: '!club:x.example' }] }

  /** Lets everybody in, as a server does whose user vouches. */
  function vouch(host: Peer, room: BuiltRoom, sign: boolean): () => void {
    const stops = [
      host.on('GET', makePath, ({ params }) => {
        const content = { membership: 'join', join_authorised_via_users_server: carol }
        const event = room.draft(params.userId as UserId, 'm.room.member', content, { stateKey: params.userId ?? '' })
        return { body: { room_version: room.rules.version, event: asJson(event) } }
      }),
      host.on('PUT', sendPath, async (request) => {
        const pdu = Object(request.body) as Pdu
        const signed = sign ? signEvent(pdu, room.rules, host.serverName, host.signer.key) : pdu
        return host.honestly({ ...request, body: asJson(signed) })
      }),
    ]
    return () => {
      for (const stop of stops) stop()
    }
  }

  for (const version of ['8', '10', '12']) {
    test(`of version ${version} is joined with the signature of who vouches`, async () => {
      const room = peer.createRoom(carol, { version, joinRules: rules })
      const stop = vouch(peer, room, true)
      await join(alice, room.roomId, [peer.serverName])
      stop()
      const { content } = room.state('m.room.member', alice.userId)?.pdu ?? {}
      assert.equal(content?.join_authorised_via_users_server, carol)
      assert.equal(await membershipOf(alice, room.roomId, alice.userId), 'join')
    })
  }

  test('is not joined without that signature', async () => {
    const room = peer.createRoom(carol, { version: '10', joinRules: rules })
    const stop = vouch(peer, room, false)
    assert.equal((await join(alice, room.roomId, [peer.serverName], 403)).body.errcode, 'M_FORBIDDEN')
    stop()
  })

  test('is tried through the next server where one cannot let the user in', async () => {
    await using unable = await createPeer()
    unable.on('GET', makePath, () => ({ status: 400, body: { errcode: 'M_UNABLE_TO_GRANT_JOIN', error: 'no' } }))
    const room = peer.createRoom(carol, { version: '10', joinRules: rules })
    const stop = vouch(peer, room, true)
    await join(alice, room.roomId, [unable.serverName, peer.serverName])
    stop()
    assert.equal(await membershipOf(alice, room.roomId, alice.userId), 'join')
    assert.equal(
      (await join(alice, peer.createRoom(carol).roomId, [unable.serverName], 400)).body.errcode,
      'M_UNABLE_TO_GRANT_JOIN',
    )
  })

  test('is joined through others where nobody here may let the user in', async () => {
    const club = await createRoom(alice, { preset: 'public_chat' })
    const dora = await server.user('dora')
    const room = peer.createRoom(carol, {
      version: '10',
      joinRules: { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: club }] },
      powerLevels: { users: { [carol]: 100 }, invite: 100 },
    })
    peer.faults.length = 0
    const stop = vouch(peer, room, true)
    await join(alice, room.roomId, [peer.serverName])
    await join(dora, room.roomId, [], 403)
    await act(dora, club, 'join')
    await join(dora, room.roomId)
    stop()
    assert.equal(await membershipOf(alice, room.roomId, dora.userId), 'join')
    assert.deepEqual(peer.faults, [])
  })
})

test('rooms that are too large for the server are not joined, except by administrators', async () => {
  await using small = await createFederatedServer({ config: { rooms: { max_remote_complexity: 0.02 } } })
  const [anna, root] = [await small.user('anna'), await small.user('root', { admin: true })]
  const room = peer.createRoom(carol)
  await join(anna, room.roomId, [peer.serverName])
  for (let i = 0; i < 10; i++) room.append(carol, 'test', {}, { stateKey: `${i}` })
  await act(anna, room.roomId, 'leave')
  const { body } = await join(anna, room.roomId, [peer.serverName], 403)
  assert.equal(body.errcode, 'M_RESOURCE_LIMIT_EXCEEDED')
  assert.equal(room.state('m.room.member', anna.userId)?.pdu.content.membership, 'leave', 'it is left again')
  await join(root, room.roomId, [peer.serverName])

  const said = peer.createRoom(carol)
  const stop = peer.on('GET', '/_matrix/federation/unstable/rooms/:roomId/complexity', () => ({ body: { v1: 100 } }))
  await join(anna, said.roomId, [peer.serverName], 403)
  stop()
  assert.equal(said.state('m.room.member', anna.userId), undefined, 'it was never joined')
})

test('guests come only into rooms that take them, also elsewhere', async () => {
  await using hotel = await createFederatedServer({ config: { registration: { guests: true } } })
  const register = `${v3}/register?kind=guest`
  const { access_token: token } = await hotel.client.post<{ access_token: string }>(register, {})
  const guest = hotel.client.as(token)
  const closed = peer.createRoom(carol)
  const enter = (room: BuiltRoom, expect: number) => {
    const query = { via: peer.serverName }
    return guest.request('POST', at`/_matrix/client/v3/join/${room.roomId}`, { query, body: {}, expect })
  }
  assert.equal((await enter(closed, 403)).body.errcode, 'M_GUEST_ACCESS_FORBIDDEN')
  assert.equal((await sync(guest)).rooms?.join?.[closed.roomId], undefined)
  const open = peer.createRoom(carol)
  open.append(carol, 'm.room.guest_access', { guest_access: 'can_join' }, { stateKey: '' })
  await enter(open, 200)
})
