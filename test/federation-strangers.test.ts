import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import type { RoomId, UserId } from '../src/matrix/ids.ts'
import { at } from './helpers/client.ts'
import { deviceKeys } from './helpers/e2ee.ts'
import { createPeer, type Peer } from './helpers/federation/peer.ts'
import { joinThrough, leaveThrough } from './helpers/federation/peer-joining.ts'
import { createFederatedServer, type FederatedServer } from './helpers/federation/servers.ts'
import { act, createRoom, send } from './helpers/rooms.ts'
import { password, type TestUser } from './helpers/server.ts'

let server: FederatedServer
/** With whom no room is shared any more. */
let stranger: Peer
let friend: Peer
let carol: UserId
let fred: UserId

before(async () => {
  server = await createFederatedServer({ config: { federation: { send_presence: true } } })
  stranger = await createPeer()
  friend = await createPeer()
  carol = stranger.user('carol')
  fred = friend.user('fred')
  for (const peer of [stranger, friend]) {
    peer.on('GET', '/_matrix/federation/v1/user/devices/:userId', ({ params }) => ({
      body: { user_id: String(params.userId), stream_id: 1, devices: [] },
    }))
  }
})
beforeEach(() => {
  for (const peer of [stranger, friend]) {
    peer.pdus.length = 0
    peer.edus.length = 0
  }
})
after(async () => {
  await Promise.all([stranger.stop(), friend.stop()])
  await server.stop()
})

/** What tells other servers of a user, all of it; the friend shows that it was told. */
async function beBusy(alice: TestUser, roomId: string, name: string): Promise<void> {
  const profile = at`/_matrix/client/v3/profile/${alice.userId}`
  await alice.put(`${profile}/displayname`, { displayname: name })
  await alice.put(at`/_matrix/client/v3/presence/${alice.userId}/status`, { presence: 'online', status_msg: name })
  await alice.request('PUT', at`/_matrix/client/v3/rooms/${roomId}/typing/${alice.userId}`, {
    body: { typing: true, timeout: 9000 },
  })
  // A new device, and one with another name.
  const identifier = { type: 'm.id.user', user: alice.userId }
  const login = { type: 'm.login.password', identifier, password, initial_device_display_name: name }
  await alice.request('POST', '/_matrix/client/v3/login', { body: login, expect: 200 })
  await alice.put(at`/_matrix/client/v3/devices/${alice.deviceId}`, { display_name: name })
  const messages = { [carol]: { '*': { text: name } }, [fred]: { '*': { text: name } } }
  await alice.put(at`/_matrix/client/v3/sendToDevice/m.room_key_request/${name}`, { messages })
  const event = await send(alice, roomId, name)
  await alice.request('POST', at`/_matrix/client/v3/rooms/${roomId}/receipt/m.read/${event}`, { body: {} })
  await friend.waitForPdu(({ content }) => content.body === name)
  await friend.waitForEdu('m.receipt')
  await friend.waitForEdu('m.presence')
  await friend.waitForEdu('m.direct_to_device')
  await friend.waitForEdu('m.device_list_update', (content) => content.device_display_name === name)
}

const seen = (from: number) => stranger.requests.slice(from).map(({ method, path }) => `${method} ${path}`)

/** A room with users of both in it, and one with the friend alone. */
async function meet(alice: TestUser): Promise<{ shared: RoomId; kept: RoomId }> {
  const keys = deviceKeys(alice)
  await alice.request('POST', '/_matrix/client/v3/keys/upload', { body: { device_keys: keys }, expect: 200 })
  const [shared, kept] = [
    (await createRoom(alice, { preset: 'public_chat' })) as RoomId,
    (await createRoom(alice, { preset: 'public_chat' })) as RoomId,
  ]
  await joinThrough(stranger, server.serverName, shared, carol)
  for (const roomId of [shared, kept]) await joinThrough(friend, server.serverName, roomId, fred)
  await send(alice, shared, 'met')
  await stranger.waitForPdu(({ content }) => content.body === 'met')
  return { shared, kept }
}

const endings: [string, (alice: TestUser, roomId: RoomId) => Promise<unknown>][] = [
  ['their user has left', (_, roomId) => leaveThrough(stranger, server.serverName, roomId, carol)],
  ['their user was banned', (alice, roomId) => act(alice, roomId, 'ban', { user_id: carol })],
  ['ours has left', (alice, roomId) => act(alice, roomId, 'leave')],
]

for (const [i, [ending, end]] of endings.entries()) {
  test(`a server hears nothing of a user once ${ending}`, async () => {
    const alice = await server.user(`alice${i}`)
    const { shared, kept } = await meet(alice)
    await end(alice, shared)
    // What was on its way, the ending itself included, arrives before.
    await server.context.sender.drain()
    stranger.pdus.length = 0
    const from = stranger.requests.length
    await beBusy(alice, kept, `busy${i}`)
    await server.context.sender.drain()
    assert.deepEqual(seen(from), [])
  })
}

test('a server is asked and told nothing because somebody looks at what is here', async () => {
  const alice = await server.user('alice-looks')
  const { shared, kept } = await meet(alice)
  await leaveThrough(stranger, server.serverName, shared, carol)
  await server.context.sender.drain()
  const from = stranger.requests.length
  const get = (path: string, query: Record<string, string> = {}) => alice.get<JsonObject>(path, query)
  await get('/_matrix/client/v3/sync')
  await get(at`/_matrix/client/v3/rooms/${shared}/messages`, { dir: 'b' })
  await get(at`/_matrix/client/v3/rooms/${shared}/members`)
  await get(at`/_matrix/client/v3/rooms/${shared}/state`)
  await get(at`/_matrix/client/v1/rooms/${shared}/hierarchy`)
  await get('/_matrix/client/v3/publicRooms')
  await get(at`/_matrix/client/v3/presence/${fred}/status`)
  await alice.request('POST', '/_matrix/client/v3/user_directory/search', {
    body: { search_term: 'carol' },
    expect: 200,
  })
  await send(alice, kept, 'still here')
  await friend.waitForPdu(({ content }) => content.body === 'still here')
  await server.context.sender.drain()
  assert.deepEqual(seen(from), [])
})
