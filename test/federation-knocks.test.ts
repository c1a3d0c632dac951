import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { UserId } from '../src/matrix/ids.ts'
import { at } from './helpers/client.ts'
import { createEncounter } from './helpers/federation/encounter.ts'
import { createPeer } from './helpers/federation/peer.ts'
import { inviteTo, knockThrough } from './helpers/federation/peer-joining.ts'
import { refusal } from './helpers/federation/peer-router.ts'
import { act, createRoom, setState, v3 } from './helpers/rooms.ts'
import { sync } from './helpers/sync.ts'

const encounter = await createEncounter()
const { server, peer, alice, carol } = encounter
after(() => encounter.end())

const knockAt = (roomId: string, via: string, status = 200, reason = 'me') =>
  alice.request('POST', at`/_matrix/client/v3/knock/${roomId}`, {
    query: { via },
    body: { reason },
    expect: status,
  })

for (const version of ['7', '10', '12']) {
  test(`a knock at a room of version ${version} elsewhere is shown, taken back and made again`, async () => {
    const room = peer.createRoom(carol, { version, joinRule: 'knock' })
    room.append(carol, 'm.room.name', { name: 'Behind a door' }, { stateKey: '' })
    const { next_batch: since } = await sync(alice)
    await knockAt(room.roomId, peer.serverName)
    const { content } = room.state('m.room.member', alice.userId)?.pdu ?? {}
    assert.deepEqual([content?.membership, content?.reason, content?.displayname], ['knock', 'me', 'alice'])
    const shown = await sync(alice, { since, timeout: 5000 })
    const told = shown.rooms?.knock?.[room.roomId]?.knock_state.events ?? []
    assert.deepEqual(told.find(({ type }) => type === 'm.room.name')?.content, { name: 'Behind a door' })
    assert.equal(told.find(({ state_key: key }) => key === alice.userId)?.content.membership, 'knock')

    await act(alice, room.roomId, 'leave')
    assert.equal(room.state('m.room.member', alice.userId)?.pdu.content.membership, 'leave')
    const after = await sync(alice, { since: shown.next_batch, timeout: 5000 })
    assert.equal(after.rooms?.leave?.[room.roomId]?.timeline.events.length, 1)

    await knockAt(room.roomId, peer.serverName)
    await inviteTo(peer, room, carol, alice.userId as UserId)
    const invited = await sync(alice, { since: after.next_batch, timeout: 5000 })
    assert.ok(invited.rooms?.invite?.[room.roomId])
    assert.deepEqual(peer.faults, [])
  })
}

test('a knock that is not let in says so, and leaves nothing', async () => {
  const room = peer.createRoom(carol, { joinRule: 'invite' })
  const { body } = await knockAt(room.roomId, peer.serverName, 403)
  assert.equal(body.errcode, 'M_FORBIDDEN')
  const { body: unknown } = await knockAt('!nowhere:unknown.invalid', peer.serverName, 404)
  assert.equal(unknown.errcode, 'M_NOT_FOUND')
  assert.equal((await sync(alice)).rooms?.knock?.[room.roomId], undefined)
})

test('a knock goes through the next server where the first one lies', async () => {
  await using liar = await createPeer()
  const room = peer.createRoom(carol, { joinRule: 'knock' })
  liar.on('GET', '/_matrix/federation/v1/make_knock/:roomId/:userId', () => {
    const event = { ...room.draft(carol, 'm.room.member', { membership: 'knock' }, { stateKey: carol }) }
    return { body: JSON.parse(JSON.stringify({ room_version: '12', event })) }
  })
  await alice.request('POST', `${v3}/knock/${encodeURIComponent(room.roomId)}`, {
    query: { via: [liar.serverName, peer.serverName] },
    body: {},
    expect: 200,
  })
  assert.equal(room.state('m.room.member', alice.userId)?.pdu.content.membership, 'knock')
  assert.ok(!liar.requests.some(({ path }) => path.includes('send_knock')))
})

test('state of the room that is not signed is not shown', async () => {
  const room = peer.createRoom(carol, { joinRule: 'knock' })
  const create = room.state('m.room.create')?.pdu
  const forged = { ...room.state('m.room.join_rules')?.pdu, content: { join_rule: 'public' } }
  const renamed = {
    ...room.append(carol, 'm.room.name', { name: 'true' }, { stateKey: '' }).pdu,
    content: { name: 'x' },
  }
  const stop = peer.on('PUT', '/_matrix/federation/v1/send_knock/:roomId/:eventId', () => ({
    body: JSON.parse(JSON.stringify({ knock_room_state: [create, forged, renamed] })),
  }))
  await knockAt(room.roomId, peer.serverName)
  stop()
  const told = (await sync(alice)).rooms?.knock?.[room.roomId]?.knock_state.events ?? []
  assert.deepEqual(told.map(({ type }) => type).sort(), ['m.room.create', 'm.room.member', 'm.room.name'])
  assert.deepEqual(told.find(({ type }) => type === 'm.room.name')?.content, {}, 'the hash covers another name')
})

test('an error of the other server is no answer of ours', async () => {
  const room = peer.createRoom(carol, { joinRule: 'knock' })
  const stop = peer.on('GET', '/_matrix/federation/v1/make_knock/:roomId/:userId', () =>
    refusal(401, 'M_UNKNOWN_TOKEN'),
  )
  const { body } = await knockAt(room.roomId, peer.serverName, 502)
  stop()
  assert.equal(body.errcode, 'M_UNKNOWN')
})

test('users of other servers knock at rooms of ours', async () => {
  const roomId = await createRoom(alice, {
    initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }],
  })
  await setState(alice, roomId, 'm.room.name', { name: 'Ours' })
  const { knock_room_state: told } = await knockThrough(peer, server.serverName, roomId as never, carol)
  const types = (told as { type: string; signatures: object }[]).map(({ type, signatures }) => {
    assert.ok(signatures, 'whole events are sent')
    return type
  })
  assert.ok(types.includes('m.room.create') && types.includes('m.room.name'))
  const member = await alice.get(at`/_matrix/client/v3/rooms/${roomId}/state/m.room.member/${carol}`)
  assert.equal(member.membership, 'knock')
})
