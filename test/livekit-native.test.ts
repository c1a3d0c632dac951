import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { livekitRoomOf } from '../src/voip/livekit/wire.ts'
import { at } from './helpers/client.ts'
import { createFederatedServer } from './helpers/federation/servers.ts'
import { livekitKey, openLivekitToken, startLivekit } from './helpers/livekit.ts'
import { act, publicRoom, setState } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'

const url = 'wss://livekit.example.org'
const stable = '/_matrix/client/v1/rtc/livekit'
const unstable = '/_matrix/client/unstable/io.element.msc4195/rtc/livekit'
const slot = 'm.call#ROOM'

const hashOf = (parts: string[]) =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64').replace(/=+$/, '')

const september = (roomId: string, changes: object = {}) => ({
  url,
  room_id: roomId,
  slot_id: slot,
  member_id: 'xyz',
  ...changes,
})
const july = (user: TestUser, roomId: string, changes: object = {}) => ({
  room_id: roomId,
  slot_id: slot,
  member: { id: 'xyz', claimed_user_id: user.userId, claimed_device_id: user.deviceId },
  ...changes,
})

test('seats in calls by access token, here and through the server of a call elsewhere', async (t) => {
  await using livekit = await startLivekit(Date.now)
  const config = {
    voip: { livekit: { url, internal_url: livekit.url, ...livekitKey } },
    registration: { guests: true },
  }
  await using here = await createFederatedServer({ config })
  await using there = await createFederatedServer({
    config: { voip: { livekit: { url: 'wss://other.example.org', internal_url: livekit.url, ...livekitKey } } },
  })
  await using bare = await createFederatedServer()
  const alice = await here.user('alice')
  const carol = await here.user('carol')
  const bob = await there.user('bob')
  const dave = await bare.user('dave')
  const roomId = await publicRoom(alice, [])
  for (const user of [bob, dave]) {
    const query = { via: [here.serverName] }
    await user.request('POST', at`/_matrix/client/v3/join/${roomId}`, { query, body: {}, expect: 200 })
  }

  const ask = async (user: TestUser, body: object, expect = 200, base = stable) =>
    (await user.request('POST', `${base}/get_token`, { body, expect })).body
  const claimsOf = (body: { jwt?: unknown }) => {
    const claims = openLivekitToken(String(body.jwt), Date.now())
    assert.ok(claims)
    return claims
  }

  await t.test('members get in under the identity of either form', async () => {
    for (const base of [stable, unstable]) {
      livekit.opened.length = 0
      const claims = claimsOf(await ask(alice, september(roomId), 200, base))
      assert.equal(claims.sub, hashOf([alice.userId, 'xyz']))
      assert.equal(claims.video.room, livekitRoomOf(roomId, slot))
      assert.equal(claims.video.canPublish, true)
      assert.equal(livekit.opened.length, 1)
      const old = await ask(alice, july(alice, roomId), 200, base)
      assert.equal(old.url, url)
      assert.equal(claimsOf(old).sub, hashOf([alice.userId, alice.deviceId, 'xyz']))
    }
  })

  await t.test('strangers, other names and other servers are refused in the words of each form', async () => {
    livekit.opened.length = 0
    const cases: [TestUser, object, number, string][] = [
      [carol, september(roomId), 403, 'M_FORBIDDEN'],
      [carol, july(carol, roomId), 401, 'M_UNAUTHORIZED'],
      [alice, september('!nowhere:localhost'), 403, 'M_FORBIDDEN'],
      [alice, july(carol, roomId), 401, 'M_UNAUTHORIZED'],
      [alice, july(alice, roomId, { member: { id: 'x', claimed_device_id: 'OTHER' } }), 401, 'M_UNAUTHORIZED'],
      [alice, september(roomId, { url: 'wss://elsewhere.example.org' }), 400, 'M_INVALID_PARAM'],
      [alice, september(roomId, { server_name: 'elsewhere.example.org' }), 403, 'M_FORBIDDEN'],
      [alice, september(roomId, { member_id: undefined }), 400, 'M_MISSING_PARAM'],
      [alice, september(roomId, { slot_id: undefined }), 400, 'M_MISSING_PARAM'],
      [alice, september(roomId, { server_name: 'http://127.0.0.1/' }), 400, 'M_BAD_JSON'],
      [alice, september('x'), 400, 'M_BAD_JSON'],
    ]
    for (const [user, body, status, errcode] of cases) {
      assert.equal((await ask(user, body, status)).errcode, errcode, JSON.stringify(body))
    }
    for (const path of [`${stable}/get_token`, `${unstable}/delegate_delayed_leave`]) {
      // By this answer Element Call tells whether leaves can be entrusted to the server.
      const { body } = await here.client.request('POST', path, { body: {}, expect: 401 })
      assert.equal(body.errcode, 'M_MISSING_TOKEN')
    }
    assert.deepEqual(livekit.opened, [])
    await ask(alice, september(roomId, { url: `${url}/`, server_name: here.serverName }))
  })

  await t.test('guests take part, too', async () => {
    const { access_token: token, user_id: guestId } = await here.client.post<{ access_token: string; user_id: string }>(
      '/_matrix/client/v3/register?kind=guest',
    )
    const guest = { ...here.client.as(token), userId: guestId } as TestUser
    await ask(guest, september(roomId), 403)
    await setState(alice, roomId, 'm.room.guest_access', { guest_access: 'can_join' })
    await act(guest, roomId, 'join')
    assert.equal(claimsOf(await ask(guest, september(roomId))).sub, hashOf([guestId, 'xyz']))
  })

  await t.test('the server of a call elsewhere is asked, and lets others only listen', async () => {
    livekit.opened.length = 0
    const asked = { server_name: here.serverName }
    const claims = claimsOf(await ask(bob, september(roomId, asked)))
    assert.equal(claims.sub, hashOf([bob.userId, 'xyz']))
    assert.equal(claims.video.canPublish, false)
    assert.equal(claims.video.room, livekitRoomOf(roomId, slot))
    assert.equal(claimsOf(await ask(bob, july(bob, roomId, asked))).video.canPublish, true)
    assert.deepEqual(livekit.opened, [])
    assert.equal(
      (await ask(bob, september(roomId, { ...asked, url: 'wss://wrong.example.org' }), 400)).errcode,
      'M_INVALID_PARAM',
    )
    // Without LiveKit of its own a server does not know these paths.
    assert.equal((await ask(dave, september(roomId, asked), 404)).errcode, 'M_UNRECOGNIZED')
    // Nor can it give access to any.
    assert.equal((await ask(alice, september(roomId, { server_name: bare.serverName }), 502)).errcode, 'M_UNKNOWN')
    await bare.stop()
    const gone = await ask(alice, september(roomId, { server_name: bare.serverName, slot_id: 'other' }), 502)
    assert.equal(gone.errcode, 'M_UNKNOWN')
  })

  await t.test('what one server does not allow, the other tells', async () => {
    await act(alice, roomId, 'ban', { user_id: bob.userId })
    const asked = { server_name: here.serverName }
    assert.equal((await ask(bob, september(roomId, asked), 403)).errcode, 'M_FORBIDDEN')
    assert.equal((await ask(bob, july(bob, roomId, asked), 401)).errcode, 'M_UNAUTHORIZED')
  })

  await t.test('servers speak for their own users only', async () => {
    const { transport } = there.context.federation
    const { requestLivekitToken } = await import('../src/federation/client/requests-livekit.ts')
    for (const body of [
      { ...september(roomId), user_id: alice.userId },
      { ...september(roomId), user_id: bob.userId },
      july(alice, roomId),
    ]) {
      await assert.rejects(
        requestLivekitToken(transport, here.serverName, body),
        /M_FORBIDDEN|members of the room/,
        JSON.stringify(body),
      )
    }
    await assert.rejects(requestLivekitToken(transport, here.serverName, september(roomId)), /user_id/)
  })
})
