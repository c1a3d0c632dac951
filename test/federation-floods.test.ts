/** Servers that send too much or too slowly get so far, and everybody else is served meanwhile. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import type { ServerName } from '../src/matrix/ids.ts'
import { createTestClock, type TestClock } from '../src/util/clock.ts'
import { createPeer, type Peer } from './helpers/federation/peer.ts'
import { sendAsPeer } from './helpers/federation/peer-client.ts'
import { createFederatedServer, type FederatedServer } from './helpers/federation/servers.ts'
import { settle, shareRoom, untilEvent } from './helpers/federation/shared-room.ts'
import { openRequest } from './helpers/federation/slow-request.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'
import { send, timeline } from './helpers/rooms.ts'

const options = { skip: withoutOpenssl, timeout: 60_000 }
let server: FederatedServer
let peer: Peer
let clock: TestClock

before(async () => {
  if (withoutOpenssl) return
  clock = createTestClock(Date.now())
  server = await createFederatedServer({ clock })
  peer = await createPeer()
})
after(async () => {
  await server?.stop()
  await peer?.stop()
})

const path = '/_matrix/federation/v1/send/slow'
const authorization = (destination: string) =>
  `X-Matrix origin="${peer.serverName}",destination="${destination}",key="${peer.signer.key.keyId}",sig="AAAA"`

test('a body that comes byte by byte is cut off after two minutes', options, async () => {
  const headers = { Authorization: authorization(server.serverName), 'Content-Length': '1000' }
  const { socket, closed } = await openRequest(server.serverName, 'PUT', path, headers)
  let isClosed = false
  void closed.then(() => {
    isClosed = true
  })
  for (let second = 0; second < 119; second++) {
    // The answer to another request shows that the server has had the time to read.
    if (second % 30 === 0) await server.client.get('/_matrix/client/versions')
    socket.write(' ')
    clock.advance(1000)
  }
  await server.client.get('/_matrix/client/versions')
  assert.equal(isClosed, false)
  clock.advance(1000)
  assert.equal(await closed, '')
})

test('a body that is announced as too large is refused before it comes', options, async () => {
  const headers = { Authorization: authorization(server.serverName), 'Content-Length': String(11 * 1024 * 1024) }
  const { socket, closed } = await openRequest(server.serverName, 'PUT', path, headers)
  await new Promise((resolve) => socket.once('data', resolve))
  socket.destroy()
  const answer = await closed
  assert.match(answer, /^HTTP\/1.1 413 /)
  assert.match(answer, /M_TOO_LARGE/)
})

test('a server that sends hundreds of transactions at once is told to wait, and holds up nobody', options, async () => {
  const shared = await shareRoom(server, peer)
  const { room, bob, alice, roomId, follower } = shared
  const transactions = Array.from({ length: 400 }, (_, i) => room.message(bob, `flood ${i}`))
  const answers = transactions.map(({ pdu }, i) => {
    const body = { origin: peer.serverName, origin_server_ts: 1, pdus: [pdu] } as unknown as JsonObject
    return peer.request(server.serverName, 'PUT', `/_matrix/federation/v1/send/flood${i}`, { body })
  })
  // Nobody waits for the flood to end.
  await send(alice, roomId, 'still here')
  const results = await Promise.all(answers)
  assert.deepEqual([...new Set(results.map(({ status }) => status))].sort(), [200, 429])
  for (const [i, { status, body }] of results.entries()) {
    if (status === 200) continue
    assert.deepEqual([body.errcode, typeof body.retry_after_ms], ['M_LIMIT_EXCEEDED', 'number'])
    // What was not taken may be sent again, under the same id.
    const pdus = transactions.slice(i, i + 1).map(({ pdu }) => pdu)
    assert.deepEqual(await peer.send(server.serverName, pdus, { txnId: `flood${i}` }), {
      [transactions[i]?.eventId ?? '']: undefined,
    })
  }
  await settle(peer, server, shared)
  for (const { eventId } of transactions) await untilEvent(follower, roomId, eventId)
})

test('a transaction that is sent again while it is taken is one', options, async () => {
  const shared = await shareRoom(server, peer)
  const message = shared.room.message(shared.bob, 'many times')
  const sendIt = () => peer.send(server.serverName, [message.pdu], { txnId: 'manifold' })
  const answers = await Promise.all(Array.from({ length: 40 }, sendIt))
  for (const answer of answers) assert.deepEqual(answer, { [message.eventId]: undefined })
  await settle(peer, server, shared)
  const seen = (await timeline(shared.alice, shared.roomId)).filter(({ content }) => content.body === 'many times')
  assert.equal(seen.length, 1)
})

test('whoever invents servers has only some of them looked for at once, and others are heard', options, async () => {
  // Servers that take a connection and say nothing.
  const silent = createServer((socket) => void sockets.push(socket))
  const sockets: Socket[] = []
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const statuses: number[] = []
  const { promise: refused, resolve } = Promise.withResolvers<void>()
  const asking = Array.from({ length: 40 }, async (_, i) => {
    const origin = `127.0.0.${i + 1}:${port}` as ServerName
    const signer = { ...peer.signer, server: origin }
    const { status } = await sendAsPeer(signer, server.serverName, 'GET', '/_matrix/federation/v1/event/$x')
    statuses.push(status)
    if (statuses.length === 10) resolve()
  })
  await refused
  assert.deepEqual(statuses, Array(10).fill(429))
  // Another server is known already, and need not wait behind them.
  await shareRoom(server, peer)
  for (const socket of sockets) socket.destroy()
  silent.close()
  await Promise.all(asking)
  assert.deepEqual([...new Set(statuses.slice(10))], [401])
})

test('whole states and what authorises them are not had at any rate', options, async () => {
  const limits = { rate_limits: { enabled: true } }
  await using strict = await createFederatedServer({ clock, config: limits })
  const ask = (path: string) => peer.request(strict.serverName, 'GET', `/_matrix/federation/v1/${path}`)
  for (let i = 0; i < 66; i++) {
    const paths = ['state/!none:x?event_id=$x', 'state_ids/!none:x?event_id=$x', 'event_auth/!none:x/$x']
    for (const { status } of await Promise.all(paths.map(ask))) assert.equal(status, 404)
  }
  await Promise.all([1, 2].map(() => ask('state/!none:x?event_id=$x')))
  const { status, body } = await ask('state_ids/!none:x?event_id=$x')
  assert.deepEqual([status, body.errcode], [429, 'M_LIMIT_EXCEEDED'])
})
