import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { deviceKeys, oneTimeKeys } from './helpers/e2ee.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { createTestServer } from './helpers/server.ts'

const v3 = '/_matrix/client/v3'
const path = '/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device'

interface Events {
  events: { content: JsonObject }[]
  next_batch?: string
}

for (const engine of engines) {
  test(`a dehydrated device receives what no client could (${engine})`, { skip: skipEngine(engine) }, async () => {
    await using server = await createTestServer({ engine })
    const alice = await server.user('alice')
    const bob = await server.user('bob')
    const body = (deviceId: string) => ({
      device_id: deviceId,
      device_data: { algorithm: 'org.matrix.msc3814.v1.olm', device_pickle: 'secret' },
      initial_device_display_name: 'Dehydrated',
      device_keys: { ...deviceKeys({ userId: alice.userId, deviceId }), dehydrated: true },
      one_time_keys: oneTimeKeys({ userId: alice.userId, deviceId }, 1, 1),
      fallback_keys: { 'signed_curve25519:FB': { key: 'f', fallback: true, signatures: {} } },
    })
    const devices = async () =>
      (
        await bob.post<{ device_keys: { [u: string]: { [d: string]: JsonObject } } }>(`${v3}/keys/query`, {
          device_keys: { [alice.userId]: [] },
        })
      ).device_keys[alice.userId] ?? {}

    assert.equal((await alice.request<{ errcode: string }>('GET', path, { expect: 404 })).body.errcode, 'M_NOT_FOUND')
    await alice.request('DELETE', path, { expect: 404 })
    const { device_keys: _keys, ...incomplete } = body('DRY1')
    await alice.request('PUT', path, { body: incomplete, expect: 400 })
    await alice.request('PUT', path, { body: body(alice.deviceId), expect: 400 })
    assert.deepEqual(await alice.put(path, body('DRY1')), { device_id: 'DRY1' })
    assert.deepEqual(await alice.get(path), { device_id: 'DRY1', device_data: body('DRY1').device_data })
    assert.deepEqual((await devices()).DRY1?.unsigned, { device_display_name: 'Dehydrated' })

    await bob.put(`${v3}/sendToDevice/m.test/1`, { messages: { [alice.userId]: { '*': { n: 1 } } } })
    await bob.put(`${v3}/sendToDevice/m.test/2`, { messages: { [alice.userId]: { DRY1: { n: 2 } } } })
    const events = `${path}/DRY1/events`
    for (let again = 0; again < 2; again++) {
      const first = await alice.get<Events>(events)
      assert.deepEqual(
        first.events.map(({ content }) => content),
        [{ n: 1 }, { n: 2 }],
      )
      assert.deepEqual(await alice.get<Events>(events, { from: first.next_batch }), { events: [] })
    }
    const posted = await alice.post<Events>(events)
    assert.equal(posted.events.length, 2)
    const last = await alice.post<Events>(events, { next_batch: posted.next_batch })
    assert.deepEqual([last.events, last.next_batch], [[], posted.next_batch])
    await alice.request('GET', `${path}/OTHER/events`, { expect: 403 })
    await bob.request('GET', events, { expect: 403 })
    await alice.request('GET', events, { query: { from: 'x' }, expect: 400 })

    await alice.put(path, body('DRY2'))
    assert.deepEqual(Object.keys(await devices()), ['DRY2'])
    await alice.request('GET', events, { expect: 403 })
    assert.deepEqual(await alice.delete(path), { device_id: 'DRY2' })
    assert.deepEqual(await devices(), {})
  })
}
