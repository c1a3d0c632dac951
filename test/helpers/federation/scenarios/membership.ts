import assert from 'node:assert/strict'
import { at } from '../../client.ts'
import { createFollower } from '../../follower.ts'
import { act, createRoom, getState, send, setState } from '../../rooms.ts'
import { sync } from '../../sync.ts'
import { untilSameState } from '../network.ts'
import { joinVia, openRoom, type Scenario, untilIn, untilInvited, untilSaid, untilSync } from './side.ts'

export const invitationAccepted: Scenario = async (host, guest, version) => {
  const roomId = await createRoom(host.user, { preset: 'private_chat', name: 'Accepted', room_version: version })
  await act(host.user, roomId, 'invite', { user_id: guest.user.userId })
  const { invite_state: stripped } = await untilInvited(guest, roomId)
  const find = (type: string) => stripped.events.find((event) => event.type === type)
  assert.equal(find('m.room.name')?.content.name, 'Accepted')
  assert.ok(find('m.room.create'))
  // The client names no server: who invited is known.
  await guest.user.post(at`/_matrix/client/v3/rooms/${roomId}/join`)
  await untilSameState(roomId, [host.user, guest.user])
}

export const invitationRefused: Scenario = async (host, guest, version) => {
  const roomId = await createRoom(host.user, { preset: 'private_chat', room_version: version })
  await act(host.user, roomId, 'invite', { user_id: guest.user.userId })
  await untilInvited(guest, roomId)
  await act(guest.user, roomId, 'leave')
  await untilIn(host, roomId, guest.user.userId, 'leave')
}

export const invitationTakenBack: Scenario = async (host, guest, version) => {
  const roomId = await createRoom(host.user, { preset: 'private_chat', room_version: version })
  await act(host.user, roomId, 'invite', { user_id: guest.user.userId })
  await untilInvited(guest, roomId)
  const { next_batch: since } = await sync(guest.user)
  await act(host.user, roomId, 'kick', { user_id: guest.user.userId })
  await untilSync(guest, 'the end of the invitation', (body) => body.rooms?.leave?.[roomId], since)
}

export const directChat: Scenario = async (host, guest, version) => {
  const invite = [guest.user.userId]
  const creation = { preset: 'trusted_private_chat', is_direct: true, invite, room_version: version }
  const roomId = await createRoom(host.user, creation)
  const view = await createFollower(host.user)
  const { invite_state: stripped } = await untilInvited(guest, roomId)
  const member = stripped.events.find(({ state_key: key }) => key === guest.user.userId)
  assert.equal(member?.content.is_direct, true)
  await joinVia(guest, roomId, host)
  await send(guest.user, roomId, 'hi')
  await untilSaid(view, roomId, 'hi')
  // Who is invited to a trusted chat may do there what its creator may.
  await setState(guest.user, roomId, 'm.room.name', { name: 'Ours' })
  await untilSameState(roomId, [host.user, guest.user])
}

export const knock: Scenario = async (host, guest, version) => {
  const rule = { type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }
  const creation = { preset: 'private_chat', initial_state: [rule], room_version: version, name: 'Behind a door' }
  const roomId = await createRoom(host.user, creation)
  const query = { via: host.serverName, server_name: host.serverName }
  const body = { reason: 'let me in' }
  await guest.user.request('POST', at`/_matrix/client/v3/knock/${roomId}`, { query, body, expect: 200 })
  const { knock_state: stripped } = await untilSync(guest, 'the knock', (answer) => answer.rooms?.knock?.[roomId])
  assert.ok(stripped.events.some(({ content }) => content.name === 'Behind a door'))
  await untilIn(host, roomId, guest.user.userId, 'knock')
  assert.equal((await getState(host.user, roomId, 'm.room.member', guest.user.userId)).reason, 'let me in')
  await act(host.user, roomId, 'invite', { user_id: guest.user.userId })
  await untilInvited(guest, roomId)
  await joinVia(guest, roomId, host)
  await untilSameState(roomId, [host.user, guest.user])
}

export const restricted: Scenario = async (host, guest, version) => {
  const club = await createRoom(host.user, { preset: 'public_chat', room_version: version })
  const allow = [{ type: 'm.room_membership', room_id: club }]
  const rule = { type: 'm.room.join_rules', state_key: '', content: { join_rule: 'restricted', allow } }
  const creation = { preset: 'private_chat', initial_state: [rule], room_version: version }
  const roomId = await createRoom(host.user, creation)
  await joinVia(guest, roomId, host, 403)
  await joinVia(guest, club, host)
  await joinVia(guest, roomId, host)
  await untilIn(host, roomId, guest.user.userId, 'join')
  const member = await getState(host.user, roomId, 'm.room.member', guest.user.userId)
  assert.equal(member.join_authorised_via_users_server, host.user.userId)
  await untilSameState(roomId, [host.user, guest.user])
}

export const kickAndBan: Scenario = async (host, guest, version) => {
  const { roomId } = await openRoom(host, guest, version)
  const { userId } = guest.user
  await act(host.user, roomId, 'kick', { user_id: userId, reason: 'out' })
  await untilSync(guest, 'the kick', (body) => body.rooms?.leave?.[roomId])
  await joinVia(guest, roomId, host)
  await untilIn(host, roomId, userId, 'join')
  const { next_batch: since } = await sync(guest.user)
  await act(host.user, roomId, 'ban', { user_id: userId })
  await untilSync(guest, 'the ban', (body) => body.rooms?.leave?.[roomId], since)
  await joinVia(guest, roomId, host, 403)
  await act(host.user, roomId, 'unban', { user_id: userId })
  await joinVia(guest, roomId, host)
  await untilIn(host, roomId, userId, 'join')
  await untilSameState(roomId, [host.user, guest.user])
}

/** Power that the host gives is power on the guest's server. */
export const powerLevels: Scenario = async (host, guest, version) => {
  const { roomId } = await openRoom(host, guest, version)
  const levels = await getState(host.user, roomId, 'm.room.power_levels')
  const users = { ...Object(levels.users), [guest.user.userId]: 50 }
  await setState(host.user, roomId, 'm.room.power_levels', { ...levels, users })
  await untilSameState(roomId, [host.user, guest.user])
  await setState(guest.user, roomId, 'm.room.topic', { topic: 'by a moderator' })
  await untilSameState(roomId, [host.user, guest.user])
  assert.equal((await getState(host.user, roomId, 'm.room.topic')).topic, 'by a moderator')
}

/** Leaving and coming back, with things happening in between that the server has not seen. */
export const leaveAndReturn: Scenario = async (host, guest, version) => {
  const { roomId } = await openRoom(host, guest, version)
  await act(guest.user, roomId, 'leave')
  await untilIn(host, roomId, guest.user.userId, 'leave')
  await setState(host.user, roomId, 'm.room.topic', { topic: 'while you were away' })
  await send(host.user, roomId, 'nobody is here')
  await joinVia(guest, roomId, host)
  assert.equal((await getState(guest.user, roomId, 'm.room.topic')).topic, 'while you were away')
  await untilIn(host, roomId, guest.user.userId, 'join')
  await untilSameState(roomId, [host.user, guest.user])
}
