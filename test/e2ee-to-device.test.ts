import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at } from './helpers/client.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

const send = (by: TestUser, txnId: string, messages: object, expect = 200, type = 'm.test') =>
  by.request('PUT', at`/_matrix/client/v3/sendToDevice/${type}/${txnId}`, { body: { messages }, expect })

function inbox(server: TestServer, of: { userId: string; deviceId: string }, since = 0, limit = 100) {
  const { db, e2ee, streams } = server.context
  return db.read((reader) =>
    e2ee.listToDevice(reader, of.userId, of.deviceId, { since, to: streams.position(), limit }),
  )
}

for (const engine of engines) {
  test(`messages for devices (${engine})`, { skip: skipEngine(engine) }, async (t) => {
    await using server = await createTestServer({ engine })
    const alice = await server.user('alice')
    const phone = await server.user('bob', { deviceId: 'PHONE' })
    const laptop = await server.login('bob', 'LAPTOP')
    const bodies = async (of: TestUser) => (await inbox(server, of)).events.map(({ content }) => content)

    await t.test('go to one device, or to all', async () => {
      await send(alice, '1', { [phone.userId]: { PHONE: { n: 1 }, GONE: { n: 0 } } })
      await send(alice, '2', { [phone.userId]: { '*': { n: 2 }, LAPTOP: { n: 3 } }, '@nobody:localhost': { '*': {} } })
      assert.deepEqual(await bodies(phone), [{ n: 1 }, { n: 2 }])
      assert.deepEqual(await bodies(laptop), [{ n: 3 }])
      const [event] = (await inbox(server, phone)).events
      assert.deepEqual(event, { type: 'm.test', sender: alice.userId, content: { n: 1 } })
    })

    await t.test('are sent once for a transaction id of a device and type', async () => {
      await send(alice, '1', { [phone.userId]: { PHONE: { n: 'again' } } })
      await send(alice, '1', { [phone.userId]: { PHONE: { n: 'other type' } } }, 200, 'm.other')
      const second = await server.login('alice')
      await send(second, '1', { [phone.userId]: { PHONE: { n: 'other device' } } })
      assert.deepEqual(await bodies(phone), [{ n: 1 }, { n: 2 }, { n: 'other type' }, { n: 'other device' }])
    })

    await t.test('are read in pages and stay until they are acknowledged', async () => {
      const page = await inbox(server, phone, 0, 3)
      assert.deepEqual([page.events.length, page.more], [3, true])
      const rest = await inbox(server, phone, page.upTo, 3)
      assert.deepEqual([rest.events.length, rest.more], [1, false])
      await server.context.e2ee.acknowledgeToDevice(phone.userId, 'PHONE', page.upTo ?? 0)
      assert.deepEqual(await bodies(phone), [{ n: 'other device' }])
      await server.context.e2ee.acknowledgeToDevice(phone.userId, 'PHONE', rest.upTo ?? 0)
      assert.deepEqual(await inbox(server, phone), { events: [], upTo: undefined, more: false, received: false })
    })

    await t.test('wake the receiver only', async () => {
      const woken: string[] = []
      const stop = server.context.streams.subscribe(({ users }) => woken.push(...(users ?? [])))
      await send(alice, 'wake', { [phone.userId]: { '*': {} } })
      stop()
      assert.deepEqual(woken, [phone.userId])
    })

    await t.test('malformed bodies are refused and nothing is sent', async () => {
      const before = (await inbox(server, laptop)).events.length
      await send(alice, 'b1', { [phone.userId]: { LAPTOP: 'text' } }, 400)
      await send(alice, 'b2', { [phone.userId]: ['LAPTOP'] }, 400)
      await send(alice, 'b3', { bob: { LAPTOP: {} }, [phone.userId]: { LAPTOP: {} } }, 400)
      await alice.request('PUT', '/_matrix/client/v3/sendToDevice/m.test/b4', { body: {}, expect: 400 })
      assert.equal((await inbox(server, laptop)).events.length, before)
    })

    await t.test('are handed over for other servers, once', async () => {
      const seen: object[] = []
      server.context.e2ee.addHook({ remoteToDevice: async (_tx, message) => void seen.push(message) })
      const messages = { '@carol:elsewhere.example': { '*': { n: 1 } } }
      await send(alice, 'r1', messages)
      await send(alice, 'r1', messages)
      const expected = new Map([['@carol:elsewhere.example', new Map([['*', { n: 1 }]])]])
      assert.deepEqual(seen, [{ sender: alice.userId, type: 'm.test', messages: expected }])
    })

    await t.test('go with the device', async () => {
      await laptop.post('/_matrix/client/v3/logout')
      await server.login('bob', 'LAPTOP')
      assert.deepEqual(await bodies(laptop), [])
    })
  })
}
