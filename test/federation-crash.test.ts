/** Real processes that are killed: what was answered is there, and what was owed to others is sent. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomId } from '../src/matrix/ids.ts'
import { at } from './helpers/client.ts'
import { startFederatedProcess } from './helpers/federation/federated-process.ts'
import { createPeer } from './helpers/federation/peer.ts'
import { joinThrough } from './helpers/federation/peer-joining.ts'
import { untilSaid, untilSync } from './helpers/federation/scenarios/side.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'
import { createFollower } from './helpers/follower.ts'
import { createRoom, getEvent, send } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'
import type { ServerProcess } from './helpers/server-process.ts'

const options = { skip: withoutOpenssl, timeout: 120_000 }

test('an event that was answered is there after the process was killed', options, async (t) => {
  await using peer = await createPeer()
  let server = await startFederatedProcess(t)
  const { dataDir, federationPort, serverName } = server
  const alice = await server.register('alice')
  const roomId = (await createRoom(alice, { preset: 'public_chat' })) as RoomId
  const bob = peer.user('bob')
  const room = await joinThrough(peer, serverName, roomId, bob)
  for (let round = 0; round < 3; round++) {
    const events = Array.from({ length: 10 }, (_, i) => room.message(bob, `round ${round}, message ${i}`))
    await peer.send(
      serverName,
      events.map(({ pdu }) => pdu),
    )
    await server.kill()
    server = await startFederatedProcess(t, { dataDir, federationPort })
    const again = resume(alice, server)
    const last = events.at(-1)
    assert.ok(last)
    await untilThere(again, roomId, last.eventId)
    for (const { eventId } of events) assert.ok(await getEvent(again, roomId, eventId))
  }
})

test('what is owed to a server that is away is sent after the process was killed', options, async (t) => {
  await using peer = await createPeer()
  const port = Number(peer.serverName.split(':')[1])
  let server = await startFederatedProcess(t)
  const { dataDir, federationPort, serverName } = server
  const alice = await server.register('alice')
  const roomId = (await createRoom(alice, { preset: 'public_chat' })) as RoomId
  const bob = peer.user('bob')
  await joinThrough(peer, serverName, roomId, bob)
  await peer.stop()
  for (let i = 0; i < 5; i++) await send(alice, roomId, `while you were away ${i}`)
  for (let i = 0; i < 3; i++) {
    await alice.put(at`/_matrix/client/v3/sendToDevice/org.example.test/${`t${i}`}`, {
      messages: { [bob]: { DEVICE: { mark: i } } },
    })
  }
  await server.kill()
  server = await startFederatedProcess(t, { dataDir, federationPort })
  await peer.start(port)
  // Something new is a reason to look whether the other server is there again.
  const again = resume(alice, server)
  await send(again, roomId, 'are you back?')
  const room = peer.rooms.get(roomId)
  assert.ok(room)
  await peer.waitForPdu((pdu) => pdu.content.body === 'are you back?')
  const bodies = [...room.graph.events.values()].map(({ pdu }) => pdu.content.body)
  for (let i = 0; i < 5; i++) {
    const body = `while you were away ${i}`
    await peer.waitFor(body, () => peer.pdus.some((pdu) => pdu.content.body === body) || bodies.includes(body))
  }
  const marks = () =>
    peer.edus
      .filter(({ edu_type: type }) => type === 'm.direct_to_device')
      .map(({ content }) => Object(content.messages)[bob].DEVICE.mark)
  await peer.waitFor('three messages to the device', () => marks().length >= 3)
  assert.deepEqual(marks(), [0, 1, 2], 'each once and in order')
  assert.deepEqual(peer.faults, [])
})

test('two processes: one is killed while the other writes, and misses nothing', options, async (t) => {
  const one = await startFederatedProcess(t)
  let two = await startFederatedProcess(t)
  const { dataDir, federationPort } = two
  const alice = await one.register('alice')
  const bob = await two.register('bob')
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  const query = { via: one.serverName }
  await bob.request('POST', at`/_matrix/client/v3/join/${roomId}`, { query, body: {}, expect: 200 })
  const sent: string[] = []
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 10; i++) {
      sent.push(`round ${round}, message ${i}`)
      await send(alice, roomId, sent.at(-1) ?? '')
      if (i === 5) await two.kill()
    }
    two = await startFederatedProcess(t, { dataDir, federationPort })
    const again = resume(bob, two)
    const view = await createFollower(again)
    await send(again, roomId, `back ${round}`)
    await send(alice, roomId, `welcome ${round}`)
    await untilSaid(view, roomId, `welcome ${round}`)
  }
  const again = resume(bob, two)
  const side = { user: again, serverName: two.serverName }
  await untilSync(side, 'all messages', () => true)
  const { chunk } = await again.get<{ chunk: { content: { body?: string } }[] }>(
    at`/_matrix/client/v3/rooms/${roomId}/messages`,
    { dir: 'b', limit: 1000 },
  )
  const seen = chunk.map(({ content }) => content.body)
  for (const body of sent) assert.ok(seen.includes(body), `${body} is missing`)
})

/** The same session after a restart, on another port. */
function resume(user: TestUser, server: ServerProcess): TestUser {
  const { userId, deviceId, accessToken } = user
  return { ...server.client.as(accessToken), userId, deviceId, accessToken }
}

/** Waits until an event that is being worked through is there. */
async function untilThere(user: TestUser, roomId: string, eventId: string): Promise<void> {
  const side = { user, serverName: '' }
  const path = at`/_matrix/client/v3/rooms/${roomId}/event/${eventId}`
  let since: string | undefined
  for (let attempts = 0; attempts < 50; attempts++) {
    if ((await user.request('GET', path)).status === 200) return
    since = await untilSync(side, 'anything', ({ next_batch: token }) => token, since)
  }
  throw new Error(`${eventId} is not there`)
}
