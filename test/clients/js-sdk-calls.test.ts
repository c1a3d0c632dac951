import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestClock } from '../../src/util/clock.ts'
import { createSdkClient, startSync, until } from '../helpers/js-sdk.ts'
import { livekitKey, openLivekitToken, startLivekit } from '../helpers/livekit.ts'
import { createRoom, getState, join, publicRoom, send } from '../helpers/rooms.ts'
import { createTestServer } from '../helpers/server.ts'

test('matrix-js-sdk finds the way to calls, and its proof of identity opens one there', async () => {
  await using livekit = await startLivekit(Date.now)
  const config = { voip: { livekit: { url: livekit.url.replace('http', 'ws'), ...livekitKey } } }
  await using server = await createTestServer({ config })
  const alice = await server.user('alice')
  const roomId = await createRoom(alice)
  const client = await createSdkClient(alice)
  const [transport] = await client._unstable_getRTCTransports()
  assert.equal(transport?.type, 'livekit')
  const body = { room: roomId, device_id: alice.deviceId, openid_token: await client.getOpenIdToken() }
  const answer = await fetch(`${transport.livekit_service_url}/sfu/get`, { method: 'POST', body: JSON.stringify(body) })
  const { url, jwt } = (await answer.json()) as { url: string; jwt: string }
  assert.equal(url, livekit.url.replace('http', 'ws'))
  assert.equal(openLivekitToken(jwt, Date.now())?.sub, `${alice.userId}:${alice.deviceId}`)
  assert.equal(livekit.opened.length, 1)
})

test('where there are no calls, matrix-js-sdk hears of an unknown path and looks elsewhere', async () => {
  await using server = await createTestServer()
  const client = await createSdkClient(await server.user('alice'))
  await assert.rejects(client._unstable_getRTCTransports(), { errcode: 'M_UNRECOGNIZED', httpStatus: 404 })
})

test('matrix-js-sdk puts off its leave while it lives, and is told who is in a call by sticky events', async () => {
  const clock = createTestClock(Date.now())
  await using server = await createTestServer({ clock })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [])
  const client = await createSdkClient(alice)
  const type = 'org.matrix.msc3401.call.member' as never
  const key = `_${alice.userId}_A_m.call`
  await client.sendStateEvent(roomId, type, { device_id: 'A' } as never, key)
  const { delay_id: delayId } = await client._unstable_sendDelayedStateEvent(
    roomId,
    { delay: 10_000 },
    type,
    {} as never,
    key,
  )
  for (let i = 0; i < 3; i++) {
    clock.advance(5_000)
    await client._unstable_restartScheduledDelayedEvent(delayId)
  }
  assert.deepEqual(
    (await client._unstable_getDelayedEvents()).scheduled?.map((event) => event.delay_id),
    [delayId],
  )
  assert.deepEqual(await getState(alice, roomId, type, key), { device_id: 'A' })
  clock.advance(10_000)
  await server.context.delayed.drain()
  assert.deepEqual(await getState(alice, roomId, type, key), {})
  await assert.rejects(client._unstable_restartScheduledDelayedEvent(delayId), { errcode: 'M_NOT_FOUND' })
  const ended = await client._unstable_getDelayedEvent(delayId)
  assert.equal(ended.finalised?.finalised_ts, clock.now())

  const sticky = 'org.matrix.msc4143.rtc.member' as never
  const content = (name: string) => ({ slot_id: 'm.call#ROOM', msc4354_sticky_key: name }) as never
  await client._unstable_sendStickyEvent(roomId, 3_600_000, null, sticky, content('early'))
  for (let i = 0; i < 30; i++) await send(alice, roomId, `between ${i}`)
  await join(bob, roomId)
  const other = await createSdkClient(bob)
  await startSync(other, { initialSyncLimit: 5 })
  try {
    const keys = () =>
      [...(other.getRoom(roomId)?._unstable_getStickyEvents() ?? [])].map((event) => event.getContent())
    assert.deepEqual(keys(), [content('early')])
    const options = { delay: 1_000 }
    await client._unstable_sendStickyDelayedEvent(roomId, 3_600_000, options, null, sticky, content('late'))
    clock.advance(1_000)
    await server.context.delayed.drain()
    await until(other, 'the second sticky event', () => (keys().length === 2 ? true : undefined))
  } finally {
    other.stopClient()
  }
})
