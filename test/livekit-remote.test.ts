import assert from 'node:assert/strict'
import { test } from 'node:test'
import { queryOpenidUser } from '../src/federation/client/requests-openid.ts'
import { FetchError } from '../src/util/fetch-error.ts'
import { at } from './helpers/client.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { createFakeTransport, refusing, serverNamed } from './helpers/federation/fake-transport.ts'
import { createFederatedServer } from './helpers/federation/servers.ts'
import { livekitKey, openLivekitToken, startLivekit } from './helpers/livekit.ts'
import { act, createRoom, setState } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'

const url = 'wss://livekit.example.org'

for (const engine of engines) {
  test(`a user of another server joins the calls of a room that both are in, and opens none (${engine})`, {
    skip: skipEngine(engine),
  }, async () => {
    await using livekit = await startLivekit(Date.now)
    const config = { voip: { livekit: { url, internal_url: livekit.url, ...livekitKey } } }
    await using here = await createFederatedServer({ config, engine })
    await using there = await createFederatedServer()
    const alice = await here.user('alice')
    const bob = await there.user('bob')
    const eve = await there.user('eve')
    const prove = (user: TestUser) => user.post(at`/_matrix/client/v3/user/${user.userId}/openid/request_token`)
    const ask = async (user: TestUser, roomId: string, expect: number, openid?: object) => {
      const body = { room: roomId, device_id: user.deviceId, openid_token: openid ?? (await prove(user)) }
      return (await here.client.request('POST', '/livekit/jwt/sfu/get', { body, expect })).body
    }
    const enter = (room: string) =>
      bob.request('POST', at`/_matrix/client/v3/join/${room}`, {
        query: { via: [here.serverName] },
        body: {},
        expect: 200,
      })
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    assert.equal((await ask(bob, roomId, 401)).errcode, 'M_UNAUTHORIZED')
    await enter(roomId)

    const answer = await ask(bob, roomId, 200)
    assert.equal(answer.url, url)
    const claims = openLivekitToken(String(answer.jwt), Date.now())
    assert.equal(claims?.sub, `${bob.userId}:${bob.deviceId}`)
    assert.equal(claims?.video.roomCreate, false)
    assert.deepEqual(livekit.opened, [])

    // Neither others of that server, nor who only says to be of it, nor with a token that it did not issue.
    assert.equal((await ask(eve, roomId, 401)).errcode, 'M_UNAUTHORIZED')
    const good = await prove(bob)
    assert.equal((await ask(bob, roomId, 401, { ...good, access_token: 'x' })).errcode, 'M_UNAUTHORIZED')
    const own = await prove(alice)
    const misplaced = { ...own, matrix_server_name: there.serverName }
    assert.equal((await ask(alice, roomId, 401, misplaced)).errcode, 'M_UNAUTHORIZED')

    // The rules of the room hold here, too.
    const acl = { allow: ['*'], deny: ['localhost'], allow_ip_literals: true }
    const denied = await createRoom(alice, { preset: 'public_chat' })
    await enter(denied)
    await ask(bob, denied, 200)
    await setState(alice, denied, 'm.room.server_acl', acl)
    assert.equal((await ask(bob, denied, 401)).errcode, 'M_UNAUTHORIZED')

    await act(alice, roomId, 'ban', { user_id: bob.userId })
    assert.equal((await ask(bob, roomId, 401)).errcode, 'M_UNAUTHORIZED')
    const last = await createRoom(alice, { preset: 'public_chat' })
    await enter(last)
    const fresh = await prove(bob)
    await there.stop()
    assert.equal((await ask(bob, last, 502, fresh)).errcode, 'M_CONNECTION_FAILED')
    assert.deepEqual(livekit.opened, [])
  })
}

test('a server proves who its own users are, and nobody else', async () => {
  const transport = createFakeTransport()
  const there = serverNamed('there.example.org')
  const answers = (sub: unknown) => transport.servers.set(there, () => ({ sub }) as { sub: string })
  answers('@bob:there.example.org')
  assert.equal(await queryOpenidUser(transport, there, 'a&b=/#'), '@bob:there.example.org')
  assert.deepEqual(
    transport.requests.map(({ path, isUnsigned }) => [path, isUnsigned]),
    [['/_matrix/federation/v1/openid/userinfo?access_token=a%26b%3D%2F%23', true]],
  )
  for (const sub of ['@alice:here.example.org', '@bob:there.example.org:8448', 'bob', '']) {
    answers(sub)
    assert.equal(await queryOpenidUser(transport, there, 't'), undefined, sub)
  }
  for (const status of [401, 403]) {
    transport.servers.set(there, refusing(status))
    assert.equal(await queryOpenidUser(transport, there, 't'), undefined)
  }
  transport.servers.delete(there)
  await assert.rejects(queryOpenidUser(transport, there, 't'), FetchError)
})
