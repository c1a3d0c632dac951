import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, ServerName } from '../src/matrix/ids.ts'
import { createTestServer } from './helpers/server.ts'

const elsewhere = 'elsewhere.test' as ServerName

test('what other servers may have of a room', async (t) => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const { db, rooms } = server.context

  const createRoom = async (visibility: string) => {
    const { room_id: roomId } = await alice.post('/_matrix/client/v3/createRoom', {
      initial_state: [
        { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: visibility } },
      ],
    })
    return String(roomId)
  }
  const send = async (roomId: string, body: string) => {
    const path = `/_matrix/client/v3/rooms/${roomId}/send/m.room.message/${body}`
    const { event_id: eventId } = await alice.put(path, { msgtype: 'm.text', body })
    return String(eventId) as EventId
  }
  const look = <T>(roomId: string, fn: (tools: Look) => Promise<T>) =>
    db.read(async (reader) => {
      const room = await rooms.reads.roomById(reader, roomId)
      assert.ok(room)
      return fn({ reader, room })
    })
  type Look = {
    reader: Parameters<Parameters<typeof db.read>[0]>[0]
    room: NonNullable<Awaited<ReturnType<typeof rooms.reads.roomById>>>
  }

  await t.test('a walk shows the newest first, stops where it is told and at its limit', async () => {
    const roomId = await createRoom('shared')
    const sent: EventId[] = []
    for (const body of ['a', 'b', 'c', 'd']) sent.push(await send(roomId, body))
    const walk = (options: object) =>
      look(roomId, async ({ reader, room }) => {
        const from = sent.slice(-1)
        const found = await rooms.history.walkBack(reader, room, { from, limit: 10, ...options })
        return found.map(({ eventId }) => eventId)
      })
    assert.deepEqual(await walk({ limit: 3 }), sent.slice(1).reverse())
    assert.deepEqual(await walk({ stopAt: new Set(sent.slice(0, 2)) }), sent.slice(2).reverse())
    const all = await walk({ limit: 100 })
    assert.ok(all.length > 8)
    assert.equal(new Set(all).size, all.length)
    assert.deepEqual(await walk({ from: ['$unknown'] }), [])
  })

  await t.test('what a server was not there to see comes redacted', async () => {
    for (const [visibility, body] of [
      ['shared', 'x'],
      ['world_readable', 'x'],
      ['joined', undefined],
      ['invited', undefined],
    ] as const) {
      const roomId = await createRoom(visibility)
      const eventId = await send(roomId, 'x')
      const [pdu] = await look(roomId, async ({ reader, room }) => {
        const event = await rooms.reads.eventById(reader, eventId)
        assert.ok(event)
        return rooms.history.show(reader, room, elsewhere, [event])
      })
      assert.equal(pdu?.content.body, body, visibility)
      assert.ok(pdu?.hashes, 'the hash of the whole event stays')
    }
  })

  await t.test('a server that has nobody in the room is turned away', async () => {
    const roomId = await createRoom('shared')
    const ask = (id: string, server: ServerName) => db.read((reader) => rooms.history.requireMember(reader, id, server))
    await assert.rejects(ask(roomId, elsewhere), { status: 403, errcode: 'M_FORBIDDEN' })
    await assert.rejects(ask('!unknown:elsewhere.test', elsewhere), { status: 404, errcode: 'M_NOT_FOUND' })
    assert.equal((await ask(roomId, server.context.serverName)).roomId, roomId)
    const acl = { allow: ['*'], deny: ['loc*'] }
    await alice.put(`/_matrix/client/v3/rooms/${roomId}/state/m.room.server_acl`, acl)
    await assert.rejects(ask(roomId, server.context.serverName), { status: 403 })
  })
})
