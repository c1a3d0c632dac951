import assert from 'node:assert/strict'
import { at } from '../../client.ts'
import { pageBack } from '../../follower.ts'
import { createRoom, getEvent, send, setState } from '../../rooms.ts'
import { untilSameState } from '../network.ts'
import { joinVia, openRoom, type Scenario, untilEphemeral, untilSaid, untilSeen } from './side.ts'

export const messagesBothWays: Scenario = async (host, guest, version) => {
  const { roomId, hostView, guestView } = await openRoom(host, guest, version)
  await send(host.user, roomId, 'hello')
  await untilSaid(guestView, roomId, 'hello')
  await send(guest.user, roomId, 'hello yourself')
  await untilSaid(hostView, roomId, 'hello yourself')
  await setState(host.user, roomId, 'm.room.topic', { topic: 'talking' })
  await untilSameState(roomId, [host.user, guest.user])
}

export const redactionsAndEdits: Scenario = async (host, guest, version) => {
  const { roomId, hostView, guestView } = await openRoom(host, guest, version)
  const secret = await send(guest.user, roomId, 'a secret')
  const typo = await send(guest.user, roomId, 'a tpyo')
  await untilSaid(hostView, roomId, 'a tpyo')
  await guest.user.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${secret}/r1`, { reason: 'oops' })
  await send(guest.user, roomId, {
    msgtype: 'm.text',
    body: '* a typo',
    'm.new_content': { msgtype: 'm.text', body: 'a typo' },
    'm.relates_to': { rel_type: 'm.replace', event_id: typo },
  })
  await untilSaid(hostView, roomId, '* a typo')
  const redacted = await getEvent(host.user, roomId, secret)
  assert.deepEqual(redacted.content, {})
  assert.ok(redacted.unsigned?.redacted_because)
  const edited = await getEvent(host.user, roomId, typo)
  const replaced = Object(Object(edited.unsigned?.['m.relations'])['m.replace'])
  assert.equal(replaced.content['m.new_content'].body, 'a typo')
  // And the host, who may, redacts what the guest wrote.
  await host.user.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${typo}/r2`, {})
  await untilSeen(guestView, roomId, 'the redaction', (event) => {
    const target = event.content.redacts ?? ('redacts' in event ? event.redacts : undefined)
    return event.type === 'm.room.redaction' && target === typo
  })
  assert.deepEqual((await getEvent(guest.user, roomId, typo)).content, {})
}

export const typingAndReceipts: Scenario = async (host, guest, version) => {
  const { roomId, hostView, guestView } = await openRoom(host, guest, version)
  const eventId = await send(host.user, roomId, 'read me')
  await untilSaid(guestView, roomId, 'read me')
  const { userId } = guest.user
  const path = at`/_matrix/client/v3/rooms/${roomId}/typing/${userId}`
  await guest.user.put(path, { typing: true, timeout: 30_000 })
  await untilEphemeral(hostView, roomId, 'm.typing', ({ user_ids: ids }) => Array.isArray(ids) && ids.includes(userId))
  await guest.user.put(path, { typing: false })
  await untilEphemeral(hostView, roomId, 'm.typing', ({ user_ids: ids }) => Array.isArray(ids) && ids.length === 0)
  await guest.user.post(at`/_matrix/client/v3/rooms/${roomId}/receipt/m.read/${eventId}`, {})
  await untilEphemeral(hostView, roomId, 'm.receipt', (content) => userId in Object(Object(content[eventId])['m.read']))
}

/** What was said before the guest came is there when they look back. */
export const history: Scenario = async (host, guest, version) => {
  const roomId = await createRoom(host.user, { preset: 'public_chat', room_version: version })
  const said = Array.from({ length: 25 }, (_, i) => `long ago ${i}`)
  for (const body of said) await send(host.user, roomId, body)
  await joinVia(guest, roomId, host)
  const seen = (await pageBack(guest.user, roomId)).map(({ content }) => content.body)
  assert.deepEqual(seen.filter((body) => said.includes(String(body))).reverse(), said)
}
