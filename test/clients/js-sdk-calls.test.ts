import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSdkClient } from '../helpers/js-sdk.ts'
import { livekitKey, openLivekitToken, startLivekit } from '../helpers/livekit.ts'
import { createRoom } from '../helpers/rooms.ts'
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
