import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IdentifiedPdu } from '../src/matrix/event.ts'
import { createPeer } from './helpers/federation/peer.ts'
import { asSeenBy, currentState, deliver, enterRoom, signerOf, sorted } from './helpers/federation/remote-room.ts'
import { createFederatedServer } from './helpers/federation/servers.ts'

interface Section {
  readonly timeline: {
    readonly events: { readonly event_id: string }[]
    readonly limited: boolean
    readonly prev_batch: string
  }
  readonly state: {
    readonly events: { readonly event_id: string; readonly type: string; readonly state_key: string }[]
  }
}

test('what other servers do shows in syncs', async (t) => {
  await using server = await createFederatedServer()
  await using peer = await createPeer()
  const alice = await server.user('alice')
  const creator = peer.user('creator')
  const bob = peer.user('bob')
  let since = String((await alice.get('/_matrix/client/v3/sync')).next_batch)

  const sync = async (roomId: string, kind: 'join' | 'leave' = 'join'): Promise<Section> => {
    const answer = await alice.get('/_matrix/client/v3/sync', { since, timeout: 0 })
    since = String(answer.next_batch)
    const section = Object(answer.rooms)[kind]?.[roomId]
    assert.ok(section, 'the room has no news')
    return section
  }
  const enter = async () => {
    const room = peer.createRoom(creator)
    await enterRoom(server, room, alice.userId)
    return { room, first: await sync(room.roomId) }
  }
  const ids = (events: readonly { event_id: string }[]) => events.map((event) => event.event_id)
  const idsOf = (events: readonly IdentifiedPdu[]) => events.map(({ eventId }) => eventId)
  const send = (...events: readonly IdentifiedPdu[]) => deliver(server, peer.serverName, ...events)
  const withoutGapFilling = async (fn: () => Promise<void>) => {
    const undo = peer.on('POST', '/_matrix/federation/v1/get_missing_events/:roomId', () => ({ body: { events: [] } }))
    await fn()
    undo()
  }

  await t.test('a room that was entered has its whole state, and more history elsewhere', async () => {
    const { room, first } = await enter()
    assert.equal(first.timeline.limited, true)
    assert.equal(first.timeline.events.length, 1)
    const shown = [...ids(first.state.events), ...ids(first.timeline.events)]
    assert.deepEqual(shown.sort(), [...room.graph.current().values()].sort())
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room.roomId)}/messages`
    const { chunk } = await alice.get(path, { dir: 'b', from: first.timeline.prev_batch, limit: 50 })
    assert.deepEqual(ids(chunk as never), [...room.graph.events.keys()].reverse().slice(1))
  })

  await t.test('after a gap the timeline begins anew, and a gap that was filled is none', async () => {
    const { room } = await enter()
    await send(room.message(creator, 'seen'))
    const [filled, last] = [room.message(creator, 'filled'), room.message(creator, 'last')]
    await send(last)
    const whole = await sync(room.roomId)
    assert.equal(whole.timeline.limited, false)
    assert.deepEqual(ids(whole.timeline.events).slice(-2), idsOf([filled, last]))

    await send(room.message(creator, 'before the gap'))
    const topic = room.append(creator, 'm.room.topic', { topic: 'lost' }, { stateKey: '' })
    for (let i = 0; i < 5; i++) room.message(creator, `lost ${i}`)
    const edge = room.message(creator, 'edge')
    const next = room.message(creator, 'next')
    await withoutGapFilling(() => send(next).then(() => {}))
    const after = await sync(room.roomId)
    assert.equal(after.timeline.limited, true)
    assert.deepEqual(ids(after.timeline.events), idsOf([edge, next]))
    assert.deepEqual(ids(after.state.events), [topic.eventId])

    // What lies in the gap is fetched when somebody reads, and stands where it belongs.
    const news = String((await alice.get('/_matrix/client/v3/sync')).next_batch)
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room.roomId)}/messages`
    const page = async (from: string) => alice.get(path, { dir: 'b', from, limit: 4 })
    const read: string[] = []
    for (let from = after.timeline.prev_batch; from !== 'undefined' && read.length < 200; ) {
      const { chunk, end } = await page(from)
      read.push(...ids(chunk as never))
      from = String(end)
    }
    const all = [...room.graph.events.keys()].reverse()
    assert.deepEqual(read, all.slice(all.indexOf(edge.eventId) + 1))
    const later = await alice.get('/_matrix/client/v3/sync', { since: news, timeout: 0 })
    assert.equal(Object(later.rooms).join?.[room.roomId], undefined)
  })

  await t.test('state that changes where branches meet is in the state', async () => {
    const { room } = await enter()
    const joined = room.member(bob, 'join')
    const fork = [joined.eventId]
    await send(joined)
    await sync(room.roomId)
    // One branch bans bob; on the other, which is seen first, he renames himself.
    const renamed = room.append(
      bob,
      'm.room.member',
      { membership: 'join', displayname: 'B' },
      { stateKey: bob, prev: fork },
    )
    const lock = room.append(creator, 'm.room.join_rules', { join_rule: 'invite' }, { stateKey: '', prev: fork })
    const ban = room.member(creator, 'ban', bob, { prev: [lock.eventId] })
    const topic = room.append(creator, 'm.room.topic', { topic: 'x' }, { stateKey: '', prev: [renamed.eventId] })
    await send(renamed, topic)
    await sync(room.roomId)
    await send(lock, ban)
    assert.deepEqual(sorted(await currentState(server, room.roomId)), sorted(room.graph.current()))
    const section = await sync(room.roomId)
    assert.deepEqual(ids(section.timeline.events), idsOf([lock, ban]))
    const members = await alice.get(`/_matrix/client/v3/rooms/${encodeURIComponent(room.roomId)}/joined_members`)
    assert.deepEqual(Object.keys(Object(members.joined)).sort(), [alice.userId, creator].sort())
  })

  await t.test('a resolution that brings back an older event shows it, and moves the membership', async () => {
    const { room } = await enter()
    const joined = room.member(bob, 'join')
    const levels = room.append(creator, 'm.room.power_levels', { users: { [bob]: 50 } }, { stateKey: '' })
    await send(joined, levels)
    await sync(room.roomId)
    const fork = [levels.eventId]
    const carol = peer.user('carol')
    const seen = asSeenBy(room, peer.signer)
    // bob lets carol in by making the room public for a moment, while the creator takes his power away.
    const carolJoins = seen.member(carol, 'join', carol, { prev: fork })
    const kick = seen.member(bob, 'leave', carol, { prev: [carolJoins.eventId] })
    const topic = seen.append(bob, 'm.room.topic', { topic: 'by bob' }, { stateKey: '', prev: [kick.eventId] })
    const demote = room.append(creator, 'm.room.power_levels', { users: {} }, { stateKey: '', prev: fork })
    await send(carolJoins, kick, topic)
    const before = await sync(room.roomId)
    assert.deepEqual(ids(before.timeline.events), idsOf([carolJoins, kick, topic]))
    await send(demote)
    const expected = room.graph.current()
    const state = await currentState(server, room.roomId)
    assert.deepEqual(sorted(state), sorted(expected))
    const section = await sync(room.roomId)
    assert.deepEqual(ids(section.timeline.events), [demote.eventId])
    // What clients have to hold now that the resolution has spoken.
    for (const { event_id: eventId, type, state_key: key } of section.state.events) {
      assert.equal(expected.get(`${type.length}:${type}${key}`), eventId)
    }
  })

  await t.test('an own event on two branches follows both', async () => {
    const { room } = await enter()
    const fork = [...room.graph.heads]
    const one = room.append(creator, 'm.room.topic', { topic: 'one' }, { stateKey: '', prev: fork })
    const two = room.append(creator, 'm.room.topic', { topic: 'two' }, { stateKey: '', prev: fork })
    await send(one, two)
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room.roomId)}/send/m.room.message/own`
    const { event_id: own } = await alice.put(path, { msgtype: 'm.text', body: 'own' })
    const pdu = await server.context.db.read((reader) => server.context.rooms.reads.eventById(reader, String(own)))
    assert.deepEqual(new Set(pdu?.pdu.prev_events), new Set(idsOf([one, two])))
    assert.equal(signerOf(server).server, server.serverName)
  })
})
