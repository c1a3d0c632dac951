import assert from 'node:assert/strict'
import { it } from 'node:test'
import { at } from './helpers/client.ts'
import { publicRoom, type SeenEvent, send } from './helpers/rooms.ts'
import { createTestServer } from './helpers/server.ts'

it('the reason of a redaction is told to members, but not to somebody who left before it', async () => {
  const server = await createTestServer()
  try {
    const [alice, bob] = [await server.user('alice'), await server.user('bob')]
    const roomId = await publicRoom(alice, [bob])
    const eventId = await send(alice, roomId, 'hello')
    await bob.post(at`/_matrix/client/v3/rooms/${roomId}/leave`, {})
    await alice.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${eventId}/one`, { reason: 'among ourselves' })
    const path = at`/_matrix/client/v3/rooms/${roomId}/event/${eventId}`
    const reasonFor = async (user: typeof alice) => {
      const { unsigned } = await user.get<SeenEvent>(path)
      const because = unsigned?.redacted_because as SeenEvent | undefined
      return [because?.type, because?.content.redacts, because?.content.reason]
    }
    assert.deepEqual(await reasonFor(alice), ['m.room.redaction', eventId, 'among ourselves'])
    assert.deepEqual(await reasonFor(bob), ['m.room.redaction', eventId, undefined])
  } finally {
    await server.stop()
  }
})
