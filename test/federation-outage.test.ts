/** A server that is away: how often it is tried, and what it gets once it is back. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import type { EventId } from '../src/matrix/ids.ts'
import { createTestClock, type TestClock } from '../src/util/clock.ts'
import { at } from './helpers/client.ts'
import { createPeer, type Peer } from './helpers/federation/peer.ts'
import type { PeerRequest } from './helpers/federation/peer-http.ts'
import { createFederatedServer, type FederatedServer } from './helpers/federation/servers.ts'
import { catchUpPeer, type SharedRoom, shareRoom } from './helpers/federation/shared-room.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'
import { act, createRoom, send } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'

const options = { skip: withoutOpenssl, timeout: 60_000 }
const hour = 3_600_000
let server: FederatedServer
let clock: TestClock
let admin: TestUser
let peer: Peer
let shared: SharedRoom

before(async () => {
  if (withoutOpenssl) return
  clock = createTestClock(Date.now())
  server = await createFederatedServer({ clock })
  admin = await server.user('admin', { admin: true })
})
after(() => server?.stop())

beforeEach(async () => {
  if (withoutOpenssl) return
  await peer?.stop()
  peer = await createPeer()
  shared = await shareRoom(server, peer)
  await catchUpPeer(peer, shared)
  await server.context.sender.drain()
})
after(() => peer?.stop())

const transactionPath = '/_matrix/federation/v1/send/:txnId'

/** From now on the server hangs up on transactions; they are in the list that this returns. */
function hangUp(): { readonly attempts: PeerRequest[]; readonly end: () => void } {
  const attempts: PeerRequest[] = []
  const end = peer.on('PUT', transactionPath, (request) => {
    attempts.push(request)
    return undefined
  })
  return { attempts, end }
}

const destinationPath = () => at`/_synapse/admin/v1/federation/destinations/${peer.serverName}`
const hasEvent = (eventId: string) => shared.room.graph.events.has(eventId as EventId)

async function sendMany(count: number): Promise<string[]> {
  const ids: string[] = []
  for (let i = 0; i < count; i++) ids.push(await send(shared.alice, shared.roomId, `while you were out ${i}`))
  return ids
}

test('in an hour it is tried a few times, ever more seldom, however much is said', options, async () => {
  const { attempts, end } = hangUp()
  const tried: number[] = []
  const start = clock.now()
  for (let minute = 0; minute < 60; minute++) {
    await send(shared.alice, shared.roomId, `minute ${minute}`)
    for (let step = 0; step < 60; step++) {
      const before = attempts.length
      clock.advance(1000)
      if (step % 10 === 0) await server.context.sender.drain()
      if (attempts.length > before) tried.push(clock.now() - start)
    }
    await server.context.sender.drain()
  }
  end()
  assert.ok(attempts.length >= 8 && attempts.length <= 13, `${attempts.length} attempts`)
  assert.equal(new Set(attempts.map(({ params }) => params.txnId)).size, 1, 'always the same transaction')
  assert.equal(new Set(attempts.map(({ body }) => JSON.stringify(body))).size, 1, 'and with the same content')
})

test('once it is back it gets everything, in the order of the room, in transactions of fifty', options, async () => {
  const port = Number(peer.serverName.split(':')[1])
  await peer.stop()
  const ids = await sendMany(120)
  await server.context.sender.drain()
  clock.advance(hour)
  await server.context.sender.drain()
  await peer.start(port)
  const { length } = peer.pdus
  clock.advance(hour)
  await peer.waitFor('the last message', () => hasEvent(ids.at(-1) ?? ''))
  const bodies = peer.pdus.slice(length).map(({ content }) => content.body)
  assert.deepEqual(
    bodies,
    ids.map((_, i) => `while you were out ${i}`),
  )
  assert.deepEqual(peer.faults, [])
})

test('a transaction that it took without being heard comes again under the same id', options, async () => {
  let isHeard = false
  const off = peer.on('PUT', transactionPath, async (request) => {
    const answer = await peer.honestly(request)
    if (isHeard) return answer
    isHeard = true
    return undefined
  })
  const { size } = peer.transactions
  const id = await send(shared.alice, shared.roomId, 'did you hear me?')
  await server.context.sender.drain()
  assert.ok(hasEvent(id))
  clock.advance(10_000)
  await server.context.sender.drain()
  off()
  assert.equal(peer.transactions.size, size + 1)
  assert.equal(peer.pdus.filter(({ content }) => content.body === 'did you hear me?').length, 1)
})

test('a request of it ends the wait', options, async () => {
  const { attempts, end } = hangUp()
  const id = await send(shared.alice, shared.roomId, 'later')
  for (let i = 0; i < 6; i++) {
    await server.context.sender.drain()
    clock.advance(2 ** i * 2000)
  }
  await server.context.sender.drain()
  const { length } = attempts
  end()
  clock.advance(6000)
  await server.context.sender.drain()
  assert.equal(attempts.length, length)
  assert.equal(hasEvent(id), false, 'it is not time yet')
  await peer.send(server.serverName, [])
  await peer.waitFor('the message', () => hasEvent(id))
})

test('a request of it that comes right after a failure ends the wait some seconds later', options, async () => {
  const { end } = hangUp()
  const id = await send(shared.alice, shared.roomId, 'soon')
  for (let i = 0; i < 6; i++) {
    await server.context.sender.drain()
    clock.advance(2 ** i * 2000)
  }
  await server.context.sender.drain()
  end()
  await peer.send(server.serverName, [])
  await peer.send(server.serverName, [])
  assert.equal(hasEvent(id), false, 'a server that calls and takes nothing is not tried at each of its calls')
  clock.advance(5000)
  await peer.waitFor('the message', () => hasEvent(id))
})

test('a room is entered through a server that has just come back after a long outage', options, async () => {
  const room = peer.createRoom(peer.user('host'))
  const join = (expect: number) =>
    shared.alice.request('POST', at`/_matrix/client/v3/join/${room.roomId}`, {
      query: { via: peer.serverName },
      body: {},
      expect,
    })
  const off = peer.on('GET', '/_matrix/federation/v1/make_join/:roomId/:userId', () => undefined)
  for (let i = 0; i < 3; i++) {
    await join(502)
    clock.advance(5000)
  }
  off()
  await join(200)
})

test('an administrator ends the wait', options, async () => {
  const { end } = hangUp()
  const id = await send(shared.alice, shared.roomId, 'when the admin says')
  for (let i = 0; i < 6; i++) {
    await server.context.sender.drain()
    clock.advance(2 ** i * 2000)
  }
  await server.context.sender.drain()
  end()
  const failing = await admin.get(destinationPath())
  assert.equal(failing.destination, peer.serverName)
  assert.ok(Number(failing.retry_interval) >= 60_000)
  assert.equal(typeof failing.failure_ts, 'number')
  await admin.request('POST', `${destinationPath()}/reset_connection`, { body: {}, expect: 200 })
  await peer.waitFor('the message', () => hasEvent(id))
  await server.context.sender.drain()
  const healthy = await admin.get(destinationPath())
  assert.deepEqual([healthy.retry_interval, healthy.failure_ts], [0, null])
  const { body } = await admin.request('POST', `${destinationPath()}/reset_connection`, { body: {}, expect: 400 })
  assert.equal(typeof body.errcode, 'string')
})

for (const [action, membership] of [
  ['kick', 'leave'],
  ['ban', 'ban'],
] as const) {
  test(`a server with nobody but an invited user hears of a ${action}, also after an outage`, options, async () => {
    const { alice } = shared
    const guest = peer.user('guest')
    const roomId = await createRoom(alice, { invite: [guest] })
    assert.equal(peer.invites.length, 1)
    const port = Number(peer.serverName.split(':')[1])
    await peer.stop()
    await act(alice, roomId, action, { user_id: guest, reason: 'a mistake' })
    await send(alice, roomId, 'not for the guest')
    await server.context.sender.drain()
    await peer.start(port)
    clock.advance(hour)
    const { content, sender } = await peer.waitForPdu(
      ({ room_id: id, state_key: key }) => id === roomId && key === guest,
    )
    assert.deepEqual([sender, content.membership, content.reason], [alice.userId, membership, 'a mistake'])
    await server.context.sender.drain()
    const others = peer.pdus.filter(({ room_id: id, type }) => id === roomId && type !== 'm.room.member')
    assert.deepEqual(others, [], 'and of nothing else there')
  })
}
