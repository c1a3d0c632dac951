import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { JsonObject, Pdu } from '../src/matrix/event.ts'
import { signedText } from '../src/matrix/event-signing.ts'
import type { RoomId, UserId } from '../src/matrix/ids.ts'
import { verifySignature } from '../src/matrix/signing.ts'
import { at } from './helpers/client.ts'
import { newSigningKey } from './helpers/federation/key-server.ts'
import { createPeer, type Peer } from './helpers/federation/peer.ts'
import { joinThrough } from './helpers/federation/peer-joining.ts'
import { refusal } from './helpers/federation/peer-router.ts'
import { makePolicyServer, type PolicyPeer } from './helpers/federation/policy-server.ts'
import { ingestOf } from './helpers/federation/remote-room.ts'
import { requireRules } from './helpers/federation/room-builder.ts'
import { createFederatedServer, type FederatedServer } from './helpers/federation/servers.ts'
import { createRoom, getState, send, setState, statePath, timeline } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'

const rules = requireRules('12')
let server: FederatedServer
let peer: Peer
let other: Peer
let policy: PolicyPeer
let alice: TestUser
let carol: UserId

before(async () => {
  server = await createFederatedServer()
  peer = await createPeer()
  other = await createPeer()
  policy = makePolicyServer(peer, rules)
  carol = peer.user('carol')
  alice = await server.user('alice')
})
beforeEach(() => {
  policy.answerWith = () => undefined
  policy.asked.length = 0
  peer.faults.length = 0
})
after(async () => {
  await Promise.all([peer.stop(), other.stop()])
  await server.stop()
})

const message = (body: string): JsonObject => ({ msgtype: 'm.text', body })
const textOf = (pdu: Pdu) => pdu.content.body
const texts = async (user: TestUser, roomId: string) =>
  (await timeline(user, roomId)).flatMap(({ content }) => (content as JsonObject).body ?? [])
const asked = () => policy.asked.map(textOf)

function isSigned(pdu: Pdu, { content }: PolicyPeer = policy): boolean {
  const signature = pdu.signatures?.[peer.serverName]?.['ed25519:policy_server'] ?? ''
  return verifySignature(signedText(pdu, rules), String(Object(content.public_keys).ed25519), signature)
}

/** A room of ours that carol is in too and whose policy server is hers. */
async function policedRoom() {
  const roomId = (await createRoom(alice, { preset: 'public_chat' })) as RoomId
  const room = await joinThrough(peer, server.serverName, roomId, carol)
  await setState(alice, roomId, 'm.room.policy', policy.content)
  await peer.waitForPdu((pdu) => pdu.type === 'm.room.policy' && pdu.room_id === roomId)
  return { roomId, room }
}

let txn = 0
const trySend = async (roomId: string, body: string) => {
  const path = at`/_matrix/client/v3/rooms/${roomId}/send/m.room.message/${`p${txn++}`}`
  const answer = await alice.request('PUT', path, { body: message(body) })
  return [answer.status, answer.body.errcode]
}

async function receive(...pdus: readonly Pdu[]) {
  const errors = await peer.send(server.serverName, pdus)
  await ingestOf(server).drain()
  return errors
}

describe('events of ours', () => {
  test('are signed by the policy server before anybody gets them', async () => {
    const { roomId } = await policedRoom()
    assert.equal(policy.asked.length, 0, 'nobody is asked about the event that names the policy server')
    await send(alice, roomId, 'hello')
    const got = await peer.waitForPdu((pdu) => textOf(pdu) === 'hello')
    assert.deepEqual([isSigned(got), asked()], [true, ['hello']])
    assert.equal(Object.keys(got.signatures?.[server.serverName] ?? {}).length, 1, 'our own signature stays')
    await setState(alice, roomId, 'm.room.topic', { topic: 'new' })
    assert.ok(isSigned(await peer.waitForPdu((pdu) => pdu.type === 'm.room.topic' && pdu.room_id === roomId)))
    await setState(alice, roomId, 'm.room.policy', { ...policy.content, note: 1 }, 'not empty')
    assert.equal(policy.asked.at(-1)?.type, 'm.room.policy')
    assert.deepEqual(peer.faults, [])
  })

  test('are not sent where it refuses, and the client learns what it said', async () => {
    const { roomId } = await policedRoom()
    const wrongKey = newSigningKey('policy_server')
    const cases: [PolicyPeer['answerWith'], unknown[]][] = [
      [() => refusal(400, 'M_FORBIDDEN', 'spam'), [400, 'M_FORBIDDEN']],
      [() => refusal(403, 'M_FORBIDDEN', 'kept out'), [403, 'M_FORBIDDEN']],
      [() => refusal(404, 'M_NOT_FOUND', 'no room'), [404, 'M_NOT_FOUND']],
      [() => ({ status: 429, body: { errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: 5 } }), [429, 'M_LIMIT_EXCEEDED']],
      [() => ({}), [403, 'M_FORBIDDEN']],
      [() => ({ body: { [peer.serverName]: 'x' } }), [403, 'M_FORBIDDEN']],
      [
        (pdu) => ({
          body: { [peer.serverName]: { 'ed25519:policy_server': wrongKey.sign(signedText(pdu, rules)) } },
        }),
        [403, 'M_FORBIDDEN'],
      ],
      [() => ({ body: { other: { 'ed25519:policy_server': 'AAAA' } } }), [403, 'M_FORBIDDEN']],
    ]
    for (const [answerWith, expected] of cases) {
      policy.answerWith = answerWith
      assert.deepEqual(await trySend(roomId, 'unwanted'), expected)
    }
    policy.answerWith = (pdu) => (textOf(pdu) === 'bad' ? refusal(400, 'M_FORBIDDEN') : undefined)
    // One refusal is no other event's.
    const answers = await Promise.all(['one', 'bad', 'two'].map((body) => trySend(roomId, body)))
    assert.deepEqual(
      answers.map(([status]) => status),
      [200, 400, 200],
    )
    await peer.waitForPdu((pdu) => textOf(pdu) === 'two')
    assert.deepEqual(await texts(alice, roomId), ['one', 'two'])
    assert.ok(!peer.pdus.some((pdu) => ['unwanted', 'bad'].includes(String(textOf(pdu)))))
    assert.deepEqual(peer.faults, [])
  })

  test('a room can part with a policy server that is gone', async () => {
    const { roomId } = await policedRoom()
    policy.answerWith = () => 'hang up'
    assert.deepEqual(await trySend(roomId, 'lost'), [502, 'M_UNKNOWN'])
    await setState(alice, roomId, 'm.room.policy', {})
    policy.asked.length = 0
    assert.deepEqual(await trySend(roomId, 'free'), [200, undefined])
    assert.deepEqual(policy.asked, [])
    server.context.federation.transport.heardFrom(peer.serverName)
  })

  test('stand beside what comes while the policy server thinks, or are built anew', async () => {
    const { roomId, room } = await policedRoom()
    await send(alice, roomId, 'first')
    await peer.waitForPdu((pdu) => textOf(pdu) === 'first')
    for (const what of ['message', 'state'] as const) {
      let isFirst = true
      policy.answerWith = async (pdu) => {
        if (pdu.sender !== alice.userId || !isFirst) return undefined
        isFirst = false
        const event = room.append(carol, 'm.room.message', message(`meanwhile ${what}`))
        await receive(policy.sign(event.pdu))
        return undefined
      }
      if (what === 'message') await send(alice, roomId, 'slow')
      else await setState(alice, roomId, 'm.room.name', { name: 'Slow' })
    }
    const built = policy.asked.filter(({ type }) => type === 'm.room.name')
    assert.equal(built.length, 2, 'the state event was built again on what had come')
    await peer.waitForPdu((pdu) => pdu.type === 'm.room.name' && pdu.room_id === roomId)
    assert.deepEqual((await texts(alice, roomId)).toSorted(), ['first', 'meanwhile message', 'meanwhile state', 'slow'])
    assert.equal((await getState(alice, roomId, 'm.room.name')).name, 'Slow')
    await send(alice, roomId, 'last')
    const last = await peer.waitForPdu((pdu) => textOf(pdu) === 'last')
    assert.equal(last.prev_events.length, 1, 'the state event has joined what forked')
    assert.deepEqual(peer.faults, [])
  })

  test('an invitation of somebody elsewhere is signed before their server gets it', async () => {
    const { roomId } = await policedRoom()
    const dora = other.user('dora')
    const seen: Pdu[] = []
    other.on('PUT', '/_matrix/federation/v2/invite/:roomId/:eventId', ({ body }) => {
      seen.push(Object(body).event as Pdu)
      return refusal(403, 'M_FORBIDDEN')
    })
    const path = at`/_matrix/client/v3/rooms/${roomId}/invite`
    await alice.request('POST', path, { body: { user_id: dora }, expect: 403 })
    assert.deepEqual(
      seen.map((pdu) => isSigned(pdu)),
      [true],
    )
    policy.answerWith = () => refusal(400, 'M_FORBIDDEN', 'spam')
    await alice.request('POST', path, { body: { user_id: dora }, expect: 400 })
    assert.equal(seen.length, 1)
  })
})

describe('events of others', () => {
  test('are shown with the signature that they have, or that the policy server gives when it is asked', async () => {
    const { roomId, room } = await policedRoom()
    const signed = room.append(carol, 'm.room.message', message('signed'))
    await receive(policy.sign(signed.pdu))
    assert.deepEqual(policy.asked, [])
    const unsigned = room.message(carol, 'unsigned')
    const stale = room.message(carol, 'stale')
    const staleSignatures = { ...stale.pdu.signatures?.[peer.serverName], 'ed25519:policy_server': 'AAAA' }
    await receive(unsigned.pdu, { ...stale.pdu, signatures: { [peer.serverName]: staleSignatures } })
    assert.deepEqual(asked(), ['unsigned', 'stale'])
    assert.deepEqual(await texts(alice, roomId), ['signed', 'unsigned', 'stale'])
    // Others who ask us for it get it with that signature.
    for (const { eventId } of [unsigned, stale]) {
      const { body } = await peer.request(server.serverName, 'GET', at`/_matrix/federation/v1/event/${eventId}`)
      assert.ok(isSigned((body.pdus as unknown as Pdu[])[0] as Pdu))
    }
  })

  test('are kept and not shown where it refuses or cannot be reached', async () => {
    const { roomId, room } = await policedRoom()
    const answers = [() => refusal(400, 'M_FORBIDDEN'), () => ({}), () => 'hang up' as const]
    for (const [i, answerWith] of answers.entries()) {
      policy.answerWith = answerWith
      const event = room.build(carol, 'm.room.message', message(`unwanted ${i}`))
      assert.deepEqual(await receive(event.pdu), { [event.eventId]: undefined })
      const topic = room.build(
        carol,
        'm.room.member',
        { membership: 'join', displayname: `x${i}` },
        { stateKey: carol },
      )
      await receive(topic.pdu)
      server.context.federation.transport.heardFrom(peer.serverName)
    }
    policy.answerWith = () => undefined
    await receive(room.message(carol, 'wanted').pdu)
    assert.deepEqual(await texts(alice, roomId), ['wanted'])
    assert.equal((await getState(alice, roomId, 'm.room.member', carol)).displayname, undefined)
    await send(alice, roomId, 'answer')
    const { prev_events: prev } = await peer.waitForPdu((pdu) => textOf(pdu) === 'answer')
    assert.equal(prev.length, 1, 'what is not shown is nothing to build on')
  })

  test('a policy server counts only with a key, and with somebody in the room', async () => {
    const { roomId, room } = await policedRoom()
    for (const content of [
      {},
      { via: peer.serverName },
      { ...policy.content, public_keys: { ed25519: 'short' } },
      { ...policy.content, public_keys: [] },
      { ...policy.content, via: 'not a server' },
      { ...policy.content, via: other.serverName },
    ]) {
      await setState(alice, roomId, 'm.room.policy', content)
      const { event_id: id } = Object(await alice.get(`${statePath(roomId, 'm.room.policy')}?format=event`))
      await peer.waitFor('the event', () => room.graph.events.has(id))
      await receive(room.message(carol, 'free').pdu)
      await send(alice, roomId, 'free too')
    }
    assert.deepEqual(policy.asked, [])
    assert.equal((await texts(alice, roomId)).length, 12)
  })

  test('a join through us needs its recommendation', async () => {
    const { roomId } = await policedRoom()
    policy.answerWith = () => refusal(400, 'M_FORBIDDEN', 'not you')
    await assert.rejects(joinThrough(other, server.serverName, roomId, other.user('dora')), /403/)
    policy.answerWith = () => undefined
    await joinThrough(other, server.serverName, roomId, other.user('emil'))
    assert.equal((await getState(alice, roomId, 'm.room.member', other.user('emil'))).membership, 'join')
  })
})
