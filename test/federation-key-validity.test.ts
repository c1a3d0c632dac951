/** Until when keys sign events that come in transactions: https://spec.matrix.org/v1.19/rooms/v5/#signing-key-validity-period */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import type { IdentifiedPdu, JsonObject } from '../src/matrix/event.ts'
import { hashAndSign } from '../src/matrix/event-hash.ts'
import type { SigningKey } from '../src/matrix/signing.ts'
import { newSigningKey } from './helpers/federation/key-server.ts'
import { createPeer, type Peer } from './helpers/federation/peer.ts'
import { keyDocument } from './helpers/federation/peer-keys.ts'
import { createFederatedServer, type FederatedServer } from './helpers/federation/servers.ts'
import { isVisible, type SharedRoom, settle, shareRoom, untilEvent } from './helpers/federation/shared-room.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'

const options = { skip: withoutOpenssl }
const hour = 3_600_000
let server: FederatedServer
let peer: Peer

before(async () => {
  if (!withoutOpenssl) server = await createFederatedServer()
})
after(() => server?.stop())
// What is known of a server's keys is a matter of each test.
beforeEach(async () => {
  if (withoutOpenssl) return
  await peer?.stop()
  peer = await createPeer()
})
after(() => peer?.stop())

/** What the server says of its keys from now on; the list has an entry for each time that it was asked. */
function publish(changes: JsonObject): unknown[] {
  const asked: unknown[] = []
  peer.on('GET', '/_matrix/key/v2/server', (request) => {
    asked.push(request.path)
    return { body: keyDocument(peer.signer, changes) }
  })
  return asked
}

function message({ room, bob }: SharedRoom, key: SigningKey, ts: number): IdentifiedPdu {
  const draft = room.draft(bob, 'm.room.message', { msgtype: 'm.text', body: `signed with ${key.keyId}` }, { ts })
  return hashAndSign(draft, room.rules, peer.serverName, key)
}

async function assertTaken(shared: SharedRoom, event: IdentifiedPdu): Promise<void> {
  assert.deepEqual(await peer.send(server.serverName, [event.pdu]), { [event.eventId]: undefined })
  await untilEvent(shared.follower, shared.roomId, event.eventId)
}

async function assertRefused(shared: SharedRoom, event: IdentifiedPdu): Promise<void> {
  const { [event.eventId]: error } = await peer.send(server.serverName, [event.pdu])
  assert.match(String(error), /signature/)
  await settle(peer, server, shared)
  assert.equal(await isVisible(shared, event.eventId), false)
}

for (const version of ['1', '4', '5', '6', '11', '12']) {
  const isEnforced = Number(version) >= 5

  test(
    `a retired key signs what is older${isEnforced ? '' : ', and all else'} (version ${version})`,
    options,
    async () => {
      const shared = await shareRoom(server, peer, { room_version: version })
      const retired = newSigningKey('retired')
      const expired = Date.now() - hour
      // The server has the keys already, but not this one.
      const asked = publish({ old_verify_keys: { [retired.keyId]: { key: retired.publicKey, expired_ts: expired } } })
      await assertTaken(shared, message(shared, retired, expired))
      assert.equal(asked.length, 1, 'a key that is not known is asked for')
      await (isEnforced ? assertRefused : assertTaken)(shared, message(shared, retired, expired + 1))
    },
  )

  test(`an event from after valid_until_ts waits for new keys (version ${version})`, options, async () => {
    publish({ valid_until_ts: Date.now() + hour })
    const shared = await shareRoom(server, peer, { room_version: version })
    const late = message(shared, peer.signer.key, Date.now() + 2 * hour)
    if (!isEnforced) return assertTaken(shared, late)
    await assertRefused(shared, late)
    const asked = publish({ valid_until_ts: Date.now() + 3 * hour })
    await assertTaken(shared, late)
    assert.equal(asked.length, 1)
  })
}

test('a key that the server does not name signs nothing, however often it is tried', options, async () => {
  const shared = await shareRoom(server, peer)
  const asked = publish({})
  const stolen = newSigningKey('stolen')
  for (let i = 0; i < 10; i++) {
    const event = message(shared, stolen, Date.now() - i)
    const { [event.eventId]: error } = await peer.send(server.serverName, [event.pdu])
    assert.match(String(error), /signature/)
  }
  assert.ok(asked.length >= 1 && asked.length <= 3, `asked ${asked.length} times`)
  await settle(peer, server, shared)
})
