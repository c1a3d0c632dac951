import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IdentifiedPdu, Json } from '../src/matrix/event.ts'
import type { UserId } from '../src/matrix/ids.ts'
import { skipEngine } from './helpers/engines.ts'
import {
  asSeenBy,
  currentState,
  deliver,
  ingestOf,
  joinedRoom,
  newSigner,
  signerOf,
  sorted,
  statusOf,
  trust,
} from './helpers/federation/remote-room.ts'
import type { RoomOptions } from './helpers/federation/room-builder.ts'
import { createTestServer } from './helpers/server.ts'

for (const engine of ['sqlite', 'postgres'] as const) {
  test(`what is made of events of other servers (${engine})`, { skip: skipEngine(engine) }, async (t) => {
    await using server = await createTestServer({ engine })
    const alice = await server.user('alice')
    const remote = newSigner('remote.test')
    const third = newSigner('third.test')
    const unknown = newSigner('unknown.test')
    await trust(server, remote, third)
    const creator = '@creator:remote.test' as UserId
    const bob = '@bob:third.test' as UserId
    const dan = '@dan:remote.test' as UserId

    const enter = async (options: RoomOptions = {}) => (await joinedRoom(server, remote, alice.userId, options)).room
    const send = (...events: readonly IdentifiedPdu[]) => deliver(server, remote.server, ...events)
    const path = (roomId: string, rest: string) => `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/${rest}`
    const timeline = async (roomId: string) => {
      const { chunk } = await alice.get(path(roomId, 'messages?dir=b&limit=100'))
      return (chunk as { event_id: string }[]).map((event) => event.event_id).reverse()
    }
    const isShown = async (roomId: string, { eventId }: IdentifiedPdu) => (await timeline(roomId)).includes(eventId)

    await t.test('an event that its room does not allow is rejected, and so is what it authorises', async () => {
      const room = await enter()
      const stranger = room.build(dan, 'm.room.message', { body: 'x' })
      await send(stranger)
      assert.equal(await statusOf(server, stranger.eventId), 2)
      await alice.request('GET', path(room.roomId, `event/${encodeURIComponent(stranger.eventId)}`), { expect: 404 })

      const levels = room.build(dan, 'm.room.power_levels', { users: { [dan]: 100 } }, { stateKey: '' })
      const join = room.member(dan, 'join')
      await send(levels, join)
      assert.equal(await statusOf(server, levels.eventId), 2)
      const auth = [...(room.state('m.room.member', dan) ? [join.eventId] : []), levels.eventId]
      const citing = room.build(dan, 'm.room.topic', { topic: 'x' }, { stateKey: '', auth })
      const citingThat = room.build(dan, 'm.room.name', { name: 'x' }, { stateKey: '', auth, prev: [join.eventId] })
      await send(citing, citingThat)
      assert.equal(await statusOf(server, citing.eventId), 2)
      assert.equal(await statusOf(server, citingThat.eventId), 2)
      assert.deepEqual(sorted(await currentState(server, room.roomId)), sorted(room.graph.current()))
    })

    await t.test('an event may follow a rejected one: the state is what it was before that', async () => {
      const room = await enter()
      const rejected = room.build(dan, 'm.room.topic', { topic: 'x' }, { stateKey: '' })
      const after = room.build(
        creator,
        'm.room.message',
        { body: 'after' },
        {
          change: (pdu) => ({ ...pdu, depth: pdu.depth + 1, prev_events: room.references([rejected.eventId]) }),
        },
      )
      await send(rejected, after)
      assert.equal(await statusOf(server, rejected.eventId), 2)
      assert.equal(await isShown(room.roomId, after), true)
      assert.deepEqual(sorted(await currentState(server, room.roomId)), sorted(room.graph.current()))
    })

    await t.test('an event from before a ban that comes after it is kept but not shown', async () => {
      const room = await enter()
      const seen = asSeenBy(room, third)
      const joined = seen.member(bob, 'join')
      const late = seen.message(bob, 'late', { prev: [joined.eventId] })
      const lateState = seen.append(
        bob,
        'm.room.member',
        { membership: 'join', displayname: 'B' },
        {
          stateKey: bob,
          prev: [joined.eventId],
        },
      )
      const ban = room.member(creator, 'ban', bob, { prev: [joined.eventId] })
      await send(joined, ban)
      assert.deepEqual(await deliver(server, third.server, late, lateState), [
        { eventId: late.eventId, error: undefined },
        { eventId: lateState.eventId, error: undefined },
      ])
      assert.equal(await statusOf(server, late.eventId), 1)
      assert.equal(await statusOf(server, lateState.eventId), 1)
      assert.equal(await isShown(room.roomId, late), false)
      const state = await currentState(server, room.roomId)
      assert.equal(state.get(`13:m.room.member${bob}`), ban.eventId)
      const next = room.message(creator, 'next', { prev: [ban.eventId, late.eventId] })
      await send(next)
      assert.equal(await isShown(room.roomId, next), true)
    })

    await t.test('forged, foreign and malformed events are told apart in the answer', async () => {
      const room = await enter()
      const forged = room.build(
        creator,
        'm.room.message',
        { body: 'x' },
        {
          tamper: (pdu) => ({ ...pdu, depth: pdu.depth + 1 }),
        },
      )
      const unsigned = room.build(
        creator,
        'm.room.message',
        { body: 'x' },
        {
          tamper: (pdu) => ({ ...pdu, signatures: {} }),
        },
      )
      const unkeyed = asSeenBy(room, unknown).build('@eve:unknown.test' as UserId, 'm.room.message', { body: 'x' })
      const inOtherName = asSeenBy(room, third).build(creator, 'm.room.message', { body: 'x' })
      const tooLarge = room.build(creator, 'm.room.message', { body: 'x'.repeat(66_000) })
      const good = room.message(creator, 'good')
      const receipts = await send(forged, unsigned, unkeyed, inOtherName, tooLarge, good)
      const errorOf = ({ eventId }: IdentifiedPdu) => receipts.find((receipt) => receipt.eventId === eventId)?.error
      for (const bad of [forged, unsigned, unkeyed, inOtherName]) assert.match(String(errorOf(bad)), /signature/)
      assert.equal(errorOf(good), undefined)
      for (const bad of [forged, unsigned, unkeyed, inOtherName, tooLarge]) {
        assert.equal(await statusOf(server, bad.eventId), undefined)
      }
      assert.equal(await isShown(room.roomId, good), true)
      const ingest = ingestOf(server)
      const nonsense = [null, 1, 'x', [], {}, { room_id: 1 }, { room_id: room.roomId }, { room_id: '!unknown:x' }]
      assert.deepEqual(await ingest.receive(remote.server, nonsense as readonly Json[]), [])
    })

    await t.test('what differs from its hash is used without what is not signed', async () => {
      const room = await enter()
      const bent = room.build(
        creator,
        'm.room.message',
        { body: 'true' },
        {
          tamper: (pdu) => ({ ...pdu, content: { body: 'false' } }),
        },
      )
      await send(bent)
      const event = await alice.get(path(room.roomId, `event/${encodeURIComponent(bent.eventId)}`))
      assert.deepEqual(event.content, {})
    })

    await t.test('events come out of order, twice, and from several servers at once', async () => {
      const room = await enter()
      const events = Array.from({ length: 8 }, (_, i) => room.message(creator, `m${i}`))
      await send(...events.toReversed())
      assert.deepEqual(
        (await timeline(room.roomId)).slice(-8),
        events.map(({ eventId }) => eventId),
      )
      const again = await Promise.all([send(...events), deliver(server, third.server, ...events)])
      assert.ok(again.flat().every(({ error }) => error === undefined))
      assert.equal((await timeline(room.roomId)).length, 9)
    })

    await t.test('a room may keep servers out', async () => {
      const room = await enter()
      const joined = asSeenBy(room, third).member(bob, 'join')
      const acl = room.append(creator, 'm.room.server_acl', { allow: ['*'], deny: ['third.test'] }, { stateKey: '' })
      await send(joined, acl)
      const message = asSeenBy(room, third).message(bob, 'x')
      const [receipt] = await deliver(server, third.server, message)
      assert.match(String(receipt?.error), /keeps the server out/)
      assert.equal(await statusOf(server, message.eventId), undefined)
      // What others have taken from there before they knew of the rule is part of the room.
      const [passedOn] = await deliver(server, remote.server, message)
      assert.equal(passedOn?.error, undefined)
    })

    for (const version of ['2', '9', '11', '12']) {
      await t.test(`redactions by their right, before or after what they redact (version ${version})`, async () => {
        const room = await enter({ version })
        const joined = asSeenBy(room, third).member(bob, 'join')
        const message = room.message(creator, 'secret')
        await send(joined, message)
        const redacts = message.eventId
        const wrong = asSeenBy(room, third).build(bob, 'm.room.redaction', {}, { redacts })
        await deliver(server, third.server, wrong)
        const contentOf = async ({ eventId }: IdentifiedPdu) =>
          (await alice.get(path(room.roomId, `event/${encodeURIComponent(eventId)}`))).content
        assert.deepEqual(await contentOf(message), message.pdu.content)
        assert.equal(await isShown(room.roomId, wrong), false)

        const own = asSeenBy(room, third).message(bob, 'own')
        const byOther = asSeenBy(room, third).append(bob, 'm.room.redaction', {}, { redacts: own.eventId })
        await deliver(server, third.server, own, byOther)
        assert.deepEqual(await contentOf(own), {})

        const fork = [...room.graph.heads]
        const hidden = room.message(creator, 'hidden', { prev: fork })
        const early = room.append(creator, 'm.room.redaction', {}, { redacts: hidden.eventId, prev: fork })
        const { next_batch: since } = await alice.get('/_matrix/client/v3/sync')
        await send(early)
        assert.equal(await isShown(room.roomId, early), version === '2')
        await send(hidden)
        assert.deepEqual(await contentOf(hidden), {})
        assert.equal(await isShown(room.roomId, early), true)
        const sync = await alice.get(`/_matrix/client/v3/sync?since=${String(since)}`)
        const shown = Object(sync.rooms).join[room.roomId].timeline.events.map(
          (event: { event_id: string }) => event.event_id,
        )
        assert.deepEqual(new Set(shown), new Set([hidden.eventId, early.eventId]))
      })
    }

    await t.test(
      'a join that another server made on our template is stored and passed on, a wrong one is not',
      async () => {
        const room = await enter()
        const ingest = ingestOf(server)
        const outgoing: string[][] = []
        server.context.rooms.onPersist(async (_tx, batch) => {
          if (batch.room.roomId === room.roomId) outgoing.push(batch.outgoing.map(({ eventId }) => eventId))
        })
        const join = asSeenBy(room, third).build(bob, 'm.room.member', { membership: 'join' }, { stateKey: bob })
        const stored = await ingest.accept(third.server, join)
        assert.equal(stored.eventId, join.eventId)
        assert.equal((await ingest.accept(third.server, join)).nid, stored.nid)
        assert.deepEqual(outgoing, [[join.eventId]])
        room.graph.add(join)
        await send(room.message(creator, 'x'))
        assert.deepEqual(outgoing.at(-1), [])
        const banned = '@banned:third.test' as UserId
        await send(room.member(creator, 'ban', banned))
        const refused = asSeenBy(room, third).build(
          banned,
          'm.room.member',
          { membership: 'join' },
          { stateKey: banned },
        )
        await assert.rejects(ingest.accept(third.server, refused), { status: 403, errcode: 'M_FORBIDDEN' })
        assert.equal(await statusOf(server, refused.eventId), undefined)
        const unsigned = { ...join, pdu: { ...join.pdu, depth: 99 } }
        await assert.rejects(ingest.accept(third.server, unsigned), { status: 400 })
        assert.equal(signerOf(server).server, 'localhost')
      },
    )
  })
}
