import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contentHashMatches } from '../../../src/matrix/event-hash.ts'
import { verifyEvent } from '../../../src/matrix/event-signing.ts'
import type { ServerName, UserId } from '../../../src/matrix/ids.ts'
import { roomVersions } from '../../../src/matrix/room-versions.ts'
import { signingKeyFromSeed } from '../../../src/matrix/signing.ts'
import { buildRoom } from './room-builder.ts'

const signer = { server: 'a.example' as ServerName, key: signingKeyFromSeed('1', Buffer.alloc(32, 1)) }
const alice = '@alice:a.example' as UserId
const bob = '@bob:a.example' as UserId

for (const version of roomVersions) {
  test(`a built room of version ${version} forks, merges, and is signed`, () => {
    const room = buildRoom(signer, alice, { version })
    room.member(bob, 'join')
    const fork = [...room.graph.heads]
    const one = room.message(alice, 'one', { prev: fork })
    const topic = room.append(alice, 'm.room.topic', { topic: 'two' }, { stateKey: '', prev: fork })
    assert.deepEqual(new Set(room.graph.heads), new Set([one.eventId, topic.eventId]))
    const merged = room.message(bob, 'three')
    assert.deepEqual([...room.graph.heads], [merged.eventId])
    assert.equal(room.state('m.room.topic')?.eventId, topic.eventId)
    assert.equal(room.graph.stateAfter(one.eventId).has('12:m.room.topic'), false)
    for (const { pdu } of room.graph.events.values()) {
      assert.ok(contentHashMatches(pdu))
      assert.ok(verifyEvent(pdu, room.rules, signer.server, signer.key.keyId, signer.key.publicKey))
    }
    assert.throws(() => room.append(bob, 'm.room.topic', { topic: 'no' }, { stateKey: '' }), /power level/)
    const forged = room.build(bob, 'm.room.message', { body: 'x' }, { tamper: (pdu) => ({ ...pdu, content: {} }) })
    assert.equal(contentHashMatches(forged.pdu), false)
  })
}
