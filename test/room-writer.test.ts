import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { RoomDraft } from '../src/rooms/draft.ts'
import { testOnEngines } from './helpers/engines.ts'
import { createRoom, timeline } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

let server: TestServer
let alice: TestUser

before(async () => {
  server = await createTestServer()
  alice = await server.user('alice')
})
after(() => server.stop())

const say = (draft: RoomDraft, body: string) =>
  draft.append({ type: 'm.room.message', sender: alice.userId, content: { msgtype: 'm.text', body } })

describe('tasks that wait for the same room', () => {
  it('are built on each other and written together', async () => {
    const roomId = await createRoom(alice)
    const { writer } = server.context.rooms
    const events = await Promise.all(['a', 'b', 'c'].map((body) => writer.change(roomId, (draft) => say(draft, body))))
    const [a, b, c] = events.map((event) => event ?? assert.fail('no room'))
    assert.deepEqual(b?.pdu.prev_events, [a?.eventId])
    assert.deepEqual(c?.pdu.prev_events, [b?.eventId])
    assert.equal(c?.pdu.depth, (a?.pdu.depth ?? 0) + 2)
  })

  it('fail alone, and take back their own events only', async () => {
    const roomId = await createRoom(alice)
    const { writer } = server.context.rooms
    const [first, failed, last] = await Promise.allSettled([
      writer.change(roomId, (draft) => say(draft, 'first')),
      writer.change(roomId, async (draft) => {
        await say(draft, 'taken back')
        await draft.append({
          type: 'm.room.topic',
          sender: alice.userId,
          stateKey: '',
          content: { topic: 'taken back' },
        })
        throw new Error('changed my mind')
      }),
      writer.change(roomId, (draft) => say(draft, 'last')),
    ])
    assert.equal(failed.status, 'rejected')
    assert.ok(first.status === 'fulfilled' && last.status === 'fulfilled')
    assert.deepEqual(last.value?.pdu.prev_events, [first.value?.eventId])
    const bodies = (await timeline(alice, roomId)).map(({ content }) => content.body).filter((body) => body)
    assert.deepEqual(bodies.sort(), ['first', 'last'])
  })

  it('fail alone in what they write beside their events, too', async () => {
    const roomId = await createRoom(alice)
    const { writer } = server.context.rooms
    const [first, failed, last] = await Promise.allSettled([
      writer.change(roomId, (draft) => say(draft, 'first')),
      writer.change(roomId, async (draft) => {
        draft.alsoWrite(() => Promise.reject(new Error('no place for it')))
        return say(draft, 'taken back')
      }),
      writer.change(roomId, (draft) => say(draft, 'last')),
    ])
    assert.ok(failed.status === 'rejected' && /no place/.test(String(failed.reason)))
    assert.ok(first.status === 'fulfilled' && last.status === 'fulfilled')
    assert.deepEqual(last.value?.pdu.prev_events, [first.value?.eventId])
    const bodies = (await timeline(alice, roomId)).map(({ content }) => content.body).filter((body) => body)
    assert.deepEqual(bodies.sort(), ['first', 'last'])
  })

  it('see the state that those before them leave', async () => {
    const roomId = await createRoom(alice)
    const { writer } = server.context.rooms
    const setTopic = (topic: string) =>
      writer.change(roomId, async (draft) => {
        const before = await draft.state('m.room.topic', '')
        await draft.append({ type: 'm.room.topic', sender: alice.userId, stateKey: '', content: { topic } })
        return before?.pdu.content.topic
      })
    assert.deepEqual(await Promise.all([setTopic('one'), setTopic('two'), setTopic('three')]), [
      undefined,
      'one',
      'two',
    ])
  })

  it('have no room to change where there is none', async () => {
    assert.equal(await server.context.rooms.writer.change('!nowhere:localhost', async () => 1), undefined)
  })
})

testOnEngines('a request that comes twenty times at once makes one event', async (_t, { engine }) => {
  await using own = await createTestServer({ engine })
  const bob = await own.user('bob')
  const roomId = await createRoom(bob)
  const send = () =>
    bob.put<{ event_id: string }>(`/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/same`, {
      msgtype: 'm.text',
      body: 'once',
    })
  const ids = new Set((await Promise.all(Array.from({ length: 20 }, send))).map((answer) => answer.event_id))
  assert.equal(ids.size, 1)
})
