import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomId } from '../../src/matrix/ids.ts'
import { roomVersions } from '../../src/matrix/room-versions.ts'
import { createPeer } from '../helpers/federation/peer.ts'
import { joinThrough } from '../helpers/federation/peer-joining.ts'
import { publicRoom, send } from '../helpers/rooms.ts'
import { startSynapse, withoutSynapse } from './synapse.ts'

test('our test server is one that Synapse understands, in every room version', { skip: withoutSynapse }, async () => {
  await using synapse = await startSynapse()
  await using peer = await createPeer()
  peer.isStrict = false
  const alice = await synapse.register('alice')
  for (const version of roomVersions) {
    const roomId = (await publicRoom(alice, [], { room_version: version })) as RoomId
    const room = await joinThrough(peer, synapse.serverName, roomId, peer.user('bob'))
    assert.equal(room.rules.version, version)
    await send(alice, roomId, `hello ${version}`)
    await peer.waitForPdu((pdu) => pdu.content.body === `hello ${version}`)
    const reply = room.message(peer.user('bob'), `welcome to ${version}`)
    const answer = await peer.send(synapse.serverName, [reply.pdu])
    assert.deepEqual(answer, { [reply.eventId]: undefined })
  }
  assert.deepEqual(peer.faults, [])
})
