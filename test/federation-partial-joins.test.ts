/** Rooms that open before all their members are here: https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_joinroomideventid */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { after, before, test } from 'node:test'
import type { JsonObject, Pdu } from '../src/matrix/event.ts'
import type { EventId, UserId } from '../src/matrix/ids.ts'
import { createTestClock, type TestClock } from '../src/util/clock.ts'
import { at } from './helpers/client.ts'
import { createPeer, type Peer } from './helpers/federation/peer.ts'
import { asJson } from './helpers/federation/peer-joining.ts'
import { refusal } from './helpers/federation/peer-router.ts'
import { makePolicyServer } from './helpers/federation/policy-server.ts'
import { type BuiltRoom, type RoomOptions, requireRules } from './helpers/federation/room-builder.ts'
import { connectPeers, createFederatedServer, type FederatedServer } from './helpers/federation/servers.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'
import { allState, createRoom, getEvent, getState, send, setState, v3 } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'
import { bodiesOf, type SyncBody, sync } from './helpers/sync.ts'

const options = { skip: withoutOpenssl }
const lazy = { room: { state: { lazy_load_members: true }, timeline: { limit: 50 } } }
let clock: TestClock
let server: FederatedServer
let peer: Peer
let carol: UserId
let people = 0

before(async () => {
  if (withoutOpenssl) return
  clock = createTestClock(Date.now())
  server = await createFederatedServer({ clock })
  peer = await createPeer()
  peer.omitsMembers = true
  carol = peer.user('carol')
})
after(async () => {
  await server?.stop()
  await peer?.stop()
})

interface Opened {
  readonly alice: TestUser
  readonly room: BuiltRoom
  /** Lets the members come. */
  arrive(): Promise<void>
}

/** Users of the test server in the room. */
const members = ['dave', 'erin', 'frank', 'mallory']

interface Setting {
  readonly at?: FederatedServer
  readonly room?: RoomOptions
  /** What happens in the room before anybody comes. */
  readonly prepare?: (room: BuiltRoom) => void
}

/** Alice has joined a room of the test server, which tells nobody yet who else is in it. */
async function open({ at = server, room: how, prepare }: Setting = {}): Promise<Opened> {
  people += 1
  const alice = await at.user(`alice${people}`)
  const room = peer.createRoom(carol, how)
  room.append(carol, 'm.room.name', { name: 'Large' }, { stateKey: '' })
  for (const name of members) room.member(peer.user(name), 'join')
  prepare?.(room)
  room.message(peer.user('dave'), 'before anybody came')
  const release = ['state', 'state_ids'].map((name) =>
    peer.on('GET', `/_matrix/federation/v1/${name}/:roomId`, () => refusal(404, 'M_NOT_FOUND')),
  )
  await join(alice, room)
  return {
    alice,
    room,
    arrive: async () => {
      for (const one of release) one()
      await at.context.jobs.drain()
      clock.advance(3_600_000)
      await at.context.jobs.drain()
    },
  }
}

const join = (user: TestUser, room: BuiltRoom) =>
  user.request('POST', at`/_matrix/client/v3/join/${room.roomId}`, {
    query: { via: [peer.serverName] },
    body: {},
    expect: 200,
  })

const sectionOf = (body: SyncBody, { roomId }: BuiltRoom) => body.rooms?.join?.[roomId]
const membersOf = async (user: TestUser, { roomId }: BuiltRoom) => {
  const { chunk } = await user.get<{ chunk: { state_key: string; content: { membership: string } }[] }>(
    at`/_matrix/client/v3/rooms/${roomId}/members`,
  )
  return Object.fromEntries(chunk.map((event) => [event.state_key, event.content.membership]))
}

/** Sends events of the test server and waits until they are worked through. */
async function deliver(events: readonly { readonly pdu: object; readonly eventId: EventId }[], to = server) {
  await peer.send(
    to.serverName,
    events.map(({ pdu }) => pdu as never),
  )
  await to.context.rooms.ingest?.drain()
}

const bodyOf = ({ pdus }: JsonObject) => (pdus as unknown as Pdu[])[0]?.content.body

const visible = async (user: TestUser, { roomId }: BuiltRoom) => {
  const { chunk } = await user.get<{ chunk: { content: { body?: string } }[] }>(
    at`/_matrix/client/v3/rooms/${roomId}/messages`,
    { dir: 'b', limit: 100 },
  )
  return chunk.flatMap(({ content }) => content.body ?? [])
}

test('a room opens before its members are here, and they come later', options, async () => {
  const { alice, room, arrive } = await open()
  assert.equal((await getState(alice, room.roomId, 'm.room.name')).name, 'Large')
  const first = await sync(alice, { filter: lazy })
  assert.ok(sectionOf(first, room), 'clients that load members lazily see the room at once')
  const eager = await sync(alice)
  assert.equal(sectionOf(eager, room), undefined)
  const asked = membersOf(alice, room)
  await arrive()
  const expected = Object.fromEntries([carol, ...members.map((name) => peer.user(name))].map((id) => [id, 'join']))
  assert.deepEqual(await asked, { ...expected, [alice.userId]: 'join' })

  const later = sectionOf(await sync(alice, { since: first.next_batch, filter: lazy }), room)
  assert.equal(later?.summary?.['m.joined_member_count'], members.length + 2)
  assert.equal(later?.timeline.limited, false)
  const whole = sectionOf(await sync(alice, { since: eager.next_batch }), room)
  const told = whole?.state?.events.filter(({ type }) => type === 'm.room.member').map(({ state_key: id }) => id)
  for (const id of Object.keys(expected)) assert.ok(told?.includes(id), id)
  const keys = (await allState(alice, room.roomId)).map(({ event_id: id }) => id).sort()
  assert.deepEqual(keys, [...room.graph.current().values()].sort())
  assert.deepEqual(peer.faults, [])
})

test('people write to each other while the members are on their way', options, async () => {
  const { alice, room, arrive } = await open()
  const { next_batch: since } = await sync(alice, { filter: lazy })
  const eventId = await send(alice, room.roomId, 'hello everybody')
  await peer.waitFor('a message', () => room.graph.events.has(eventId as EventId))
  const dave = peer.user('dave')
  await deliver([room.message(dave, 'welcome'), room.message(peer.user('erin'), 'hi')])
  const news = sectionOf(await sync(alice, { since, filter: lazy }), room)
  assert.deepEqual(bodiesOf(news?.timeline.events), ['hello everybody', 'welcome', 'hi'])
  const left = room.member(dave, 'leave')
  await deliver([left, room.append(carol, 'm.room.topic', { topic: 'new' }, { stateKey: '' })])
  assert.equal((await getState(alice, room.roomId, 'm.room.topic')).topic, 'new')
  assert.ok((await visible(alice, room)).includes('before anybody came'), 'history can be read')
  await arrive()
  assert.equal((await membersOf(alice, room))[dave], 'leave')
  assert.equal((await getState(alice, room.roomId, 'm.room.topic')).topic, 'new')
  const keys = (await allState(alice, room.roomId)).map(({ event_id: id }) => id).sort()
  assert.deepEqual(keys, [...room.graph.current().values()].sort())
  await deliver([room.message(peer.user('erin'), 'afterwards')])
  assert.ok((await visible(alice, room)).includes('afterwards'))
  assert.deepEqual(peer.faults, [])
})

test('what somebody sent who had been banned is taken back when that is known', options, async () => {
  const mallory = peer.user('mallory')
  let member: EventId | undefined
  const { alice, room, arrive } = await open({
    room: { powerLevels: { state_default: 0 } },
    prepare: (made) => {
      member = made.state('m.room.member', mallory)?.eventId
      made.member(carol, 'ban', mallory)
    },
  })
  const levels = room.state('m.room.power_levels')?.eventId
  const cited = { auth: [levels, member].flatMap((id) => id ?? []) }
  const bad = room.build(mallory, 'm.room.message', { msgtype: 'm.text', body: 'let me in' }, cited)
  const topic = room.build(mallory, 'm.room.topic', { topic: 'mine' }, { ...cited, stateKey: '' })
  await deliver([bad, topic, room.message(carol, 'go away')])
  assert.ok((await visible(alice, room)).includes('let me in'), 'nobody here could know')
  assert.equal((await getState(alice, room.roomId, 'm.room.topic')).topic, 'mine')
  await arrive()
  const seen = await visible(alice, room)
  assert.ok(!seen.includes('let me in'))
  assert.ok(seen.includes('go away'))
  assert.equal((await membersOf(alice, room))[mallory], 'ban')
  await assert.rejects(getState(alice, room.roomId, 'm.room.topic'))
})

test('other servers wait for what depends on the members', options, async () => {
  const mallory = peer.user('mallory')
  const { alice, room, arrive } = await open({
    room: { historyVisibility: 'joined' },
    prepare: (made) => void made.member(carol, 'ban', mallory),
  })
  const eventId = await send(alice, room.roomId, 'for those who are here')
  const event = peer.request(server.serverName, 'GET', at`/_matrix/federation/v1/event/${eventId}`)
  const citable = room.rules.roomIdIsCreateHash ? [] : ['m.room.create']
  const auth = [...citable, 'm.room.power_levels', 'm.room.join_rules'].flatMap(
    (type) => room.state(type)?.eventId ?? [],
  )
  const back = room.build(mallory, 'm.room.member', { membership: 'join' }, { stateKey: mallory, auth })
  const path = at`/_matrix/federation/v2/send_join/${room.roomId}/${back.eventId}`
  const joined = peer.request(server.serverName, 'PUT', path, { body: asJson(back.pdu) })
  await arrive()
  const { status, body } = await event
  assert.deepEqual([status, bodyOf(body)], [200, 'for those who are here'])
  const refused = await joined
  assert.deepEqual([refused.status, refused.body.errcode], [403, 'M_FORBIDDEN'])
  assert.equal((await membersOf(alice, room))[mallory], 'ban')
})

test('the policy server of a room is asked although nobody of it is known yet', options, async () => {
  const policy = makePolicyServer(peer, requireRules('12'))
  const { alice, room, arrive } = await open({
    prepare: (made) => made.append(carol, 'm.room.policy', policy.content, { stateKey: '' }),
  })
  await send(alice, room.roomId, 'may I?')
  assert.deepEqual(
    policy.asked.map(({ content }) => content.body),
    ['may I?'],
  )
  await arrive()
})

test('a room of which few members are here is not taken for a chat of two', options, async () => {
  const { alice, room, arrive } = await open()
  const zoe = peer.user('zoe')
  await deliver([room.member(zoe, 'join'), room.message(zoe, 'good morning to all of you')])
  const { notifications } = await alice.get<{ notifications: { actions: unknown[] }[] }>(`${v3}/notifications`)
  // In a chat of two it makes a sound.
  assert.deepEqual(
    notifications.map(({ actions }) => actions.filter((action) => Object(action).set_tweak === 'sound')),
    [[]],
  )
  await arrive()
})

test('the members come after a restart, too', options, async () => {
  const dataDir = await mkdtemp(joinPath(tmpdir(), 'ringback-'))
  try {
    const one = await createFederatedServer({ dataDir, clock })
    const port = Number(one.serverName.split(':')[1])
    const { alice, room, arrive } = await open({ at: one })
    await one.stop()
    const again = await createFederatedServer({ dataDir, clock, federationPort: port })
    const returned = await again.login(alice.userId.slice(1).split(':')[0] ?? '')
    await arrive().catch(() => {})
    clock.advance(3_600_000)
    await again.context.jobs.drain()
    assert.equal((await membersOf(returned, room))[peer.user('erin')], 'join')
    await again.stop()
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
})

test('a room that everybody has left again is given up, and can be joined anew', options, async () => {
  const { alice, room, arrive } = await open()
  await alice.request('POST', `${v3}/rooms/${encodeURIComponent(room.roomId)}/leave`, { body: {}, expect: 200 })
  await peer.waitFor('a leave', () => room.membership(alice.userId) === 'leave')
  await arrive()
  await join(alice, room)
  assert.equal((await membersOf(alice, room))[peer.user('erin')], 'join')
})

test('two servers open a room of more than a thousand members the same way', options, async () => {
  await using servers = await connectPeers(2)
  const [here, there] = servers
  assert.ok(here && there)
  const owner = await there.user('owner')
  const roomId = await createRoom(owner, { preset: 'public_chat', name: 'Large' })
  for (let i = 0; i < 1010; i++) await setState(owner, roomId, 'org.example.entry', { i }, `${i}`)
  const bob = await here.user('bob')
  await bob.request('POST', at`/_matrix/client/v3/join/${roomId}`, {
    query: { via: [there.serverName] },
    body: {},
    expect: 200,
  })
  const ids = async (user: TestUser) => (await allState(user, roomId)).map(({ event_id: id }) => id).sort()
  assert.deepEqual(await ids(bob), await ids(owner))
  const eventId = await send(owner, roomId, 'good to see you')
  await there.context.sender?.drain()
  await here.context.rooms.ingest?.drain()
  assert.equal((await getEvent(bob, roomId, eventId)).content.body, 'good to see you')
})
