import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IdentifiedPdu } from '../src/matrix/event.ts'
import type { UserId } from '../src/matrix/ids.ts'
import { createPeer } from './helpers/federation/peer.ts'
import { currentState, deliver, enterRoom, ingestOf, sorted, statusOf } from './helpers/federation/remote-room.ts'
import { createFederatedServer } from './helpers/federation/servers.ts'

test('what events of other servers refer to is fetched', async (t) => {
  await using server = await createFederatedServer()
  await using peer = await createPeer()
  const alice = await server.user('alice')
  const creator = peer.user('creator')

  const enter = async (version = '12') => {
    const room = peer.createRoom(creator, { version })
    await enterRoom(server, room, alice.userId)
    peer.requests.length = 0
    return room
  }
  const timeline = async (roomId: string) => {
    const { chunk } = await alice.get(`/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=100`)
    return (chunk as { event_id: string }[]).map((event) => event.event_id).reverse()
  }
  const asked = (part: string) => peer.requests.filter(({ path }) => path.includes(part))
  const ids = (events: readonly IdentifiedPdu[]) => events.map(({ eventId }) => eventId)
  const send = (...events: readonly IdentifiedPdu[]) => deliver(server, peer.serverName, ...events)

  for (const version of ['1', '3', '12']) {
    await t.test(`a gap is filled without a look at the state (version ${version})`, async () => {
      const room = await enter(version)
      const [before] = [...room.graph.heads]
      const missed = Array.from({ length: 60 }, (_, i) => room.message(creator, `missed ${i}`))
      const last = room.message(creator, 'last')
      await send(last)
      assert.deepEqual((await timeline(room.roomId)).slice(-61), ids([...missed, last]))
      const [request] = asked('get_missing_events')
      assert.deepEqual(Object(request?.body).earliest_events, [before])
      assert.deepEqual(Object(request?.body).latest_events, [last.eventId])
      assert.equal(asked('state').length, 0)
      assert.deepEqual(sorted(await currentState(server, room.roomId)), sorted(room.graph.current()))
    })
  }

  await t.test(
    'where a gap cannot be filled the state at its far side is fetched, by what is not here of it',
    async () => {
      const room = await enter()
      const topic = room.append(creator, 'm.room.topic', { topic: 'unseen' }, { stateKey: '' })
      room.message(creator, 'unseen')
      const edge = room.message(creator, 'edge')
      const last = room.message(creator, 'last')
      peer.on('POST', '/_matrix/federation/v1/get_missing_events/:roomId', () => ({ body: { events: [] } }))
      await send(last)
      assert.equal(await statusOf(server, last.eventId), 0)
      assert.deepEqual(sorted(await currentState(server, room.roomId)), sorted(room.graph.current()))
      assert.equal(asked('state_ids').length, 1)
      assert.equal(asked('/state/').length, 0)
      assert.deepEqual(
        asked('/event/').map(({ params }) => params.eventId),
        [edge.eventId, topic.eventId],
      )
    },
  )

  await t.test('a missing event that is no event keeps what follows it out, until it is one', async () => {
    const room = await enter()
    const missing = room.message(creator, 'missing')
    const child = room.message(creator, 'child')
    const bad = { ...missing.pdu, content: { ...missing.pdu.content, bad: 1.1 } }
    const path = '/_matrix/federation/v1'
    const undo = [
      peer.on('POST', `${path}/get_missing_events/:roomId`, () => ({ body: { events: [bad as never] } })),
      peer.on('GET', `${path}/event/:eventId`, () => ({ body: { pdus: [bad as never] } })),
    ]
    await send(child)
    assert.equal(await statusOf(server, child.eventId), undefined)
    assert.equal(asked('state').length, 0)
    for (const fn of undo) fn()
    await send(child)
    assert.deepEqual((await timeline(room.roomId)).slice(-2), ids([missing, child]))
  })

  await t.test('what a server cannot give now it is asked for again later', async () => {
    const waiting = () =>
      server.context.db.read((reader) => reader.qb.selectFrom('staged_events').select('event_id').execute())
    for (const status of [429, 502, 404]) {
      const room = await enter()
      room.message(creator, 'missing')
      const child = room.message(creator, 'child')
      const refuse = () => ({ status, body: { errcode: 'M_UNKNOWN' } })
      const paths = ['event/:eventId', 'state/:roomId', 'state_ids/:roomId']
      const undo = [
        peer.on('POST', '/_matrix/federation/v1/get_missing_events/:roomId', refuse),
        ...paths.map((path) => peer.on('GET', `/_matrix/federation/v1/${path}`, refuse)),
      ]
      await send(child)
      for (const fn of undo) fn()
      const isKept = (await waiting()).some(({ event_id: id }) => id === child.eventId)
      assert.equal(isKept, status !== 404, `after ${status}`)
    }
  })

  await t.test('what authorises an event is fetched, and without it nothing that follows is let in', async () => {
    const room = await enter()
    const fork = [...room.graph.heads]
    const dan = peer.user('dan')
    const join = room.member(dan, 'join', dan, { prev: fork })
    const second = room.message(dan, 'hello', { prev: [join.eventId] })
    // It names as previous only what is here, but cites what is not.
    const skipping = room.build(
      dan,
      'm.room.topic',
      { topic: 'x' },
      { prev: fork, auth: second.pdu.auth_events as never, stateKey: '@x' },
    )
    room.graph.addOutlier(skipping)
    const path = '/_matrix/federation/v1'
    const undo = [
      peer.on('GET', `${path}/event_auth/:roomId/:eventId`, () => ({ body: { auth_chain: [] } })),
      peer.on('GET', `${path}/event/:eventId`, () => ({ status: 404, body: { errcode: 'M_NOT_FOUND' } })),
    ]
    await send(skipping)
    assert.equal(await statusOf(server, skipping.eventId), undefined)
    for (const fn of undo) fn()
    await send(skipping)
    assert.equal(await statusOf(server, skipping.eventId), 2, 'by the state before it dan is not in the room')
    await send(second)
    assert.deepEqual((await timeline(room.roomId)).slice(-2), ids([join, second]))
  })

  await t.test('what a server lacks it is asked for once, however many events cite it', async () => {
    const room = await enter()
    const dan = peer.user('dan')
    const fork = [...room.graph.heads]
    const join = room.member(dan, 'join', dan, { prev: fork })
    const { auth_events: auth } = room.draft(dan, 'm.room.message', {}, { prev: [join.eventId] })
    const chain: IdentifiedPdu[] = []
    for (let i = 0; i < 5; i++) {
      const prev = chain.length === 0 ? fork : ids(chain.slice(-1))
      const next = room.build(dan, 'm.room.message', { body: `${i}` }, { prev, auth: auth as never })
      room.graph.addOutlier(next)
      chain.push(next)
    }
    const last = chain.at(-1)
    assert.ok(last)
    const path = '/_matrix/federation/v1'
    const undo = [
      peer.on('GET', `${path}/event_auth/:roomId/:eventId`, () => ({ body: { auth_chain: [] } })),
      peer.on('GET', `${path}/event/:eventId`, () => ({ status: 404, body: { errcode: 'M_NOT_FOUND' } })),
      peer.on('POST', `${path}/get_missing_events/:roomId`, () => ({
        body: { events: chain.slice(0, -1).map(({ pdu }) => pdu) as never },
      })),
    ]
    await send(last)
    for (const fn of undo) fn()
    assert.equal(await statusOf(server, last.eventId), undefined)
    assert.deepEqual([asked('/event_auth/').length, asked('/event/').length], [1, 1])
  })

  await t.test('one bad event among those that fill a gap does not keep out the others', async () => {
    const room = await enter()
    const fork = [...room.graph.heads]
    const good = room.message(creator, 'good', { prev: fork })
    const forged = room.build(
      creator,
      'm.room.message',
      { body: 'forged' },
      {
        prev: fork,
        tamper: (pdu) => ({ ...pdu, signatures: {} }),
      },
    )
    const last = room.build(creator, 'm.room.message', { body: 'last' }, { prev: [good.eventId] })
    const events = [forged.pdu, good.pdu] as never
    const undo = peer.on('POST', '/_matrix/federation/v1/get_missing_events/:roomId', () => ({ body: { events } }))
    await send(last)
    undo()
    assert.deepEqual((await timeline(room.roomId)).slice(-2), ids([good, last]))
    assert.equal(await statusOf(server, forged.eventId), undefined)
  })

  await t.test('history from before the join is fetched and is no news', async () => {
    const room = peer.createRoom(creator)
    const old = Array.from({ length: 30 }, (_, i) => room.message(creator, `old ${i}`))
    const since = String((await alice.get('/_matrix/client/v3/sync')).next_batch)
    const join = await enterRoom(server, room, alice.userId)
    const first = await alice.get(`/_matrix/client/v3/sync?since=${since}`)
    const ingest = ingestOf(server)
    assert.equal(await ingest.backfill(room.roomId, [join.eventId], 10), true)
    const at = await alice.get(`/_matrix/client/v3/sync?since=${String(first.next_batch)}&timeout=0`)
    assert.equal(Object(at.rooms).join?.[room.roomId], undefined)
    const shown = await timeline(room.roomId)
    assert.deepEqual(shown.slice(-11), ids([...old.slice(-10), join]))
    while (await ingest.backfill(room.roomId, [shown[0] as never], 100)) {
      const [oldest] = await timeline(room.roomId)
      if (oldest === shown[0]) break
      shown[0] = String(oldest)
    }
    const all = await timeline(room.roomId)
    assert.deepEqual(all, [...room.graph.events.keys()])
    for (const eventId of all) assert.equal(await statusOf(server, eventId), 0)
  })

  await t.test('an event is fetched by its id', async () => {
    const room = await enter()
    const elsewhere = room.build(creator, 'm.room.message', { body: 'x' })
    room.graph.events.set(elsewhere.eventId, elsewhere)
    const ingest = ingestOf(server)
    const found = await ingest.fetchEvent(room.roomId, elsewhere.eventId, [peer.serverName])
    assert.deepEqual(found?.content, { body: 'x' })
    assert.equal(await ingest.fetchEvent(room.roomId, '$unknown' as never, [peer.serverName]), undefined)
    const other = peer.createRoom('@other:x' as UserId).message('@other:x' as UserId, 'y')
    assert.equal(await ingest.fetchEvent(room.roomId, other.eventId, [peer.serverName]), undefined)
  })
})
