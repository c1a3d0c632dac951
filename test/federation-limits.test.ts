/** How large events and transactions may be: https://spec.matrix.org/v1.19/client-server-api/#size-limits */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { IdentifiedPdu, Json, JsonObject, Pdu } from '../src/matrix/event.ts'
import { hashAndSign } from '../src/matrix/event-hash.ts'
import { encodeEvent } from '../src/matrix/event-signing.ts'
import type { EventId, UserId } from '../src/matrix/ids.ts'
import { createPeer, type Peer } from './helpers/federation/peer.ts'
import { sendText, transactionText } from './helpers/federation/raw-transaction.ts'
import { createFederatedServer, type FederatedServer } from './helpers/federation/servers.ts'
import { isVisible, type SharedRoom, settle, shareRoom, untilEvent } from './helpers/federation/shared-room.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'

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

async function assertTaken(shared: SharedRoom, event: IdentifiedPdu, what: string): Promise<void> {
  const answer = await peer.send(server.serverName, [event.pdu])
  assert.equal(answer[event.eventId], undefined, what)
  await untilEvent(shared.follower, shared.roomId, event.eventId)
}

async function assertRefused(shared: SharedRoom, event: IdentifiedPdu, what: string): Promise<void> {
  const answer = await peer.send(server.serverName, [event.pdu])
  assert.equal(typeof answer[event.eventId], 'string', what)
  await settle(peer, server, shared)
  assert.equal(await isVisible(shared, event.eventId), false, what)
}

/** A message that has as many bytes as canonical JSON. */
function messageOf(bytes: number, { room, bob }: SharedRoom): IdentifiedPdu {
  const build = (body: string, ts: number) => room.build(bob, 'm.room.message', { msgtype: 'm.text', body }, { ts })
  const ts = Date.now()
  const missing = bytes - Buffer.byteLength(encodeEvent(build('', ts).pdu, room.rules))
  const event = build('x'.repeat(missing), ts)
  assert.equal(Buffer.byteLength(encodeEvent(event.pdu, room.rules)), bytes)
  return event
}

for (const version of ['1', '5', '10', '12']) {
  test(`an event of version ${version} may have 65,536 bytes`, options, async () => {
    const shared = await shareRoom(server, peer, { room_version: version })
    await assertTaken(shared, messageOf(65_536, shared), 'as large as may be')
    await assertRefused(shared, messageOf(65_537, shared), 'one more')
  })
}

const anybodyMay = { power_level_content_override: { state_default: 0 } }

for (const [version, isCountedInBytes] of [
  ['2', false],
  ['6', false],
  ['10', false],
  ['11', true],
  ['12', true],
] as const) {
  const unit = isCountedInBytes ? 'bytes' : 'code points'
  test(`names in events of version ${version} may have 255 ${unit}`, options, async () => {
    const shared = await shareRoom(server, peer, { room_version: version, ...anybodyMay })
    const { room, bob } = shared
    const typed = (type: string) => room.build(bob, type, { body: type })
    const keyed = (stateKey: string) => room.build(bob, 'org.example.state', { stateKey }, { stateKey })
    for (const build of [typed, keyed]) {
      await assertTaken(shared, build('x'.repeat(255)), `${build.name}: 255 letters`)
      await assertRefused(shared, build('x'.repeat(256)), `${build.name}: 256 letters`)
      await assertRefused(shared, build('😀'.repeat(256)), `${build.name}: 256 pictures`)
      // Each has four bytes, and two units of UTF-16.
      const pictures = build('😀'.repeat(255))
      await (isCountedInBytes ? assertRefused : assertTaken)(shared, pictures, `${build.name}: 255 pictures`)
      await assertTaken(shared, build('😀'.repeat(63)), `${build.name}: 252 bytes`)
    }
  })
}

test('senders may have 255 characters, and no more', options, async () => {
  const shared = await shareRoom(server, peer)
  const named = (length: number) => `@${'m'.repeat(length - peer.serverName.length - 2)}:${peer.serverName}` as UserId
  assert.equal(named(255).length, 255)
  await assertTaken(shared, shared.room.member(named(255), 'join'), '255')
  const { room } = shared
  const tooLong = room.build(named(256), 'm.room.member', { membership: 'join' }, { stateKey: named(256) })
  await assertRefused(shared, tooLong, '256')
})

for (const version of ['1', '2'] as const) {
  test(`ids of events of version ${version} may have 255 characters, and no more`, options, async () => {
    const shared = await shareRoom(server, peer, { room_version: version })
    const named = (length: number) => {
      const eventId = `$${version.repeat(length - peer.serverName.length - 2)}:${peer.serverName}` as EventId
      return shared.room.build(
        shared.bob,
        'm.room.message',
        { body: 'x' },
        { change: (pdu) => ({ ...pdu, event_id: eventId }) },
      )
    }
    await assertTaken(shared, named(255), '255')
    await assertRefused(shared, named(256), '256')
  })
}

test('what stands under event_id means nothing where the id is a hash', options, async () => {
  const shared = await shareRoom(server, peer)
  const change = (pdu: Pdu) => ({ ...pdu, event_id: `$${'e'.repeat(300)}` as EventId })
  await assertTaken(shared, shared.room.build(shared.bob, 'm.room.message', { body: 'x' }, { change }), 'a long one')
})

describe('numbers', options, () => {
  const odd: Record<string, string> = {
    'with a fraction': '1.5',
    'without a fraction, as one': '1.0',
    'with an exponent': '1e3',
    'beyond what is safe': '9007199254740992',
    'below what is safe': '-9007199254740992',
  }

  /** An event with a number that only text can hold. */
  function eventWith(literal: string, { room, bob }: SharedRoom): IdentifiedPdu {
    const content = { msgtype: 'm.text', body: 'a number', n: JSON.parse(literal) as Json } as JsonObject
    const lenient = { ...room.rules, strictCanonicalJson: false }
    return hashAndSign(room.draft(bob, 'm.room.message', content), lenient, peer.serverName, peer.signer.key)
  }

  for (const version of ['1', '5', '6', '10', '12']) {
    const isStrict = Number(version) >= 6
    test(`are ${isStrict ? 'integers in' : 'as anybody writes them before'} version ${isStrict ? version : '6'} (${version})`, async () => {
      const shared = await shareRoom(server, peer, { room_version: version })
      for (const [name, literal] of Object.entries(odd)) {
        const event = eventWith(literal, shared)
        const other = shared.room.message(shared.bob, `beside a number ${name}`)
        const text = transactionText(peer, [event.pdu, other.pdu]).replace(/"n":[^,}]+/, `"n":${literal}`)
        const { status } = await sendText(peer, server.serverName, text)
        assert.equal(status, 200, name)
        await untilEvent(shared.follower, shared.roomId, other.eventId)
        if (!isStrict) await untilEvent(shared.follower, shared.roomId, event.eventId)
        else assert.equal(await isVisible(shared, event.eventId), false, name)
      }
    })
  }
})

describe('a transaction', options, () => {
  const typing = ({ roomId, bob }: SharedRoom) => ({
    edu_type: 'm.typing',
    content: { room_id: roomId, user_id: bob, typing: false },
  })

  test('has 50 events and 100 other things at most', async () => {
    const shared = await shareRoom(server, peer)
    const messages = Array.from({ length: 50 }, (_, i) => shared.room.message(shared.bob, `number ${i}`))
    const edus = Array.from({ length: 100 }, () => typing(shared))
    const answer = await peer.send(
      server.serverName,
      messages.map(({ pdu }) => pdu),
      { edus },
    )
    assert.deepEqual(Object.values(answer), Array(50).fill(undefined))
    for (const { eventId } of messages) await untilEvent(shared.follower, shared.roomId, eventId)
  })

  test('that has more is refused as a whole', async () => {
    const shared = await shareRoom(server, peer)
    const message = shared.room.build(shared.bob, 'm.room.message', { body: 'one too many' })
    for (const [pdus, edus] of [
      [Array(51).fill(message.pdu), []],
      [[message.pdu], Array(101).fill(typing(shared))],
    ]) {
      const body = { origin: peer.serverName, origin_server_ts: 1, pdus, edus } as unknown as JsonObject
      const answer = await peer.request(server.serverName, 'PUT', '/_matrix/federation/v1/send/large', { body })
      assert.equal(answer.status, 400)
      assert.equal(answer.body.errcode, 'M_BAD_JSON')
    }
    await settle(peer, server, shared)
    assert.equal(await isVisible(shared, message.eventId), false)
  })
})

for (const version of ['2', '12']) {
  test(
    `what is no event of version ${version} spoils no other, and is named where it has a name`,
    options,
    async () => {
      const shared = await shareRoom(server, peer, { room_version: version })
      const { room, bob, roomId } = shared
      const build = (change: object) =>
        room.build(bob, 'm.room.message', { body: 'x' }, { change: (pdu) => ({ ...pdu, ...change }) })
      const bad = [
        build({ depth: -1 }),
        build({ depth: 'deep' }),
        build({ prev_events: Array.from({ length: 21 }, () => room.draft(bob, 'x', {}).prev_events[0]) }),
        build({ auth_events: null }),
        build({ state_key: 5 }),
      ]
      const nameless: Json[] = [
        null,
        7,
        'text',
        [],
        {},
        { room_id: 7 },
        { room_id: roomId },
        { room_id: roomId, type: 'x' },
      ]
      const good = room.message(bob, 'good')
      const answer = await peer.send(server.serverName, [...nameless, ...bad.map(({ pdu }) => pdu), good.pdu])
      assert.deepEqual(Object.keys(answer).sort(), [...bad, good].map(({ eventId }) => eventId).sort())
      for (const { eventId } of bad) assert.equal(typeof answer[eventId], 'string')
      await untilEvent(shared.follower, roomId, good.eventId)
    },
  )
}
