/** A room with people of other servers that are gone, slow or well is there soon. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestClock } from '../src/util/clock.ts'
import { createPeer } from './helpers/federation/peer.ts'
import { createFederatedServer } from './helpers/federation/servers.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'
import { allState, createRoom } from './helpers/rooms.ts'

test('servers that do not answer hold up neither the room nor the others', { skip: withoutOpenssl }, async () => {
  const clock = createTestClock(Date.now())
  await using server = await createFederatedServer({ clock })
  const alice = await server.user('alice')
  await using stack = new AsyncDisposableStack()
  const silent = await Promise.all(Array.from({ length: 6 }, createPeer))
  const well = await createPeer()
  for (const peer of [...silent, well]) stack.use(peer)
  let asked = 0
  const { promise: allAsked, resolve } = Promise.withResolvers<void>()
  for (const peer of silent) {
    peer.on('PUT', '/_matrix/federation/v2/invite/:roomId/:eventId', async () => {
      asked += 1
      if (asked === silent.length) resolve()
      return new Promise(() => {})
    })
  }
  const gone = await createPeer()
  await gone.stop()
  const friends = [well.user('one'), well.user('two')]
  const invite = [...silent.map((peer) => peer.user('bob')), gone.user('ghost'), ...friends]
  const creating = createRoom(alice, { invite })
  await allAsked
  await well.waitFor('both invitations', () => well.invites.length === 2)
  let isThere = false
  void creating.then(() => {
    isThere = true
  })
  clock.advance(9_999)
  await alice.get('/_matrix/client/v3/sync')
  assert.equal(isThere, false)
  clock.advance(1)
  const roomId = await creating
  const isInvited = async (userId: string) =>
    (await allState(alice, roomId)).some(
      ({ state_key: key, content }) => key === userId && content.membership === 'invite',
    )
  for (const friend of friends) {
    // Its answer has come, and is written at any moment.
    for (let tries = 0; tries < 200 && !(await isInvited(friend)); tries++);
    assert.ok(await isInvited(friend))
  }
})
