import assert from 'node:assert/strict'
import { test } from 'node:test'
import { engines, skipEngine } from './helpers/engines.ts'
import { refusing, unreachable } from './helpers/federation/fake-transport.ts'
import { createSenderFixture, Receiver, type SenderFixture } from './helpers/federation/sender.ts'
import { createRoom, send, setState } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'

const refuse = (status: number, extra = {}) => ({ error: () => refusing(status, extra)({} as never) as never })
const offline = { error: () => unreachable({ destination: 'b.test' } as never) as never }
const lostAnswer = { ...offline, late: true }
const hour = 3_600_000

/** A room of ours with somebody of each of these servers in it. */
async function sharedRoom(fixture: SenderFixture, alice: TestUser, ...servers: string[]): Promise<string> {
  const roomId = await createRoom(alice)
  for (const server of servers) await fixture.join(roomId, `@bob:${server}`)
  return roomId
}

function receiver(fixture: SenderFixture, server: string): Receiver {
  const made = new Receiver()
  fixture.transport.servers.set(server, made.answer)
  return made
}

for (const engine of engines) {
  test(`events go to other servers (${engine})`, { skip: skipEngine(engine) }, async (t) => {
    await using fixture = await createSenderFixture({ engine })
    const { server, clock, transport } = fixture
    const alice = await server.user('alice')
    const b = receiver(fixture, 'b.test')
    const c = receiver(fixture, 'c.test')

    await t.test('to those in the room, once, and to nobody else', async () => {
      const roomId = await sharedRoom(fixture, alice, 'b.test')
      await send(alice, roomId, 'one')
      await fixture.sender.drain()
      await send(alice, roomId, 'two')
      await fixture.sender.drain()
      assert.deepEqual(b.bodies(), ['one', 'two'])
      assert.deepEqual([b.transactions.size, c.attempts], [2, 0])
      const [body] = b.transactions.values()
      assert.deepEqual(Object.keys(body ?? {}).sort(), ['edus', 'origin', 'origin_server_ts', 'pdus'])
      assert.equal(body?.origin, 'localhost')
      assert.equal('unsigned' in Object(b.pdus[0]), false)
      await fixture.leave(roomId, '@bob:b.test')
      await send(alice, roomId, 'three')
      await fixture.sender.drain()
      assert.deepEqual(b.bodies(), ['one', 'two'])
    })

    await t.test('at most fifty in a transaction, in their order', async () => {
      b.transactions.clear()
      const roomId = await sharedRoom(fixture, alice, 'b.test')
      transport.servers.set('b.test', unreachable)
      const bodies = Array.from({ length: 120 }, (_, i) => `m${i}`)
      for (const [i, body] of bodies.entries()) {
        await send(alice, roomId, body)
        if (i === 0) await fixture.sender.drain()
      }
      await fixture.sender.drain()
      transport.servers.set('b.test', b.answer)
      clock.advance(hour)
      await fixture.sender.drain()
      assert.deepEqual(b.bodies(), bodies)
      assert.deepEqual(
        [...b.transactions.values()].map(({ pdus }) => Object(pdus).length),
        // What was under way when the server went away is repeated as it was.
        [1, 50, 50, 19],
      )
    })

    await t.test('with the same id and content at each attempt, also after a restart', async () => {
      const roomId = await sharedRoom(fixture, alice, 'b.test')
      b.transactions.clear()
      b.attempts = 0
      b.failures.push(lostAnswer, lostAnswer)
      await send(alice, roomId, 'first')
      await fixture.sender.drain()
      await send(alice, roomId, 'second')
      await fixture.restart()
      clock.advance(2_000)
      await fixture.sender.drain()
      clock.advance(4_000)
      await fixture.sender.drain()
      assert.deepEqual([b.attempts, b.transactions.size], [4, 2])
      assert.deepEqual(b.changed, [])
      assert.deepEqual(b.bodies(), ['first', 'second'])
    })

    await t.test('after pauses that grow, and that a sign of life ends', async () => {
      const roomId = await sharedRoom(fixture, alice, 'b.test')
      b.attempts = 0
      b.failures.push(offline, offline, offline, offline)
      await send(alice, roomId, 'late')
      await fixture.sender.drain()
      for (const [pause, attempts] of [
        [1_999, 1],
        [1, 2],
        [3_999, 2],
        [1, 3],
        [8_000, 4],
        [6_000, 4],
      ] as const) {
        clock.advance(pause)
        await fixture.sender.drain()
        assert.equal(b.attempts, attempts)
      }
      fixture.sender.heardFrom('b.test' as never)
      // The write that notes it comes first.
      await server.context.db.write('test barrier', async () => {})
      await fixture.sender.drain()
      assert.equal(b.attempts, 5)
      assert.equal(b.bodies().at(-1), 'late')
    })

    await t.test('the newest of each room after a long outage', async () => {
      const rooms = [await sharedRoom(fixture, alice, 'b.test'), await sharedRoom(fixture, alice, 'b.test')]
      b.transactions.clear()
      transport.servers.set('b.test', unreachable)
      for (let i = 0; i < 260; i++) {
        await send(alice, rooms[i % 2] ?? '', `n${i}`)
        if (i === 0) await fixture.sender.drain()
      }
      await fixture.sender.drain()
      transport.servers.set('b.test', b.answer)
      clock.advance(hour)
      await fixture.sender.drain()
      assert.deepEqual(b.bodies(), ['n0', 'n258', 'n259'])
    })

    await t.test('not to servers that the room or the configuration keeps out', async () => {
      const roomId = await sharedRoom(fixture, alice, 'b.test', 'c.test')
      b.transactions.clear()
      await setState(alice, roomId, 'm.room.server_acl', { allow: ['*'], deny: ['c.test'] })
      await send(alice, roomId, 'not for c')
      await fixture.sender.drain()
      assert.deepEqual([b.bodies(), c.bodies()], [['not for c'], []])
      await setState(alice, roomId, 'm.room.server_acl', { allow: ['*'] })
      transport.denied.add('c.test')
      await send(alice, roomId, 'nor this')
      await fixture.sender.drain()
      assert.deepEqual(c.bodies(), [])
      transport.denied.delete('c.test')
      await send(alice, roomId, 'but this')
      await fixture.sender.drain()
      assert.deepEqual(c.bodies(), ['but this'])
    })

    await t.test('without a transaction that is refused again and again', async () => {
      const roomId = await sharedRoom(fixture, alice, 'b.test')
      b.transactions.clear()
      b.failures.push(...Array.from({ length: 5 }, () => refuse(400)))
      await send(alice, roomId, 'poison')
      await fixture.sender.drain()
      await send(alice, roomId, 'good')
      for (let i = 0; i < 5; i++) {
        clock.advance(hour)
        await fixture.sender.drain()
      }
      assert.deepEqual(b.bodies(), ['good'])
    })

    await t.test('no sooner than a server asks', async () => {
      const roomId = await sharedRoom(fixture, alice, 'b.test')
      b.attempts = 0
      b.failures.push(refuse(429, { retry_after_ms: 60_000 }))
      await send(alice, roomId, 'patience')
      await fixture.sender.drain()
      clock.advance(59_999)
      await fixture.sender.drain()
      assert.equal(b.attempts, 1)
      clock.advance(1)
      await fixture.sender.drain()
      assert.equal(b.bodies().at(-1), 'patience')
    })

    await t.test('little waits for a server that is away for days, and it still finds all of it', async () => {
      const away = receiver(fixture, 'away.test')
      const rooms = [await sharedRoom(fixture, alice, 'away.test'), await sharedRoom(fixture, alice, 'away.test')]
      transport.servers.set('away.test', unreachable)
      for (let i = 0; i < 230; i++) {
        await send(alice, rooms[i % 2] ?? '', `n${i}`)
        if (i === 0) await fixture.sender.drain()
      }
      await server.context.db.write('test messages', async (tx) => {
        const row = { destination: 'away.test', type: 'm.direct_to_device', json: '{}' }
        for (let i = 0; i < 10; i++) {
          await tx.qb.insertInto('federation_to_device').values(Array(2001).fill(row)).execute()
        }
      })
      const count = (table: 'federation_queue' | 'federation_to_device') =>
        server.context.db.read(async (reader) => {
          const rows = reader.qb.selectFrom(table).select('destination').where('destination', '=', 'away.test')
          return (await rows.execute()).length
        })
      const waiting = async () => [await count('federation_queue'), await count('federation_to_device')]
      await fixture.sender.drain()
      await fixture.sender.sweep()
      assert.deepEqual(await waiting(), [230, 20_010], 'within the first day all is kept')
      clock.set(clock.now() + 25 * hour)
      await fixture.sender.sweep()
      // The transaction that is under way stays as it is, and so does the newest of each room.
      assert.deepEqual(await waiting(), [3, 20_000])
      await server.context.db.write('test messages', async (tx) => {
        await tx.qb.deleteFrom('federation_to_device').where('destination', '=', 'away.test').execute()
      })
      transport.servers.set('away.test', away.answer)
      fixture.sender.heardFrom('away.test' as never)
      await server.context.db.write('test barrier', async () => {})
      await fixture.sender.drain()
      assert.deepEqual(away.bodies(), ['n0', 'n228', 'n229'])
    })

    await t.test('nothing waits for ever for a server that is gone', async () => {
      const roomId = await sharedRoom(fixture, alice, 'gone.test')
      await send(alice, roomId, 'hello?')
      await fixture.sender.drain()
      clock.set(clock.now() + 31 * 24 * hour)
      await fixture.sender.sweep()
      const left = await server.context.db.read((reader) =>
        reader.qb.selectFrom('federation_queue').selectAll().where('destination', '=', 'gone.test').execute(),
      )
      assert.deepEqual(left, [])
    })
  })

  test(`what is fleeting goes along (${engine})`, { skip: skipEngine(engine) }, async (t) => {
    await using fixture = await createSenderFixture({ engine, sendPresence: true })
    const { server, clock } = fixture
    const alice = await server.user('alice')
    const b = receiver(fixture, 'b.test')
    const roomId = await sharedRoom(fixture, alice, 'b.test')
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}`
    const contents = (type: string) => b.edus.flatMap((edu) => (edu.edu_type === type ? [edu.content] : []))

    await t.test('who types', async () => {
      const typing = `${path}/typing/${encodeURIComponent(alice.userId)}`
      await alice.put(typing, { typing: true, timeout: 60_000 })
      await fixture.sender.drain()
      clock.advance(41_000)
      await fixture.sender.drain()
      await alice.put(typing, { typing: false })
      await fixture.sender.drain()
      const content = { room_id: roomId, user_id: alice.userId }
      assert.deepEqual(contents('m.typing'), [
        { ...content, typing: true },
        { ...content, typing: true },
        { ...content, typing: false },
      ])
    })

    await t.test('public receipts, with their thread', async () => {
      const eventId = await send(alice, roomId, 'read me')
      const receipt = (type: string) => `${path}/receipt/${type}/${encodeURIComponent(eventId)}`
      await alice.post(receipt('m.read.private'), {})
      await alice.post(receipt('m.read'), { thread_id: 'main' })
      await fixture.sender.drain()
      const read = { event_ids: [eventId], data: { ts: clock.now(), thread_id: 'main' } }
      assert.deepEqual(contents('m.receipt'), [{ [roomId]: { 'm.read': { [alice.userId]: read } } }])
    })

    await t.test('presence, where it is configured', async () => {
      const status = `/_matrix/client/v3/presence/${encodeURIComponent(alice.userId)}/status`
      await alice.put(status, { presence: 'online', status_msg: 'here' })
      await fixture.sender.drain()
      const update = { user_id: alice.userId, presence: 'online', status_msg: 'here' }
      assert.deepEqual(contents('m.presence'), [{ push: [{ ...update, last_active_ago: 0, currently_active: true }] }])
      // Servers forget who is there after half an hour.
      for (let minute = 0; minute < 28; minute += 4) {
        clock.advance(240_000)
        await alice.put(status, { presence: 'online', status_msg: 'here' })
        await fixture.sender.drain()
      }
      assert.equal(contents('m.presence').length, 2)
    })
  })
}
