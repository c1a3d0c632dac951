import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestClock } from '../src/util/clock.ts'
import type { ParticipantChange } from '../src/voip/livekit/participants/participants.ts'
import { livekitRoomOf } from '../src/voip/livekit/wire.ts'
import { at } from './helpers/client.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import {
  livekitKey,
  signLivekitToken,
  startLivekit,
  type ToldParticipant,
  webhookBody,
  webhookClaims,
} from './helpers/livekit.ts'
import { createRoom } from './helpers/rooms.ts'
import { createTestServer } from './helpers/server.ts'

const path = '/livekit/jwt/sfu_webhook'

for (const engine of engines) {
  test(`what LiveKit tells of participants (${engine})`, { skip: skipEngine(engine) }, async (t) => {
    const clock = createTestClock()
    let room: string
    let changes: ParticipantChange[]
    let roomId: string
    const start = 1_700_000_000_000

    await using livekit = await startLivekit(clock.now)
    const config = {
      voip: { livekit: { url: 'wss://livekit.example.org', internal_url: livekit.url, ...livekitKey } },
      rate_limits: { enabled: true, general: { per_second: 1, burst: 20 } },
    }
    await using server = await createTestServer({ clock, config, engine })
    const alice = await server.user('alice')
    server.context.livekit?.participants.onChange(async (_tx, change) => void changes.push(change))

    t.beforeEach(async () => {
      changes = []
      roomId = await createRoom(alice)
      room = livekitRoomOf(roomId, 'm.call#ROOM')
      const openid_token = await alice.post(at`/_matrix/client/v3/user/${alice.userId}/openid/request_token`)
      await server.client.post('/livekit/jwt/sfu/get', { room: roomId, device_id: alice.deviceId, openid_token })
    })
    const post = (body: string, authorization: string | undefined, expect = 200) =>
      server.client.request('POST', path, { body, headers: authorization ? { authorization } : {}, expect })
    const tell = async (event: string, told: Partial<ToldParticipant> = {}, secret?: string) => {
      const identity = `${alice.userId}:${alice.deviceId}`
      const body = webhookBody(event, { room, identity, joinedAt: start, ...told }, clock.now())
      await post(body, signLivekitToken(webhookClaims(body, clock.now()), secret))
      return body
    }
    const seen = () => changes.map(({ what, ts }) => [what, ts - start])

    await t.test('coming and going is noted once, for the user and device that were let in', async () => {
      await tell('participant_joined')
      await tell('participant_joined')
      await tell('track_published')
      await tell('room_started')
      await tell('something_new')
      await tell('participant_left', { reason: 'CLIENT_INITIATED' })
      await tell('participant_left', { reason: 'CLIENT_INITIATED' })
      // What was overtaken on its way.
      await tell('participant_joined')
      assert.deepEqual(seen(), [
        ['joined', 0],
        ['left', 0],
      ])
      const identity = `${alice.userId}:${alice.deviceId}`
      const participant = { livekitRoom: room, identity, roomId, userId: alice.userId, deviceId: alice.deviceId }
      assert.deepEqual(changes[0]?.participant, participant)
    })

    await t.test('a connection that takes the place of another is no departure', async () => {
      await tell('participant_joined', { sid: 'PA_1' })
      await tell('participant_left', { sid: 'PA_1', reason: 'DUPLICATE_IDENTITY' })
      await tell('participant_joined', { sid: 'PA_2', joinedAt: start + 500 })
      // Late news of the first.
      await tell('participant_joined', { sid: 'PA_1' })
      await tell('participant_left', { sid: 'PA_1', reason: 'CONNECTION_TIMEOUT' })
      assert.deepEqual(seen(), [
        ['joined', 0],
        ['joined', 500],
      ])
      await tell('participant_connection_aborted', { sid: 'PA_2', joinedAt: start + 500, reason: 'JOIN_FAILURE' })
      assert.deepEqual(seen().slice(2), [['aborted', 500]])
    })

    await t.test('the end of a call is the end for all who were in it then', async () => {
      await tell('participant_joined')
      const body = JSON.stringify({ event: 'room_finished', room: { name: room }, createdAt: String(start / 1000 - 5) })
      await post(body, signLivekitToken(webhookClaims(body, clock.now())))
      assert.deepEqual(seen(), [['joined', 0]])
      const late = JSON.stringify({ event: 'room_finished', room: { name: room }, created_at: start / 1000 + 9 })
      await post(late, `Bearer ${signLivekitToken(webhookClaims(late, clock.now()))}`)
      assert.deepEqual(seen().slice(1), [['left', 9000]])
    })

    await t.test('strangers and rooms of others mean nothing', async () => {
      await tell('participant_joined', { identity: '@mallory:localhost:X' })
      await tell('participant_joined', { room: 'of somebody else' })
      for (const body of [
        { event: 'participant_joined' },
        { event: 'x', room: { name: room } },
        { event: '__proto__', room: { name: room } },
      ]) {
        const text = JSON.stringify(body)
        await post(text, signLivekitToken(webhookClaims(text, clock.now())))
      }
      assert.deepEqual(changes, [])
    })

    await t.test('forged webhooks are refused and change nothing, and floods of them are cut off', async () => {
      const body = webhookBody(
        'participant_joined',
        { room, identity: `${alice.userId}:${alice.deviceId}`, joinedAt: start },
        clock.now(),
      )
      const good = webhookClaims(body, clock.now())
      const [head = '', claims = ''] = signLivekitToken(good).split('.')
      const none = Buffer.from('{"alg":"none"}').toString('base64url')
      const forged: [string, string | undefined][] = [
        ['no token', undefined],
        ['another secret', signLivekitToken(good, 'another secret of 32 characters or so')],
        ['another key', signLivekitToken({ ...good, iss: 'other' })],
        ['another body', signLivekitToken({ ...good, sha256: webhookClaims('{}', clock.now()).sha256 })],
        ['a token of a participant', signLivekitToken({ ...good, sha256: undefined, video: { room } })],
        ['long ago', signLivekitToken(webhookClaims(body, clock.now() - 600_000))],
        ['from the future', signLivekitToken(webhookClaims(body, clock.now() + 600_000))],
        ['without an end', signLivekitToken({ ...good, exp: undefined })],
        ['another algorithm', signLivekitToken(good, livekitKey.api_secret, 'HS512')],
        ['no signature', `${none}.${claims}.`],
        ['a part less', `${head}.${claims}`],
        ['nonsense', 'x.y.z'],
      ]
      for (const [what, token] of forged) {
        const answer = await post(body, token, 401)
        assert.equal(answer.body.errcode, 'M_UNAUTHORIZED', what)
      }
      for (const text of ['[', '[]', '{"event":1}']) {
        const answer = await post(text, signLivekitToken(webhookClaims(text, clock.now())), 400)
        assert.equal(answer.body.errcode, 'M_BAD_JSON')
      }
      assert.deepEqual(changes, [])
      // Clocks may differ by a little.
      await post(body, signLivekitToken(webhookClaims(body, clock.now() + 30_000)))
      assert.equal(changes.length, 1)
      for (let i = 0; i < 20; i++) await server.client.request('POST', path, { body, headers: { authorization: 'x' } })
      const flood = await post(body, 'x', 429)
      assert.equal(flood.body.errcode, 'M_LIMIT_EXCEEDED')
      await tell('participant_left', { reason: 'CLIENT_INITIATED' })
      assert.equal(changes.length, 2)
      clock.advance(60_000)
    })

    await t.test('a body without end is not read', async () => {
      const answer = await post(`{"a":"${'x'.repeat(600_000)}"}`, 'x', 413)
      assert.equal(answer.body.errcode, 'M_TOO_LARGE')
    })

    await t.test(
      'whoever has been gone for a day is forgotten, and of many requests only the last are kept',
      async () => {
        const openid_token = await alice.post(at`/_matrix/client/v3/user/${alice.userId}/openid/request_token`)
        await tell('participant_joined')
        for (let i = 0; i < 25; i++) {
          await server.client.post('/livekit/jwt/sfu/get', { room: roomId, device_id: `D${i}`, openid_token })
          clock.advance(1000)
        }
        const { db, livekit: service } = server.context
        const known = async () => {
          const all = await Promise.all(
            [alice.deviceId, 'D0', 'D4', 'D5', 'D24'].map((device) =>
              db.read(
                (reader) =>
                  service?.participants.get(reader, { livekitRoom: room, identity: `${alice.userId}:${device}` }) ??
                  Promise.resolve(undefined),
              ),
            ),
          )
          return all.map((row) => row?.device_id)
        }
        assert.deepEqual(await known(), [alice.deviceId, undefined, undefined, 'D5', 'D24'])
        clock.advance(86_400_000)
        const prune = () => db.write('prune', async (tx) => service?.participants.prune(tx, clock.now()))
        await prune()
        assert.deepEqual(await known(), [alice.deviceId, undefined, undefined, undefined, undefined])
        clock.advance(7 * 86_400_000)
        await prune()
        assert.deepEqual(await known(), [undefined, undefined, undefined, undefined, undefined])
      },
    )
  })
}
