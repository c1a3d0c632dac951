/** What must not be seen, and what clients must not be refused, each tried by a real request. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { roomVersions } from '../src/matrix/room-versions.ts'
import { createTestClock } from '../src/util/clock.ts'
import { at } from './helpers/client.ts'
import {
  act,
  allState,
  createRoom,
  errorOf,
  getEvent,
  getState,
  join,
  publicRoom,
  send,
  setState,
  statePath,
  timeline,
  v3,
} from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import { sync } from './helpers/sync.ts'

let server: TestServer
let alice: TestUser
let bob: TestUser
let carol: TestUser

before(async () => {
  server = await createTestServer()
  alice = await server.user('alice')
  bob = await server.user('bob')
  carol = await server.user('carol')
})
after(() => server.stop())

const room = (roomId: string, path: string) => `${at`/_matrix/client/v3/rooms/${roomId}/`}${path}`
const visibility = (value: string) => ({ type: 'm.room.history_visibility', content: { history_visibility: value } })
const bodies = (events: readonly { content: { body?: unknown } }[]) =>
  events.flatMap(({ content }) => (content.body === undefined ? [] : [content.body]))

/** The status of every way to read a room. */
async function readings(user: TestUser, roomId: string): Promise<Record<string, number>> {
  const paths = [
    'state',
    'members',
    'messages?dir=b',
    'messages?dir=f',
    'joined_members',
    'aliases',
    'state/m.room.name/',
  ]
  const found: Record<string, number> = {}
  for (const path of paths) found[path] = (await user.request('GET', room(roomId, path))).status
  return found
}

async function assertClosed(user: TestUser, roomId: string): Promise<void> {
  for (const [path, status] of Object.entries(await readings(user, roomId))) assert.equal(status, 403, path)
}

describe('who was never in a room', () => {
  it('reads nothing of it after turning down an invitation', async () => {
    const roomId = await createRoom(alice, { name: 'secret', invite: [bob.userId] })
    await assertClosed(bob, roomId)
    await act(bob, roomId, 'leave')
    await assertClosed(bob, roomId)
  })

  it('reads nothing of it after taking a knock back', async () => {
    const roomId = await createRoom(alice, {
      name: 'secret',
      initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }],
    })
    await bob.post(at`/_matrix/client/v3/knock/${roomId}`)
    await assertClosed(bob, roomId)
    await act(bob, roomId, 'leave')
    await assertClosed(bob, roomId)
  })

  it('reads nothing of it after a ban and its end', async () => {
    const roomId = await createRoom(alice, { name: 'secret' })
    await act(alice, roomId, 'ban', { user_id: bob.userId })
    await assertClosed(bob, roomId)
    await act(alice, roomId, 'unban', { user_id: bob.userId })
    await assertClosed(bob, roomId)
    const { rooms } = await sync(bob, { filter: { room: { rooms: [roomId], include_leave: true } } })
    const section = rooms?.leave?.[roomId]
    assert.deepEqual(section?.state?.events ?? [], [])
    assert.equal(section?.timeline.events.length, 1)
  })
})

describe('who has left a room', () => {
  it('reads it as it was then, whatever happens to them later', async () => {
    const roomId = await createRoom(alice, { name: 'then', invite: [bob.userId] })
    await join(bob, roomId)
    await send(alice, roomId, 'early')
    await act(bob, roomId, 'leave')
    await setState(alice, roomId, 'm.room.name', { name: 'now' })
    await send(alice, roomId, 'late')
    const checkThen = async () => {
      assert.equal((await getState(bob, roomId, 'm.room.name')).name, 'then')
      const state = await allState(bob, roomId)
      assert.equal(state.find(({ type }) => type === 'm.room.name')?.content.name, 'then')
      assert.ok(!bodies(await timeline(bob, roomId)).includes('late'))
      assert.ok(bodies(await timeline(bob, roomId)).includes('early'))
    }
    await checkThen()
    await act(alice, roomId, 'invite', { user_id: bob.userId })
    await act(bob, roomId, 'leave')
    await checkThen()
    await act(alice, roomId, 'ban', { user_id: bob.userId })
    await checkThen()
    await act(alice, roomId, 'unban', { user_id: bob.userId })
    await checkThen()
    const { rooms } = await sync(bob, { filter: { room: { rooms: [roomId], include_leave: true } } })
    const section = rooms?.leave?.[roomId]
    const names = [...(section?.state?.events ?? []), ...(section?.timeline.events ?? [])]
      .filter(({ type }) => type === 'm.room.name')
      .map(({ content }) => content.name)
    assert.ok(!names.includes('now'), JSON.stringify(names))
  })

  it('finds nothing after the leave', async () => {
    const roomId = await publicRoom(alice, [bob])
    await act(bob, roomId, 'leave')
    const { next_batch: token } = await sync(bob)
    await send(alice, roomId, 'late')
    const page = await bob.get<{ chunk: unknown[] }>(room(roomId, 'messages'), { dir: 'f', from: token })
    assert.deepEqual(page.chunk, [])
    const back = await bob.get<{ chunk: { type: string }[] }>(room(roomId, 'messages'), { dir: 'b', limit: 1 })
    assert.equal(back.chunk[0]?.type, 'm.room.member')
  })

  it('sees the members of then', async () => {
    const roomId = await publicRoom(alice, [bob])
    const { next_batch: token } = await sync(alice)
    await act(bob, roomId, 'leave')
    await join(carol, roomId)
    const members = async (user: TestUser, query: Record<string, string> = {}) => {
      const { chunk } = await user.get<{ chunk: { state_key: string; content: { membership: string } }[] }>(
        room(roomId, 'members'),
        query,
      )
      return Object.fromEntries(chunk.map(({ state_key: who, content }) => [who[1], content.membership]))
    }
    assert.deepEqual(await members(bob), { a: 'join', b: 'leave' })
    assert.deepEqual(await members(alice), { a: 'join', b: 'leave', c: 'join' })
    assert.deepEqual(await members(alice, { at: token }), { a: 'join', b: 'join' })
    assert.deepEqual(await members(alice, { membership: 'leave' }), { b: 'leave' })
    assert.deepEqual(await members(alice, { not_membership: 'leave' }), { a: 'join', c: 'join' })
  })
})

describe('history', () => {
  for (const [value, seen] of [
    ['joined', []],
    ['invited', ['invited']],
    ['shared', ['before', 'invited']],
    ['world_readable', ['before', 'invited']],
  ] as const) {
    it(`that is ${value} is seen after a join as far as it goes`, async () => {
      const roomId = await createRoom(alice, { initial_state: [visibility(value)] })
      const ids = [await send(alice, roomId, 'before')]
      await act(alice, roomId, 'invite', { user_id: bob.userId })
      ids.push(await send(alice, roomId, 'invited'))
      await join(bob, roomId)
      const last = await send(alice, roomId, 'joined')
      assert.deepEqual(bodies(await timeline(bob, roomId)), [...seen, 'joined'])
      for (const [i, body] of ['before', 'invited'].entries()) {
        const expect = (seen as readonly string[]).includes(body) ? 200 : 404
        await bob.request('GET', room(roomId, `event/${encodeURIComponent(ids[i] ?? '')}`), { expect })
        await bob.request('GET', room(roomId, `context/${encodeURIComponent(ids[i] ?? '')}`), { expect })
      }
      const around = await bob.get<{ events_before: { content: { body?: unknown } }[] }>(
        room(roomId, `context/${encodeURIComponent(last)}`),
      )
      assert.deepEqual(bodies(around.events_before).reverse(), seen)
      const { rooms } = await sync(bob, { filter: { room: { rooms: [roomId], timeline: { limit: 50 } } } })
      assert.deepEqual(bodies(rooms?.join?.[roomId]?.timeline.events ?? []), [...seen, 'joined'])
    })
  }

  it('of before and after a change of the rule is seen by the rule of its time', async () => {
    const roomId = await createRoom(alice, { initial_state: [visibility('joined')] })
    const hidden = await send(alice, roomId, 'hidden')
    await setState(alice, roomId, 'm.room.history_visibility', { history_visibility: 'shared' })
    const open = await send(alice, roomId, 'open')
    await act(alice, roomId, 'invite', { user_id: bob.userId })
    await join(bob, roomId)
    assert.deepEqual(bodies(await timeline(bob, roomId)), ['open'])
    assert.equal((await getEvent(bob, roomId, open)).event_id, open)
    await bob.request('GET', room(roomId, `event/${encodeURIComponent(hidden)}`), { expect: 404 })
  })

  it('that the world may read is open to everybody, but only that', async () => {
    const roomId = await createRoom(alice, { name: 'shop window' })
    await send(alice, roomId, 'private')
    await setState(alice, roomId, 'm.room.history_visibility', { history_visibility: 'world_readable' })
    await send(alice, roomId, 'public')
    assert.deepEqual(bodies(await timeline(bob, roomId)), ['public'])
    assert.equal((await getState(bob, roomId, 'm.room.name')).name, 'shop window')
    await bob.request('GET', room(roomId, 'joined_members'), { expect: 403 })
    await bob.request('PUT', room(roomId, 'send/m.room.message/x1'), { body: { body: 'x' }, expect: 403 })
    await setState(alice, roomId, 'm.room.history_visibility', { history_visibility: 'shared' })
    await assertClosed(bob, roomId)
  })

  it('of rooms that are unknown is forbidden, and their events are not found', async () => {
    await assertClosed(bob, '!unknown:localhost')
    await bob.request('GET', room('!unknown:localhost', 'event/$x'), { expect: 404 })
    await bob.request('GET', room('!unknown:localhost', 'context/$x'), { expect: 403 })
    const [one, other] = [await createRoom(alice), await createRoom(alice)]
    const id = await send(alice, one, 'here')
    await alice.request('GET', room(other, `event/${encodeURIComponent(id)}`), { expect: 404 })
    await bob.request('GET', room(one, `event/${encodeURIComponent(id)}`), { expect: 404 })
  })
})

describe('a redaction', () => {
  it('takes a name out of every list of members', async () => {
    const roomId = await publicRoom(alice, [])
    await join(bob, roomId)
    const event = (await bob.put(statePath(roomId, 'm.room.member', bob.userId), {
      membership: 'join',
      displayname: 'something rude',
      avatar_url: 'mxc://localhost/rude',
    })) as { event_id: string }
    await alice.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${event.event_id}/r1`, { reason: 'rude' })
    const { joined } = await alice.get<{ joined: Record<string, object> }>(room(roomId, 'joined_members'))
    assert.deepEqual(joined[bob.userId], {})
    assert.deepEqual(await getState(alice, roomId, 'm.room.member', bob.userId), { membership: 'join' })
  })

  it('leaves the event readable by a receipt, wherever clients then think it is', async () => {
    const roomId = await publicRoom(alice, [bob])
    const root = await send(alice, roomId, 'root')
    const reply = await send(alice, roomId, {
      msgtype: 'm.text',
      body: 'in thread',
      'm.relates_to': { rel_type: 'm.thread', event_id: root },
    })
    const receipt = (threadId: string) =>
      bob.request('POST', room(roomId, `receipt/m.read/${encodeURIComponent(reply)}`), {
        body: { thread_id: threadId },
      })
    assert.equal((await receipt('main')).status, 400)
    await alice.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${reply}/r2`, {})
    assert.equal((await receipt('main')).status, 200)
  })
})

describe('filters of history', () => {
  it('know rooms', async () => {
    const roomId = await createRoom(alice)
    await send(alice, roomId, 'hello')
    const filtered = async (filter: object) => {
      const query = { dir: 'b', filter: JSON.stringify(filter) }
      return (await alice.get<{ chunk: unknown[] }>(room(roomId, 'messages'), query)).chunk.length
    }
    assert.ok((await filtered({ rooms: [roomId] })) > 0)
    assert.equal(await filtered({ rooms: ['!other:localhost'] }), 0)
    assert.equal(await filtered({ not_rooms: [roomId] }), 0)
  })
})

describe('power levels', () => {
  it('that say nothing leave nobody but the creator of version 12 any power, and no error', async () => {
    const roomId = await publicRoom(alice, [bob], { room_version: '11' })
    await setState(alice, roomId, 'm.room.power_levels', {})
    assert.equal(await errorOf(bob, 'PUT', statePath(roomId, 'm.room.name'), { name: 'x' }, 403), 'M_FORBIDDEN')
    assert.equal(await errorOf(alice, 'PUT', statePath(roomId, 'm.room.name'), { name: 'x' }, 403), 'M_FORBIDDEN')
    assert.equal((await act(alice, roomId, 'kick', { user_id: bob.userId }, 403)).errcode, 'M_FORBIDDEN')
    await send(bob, roomId, 'messages still go')
    const newest = await publicRoom(alice, [bob])
    await setState(alice, newest, 'm.room.power_levels', {})
    await setState(alice, newest, 'm.room.name', { name: 'mine' })
    assert.equal(await errorOf(bob, 'PUT', statePath(newest, 'm.room.name'), { name: 'x' }, 403), 'M_FORBIDDEN')
  })
})

describe('what a state event replaced', () => {
  it('is told to those who may see it, and named to all', async () => {
    const roomId = await createRoom(alice, { initial_state: [visibility('joined')], invite: [bob.userId] })
    const first = await setState(alice, roomId, 'm.room.topic', { topic: 'before bob' })
    const second = await setState(alice, roomId, 'm.room.topic', { topic: 'as bob comes' })
    await join(bob, roomId)
    const third = await setState(alice, roomId, 'm.room.topic', { topic: 'with bob' })
    const unsignedIn = (events: readonly { event_id: string; unsigned?: object }[] | undefined, id: string) =>
      (events?.find(({ event_id }) => event_id === id)?.unsigned ?? {}) as Record<string, unknown>
    const { rooms } = await sync(bob, { filter: { room: { rooms: [roomId], timeline: { limit: 1 } } } })
    const section = rooms?.join?.[roomId]
    const atJoin = unsignedIn(section?.state?.events, second)
    assert.equal(atJoin.replaces_state, first)
    assert.equal(atJoin.prev_content, undefined)
    const since = unsignedIn(section?.timeline.events, third)
    assert.equal(since.replaces_state, second)
    assert.equal(since.prev_content, undefined)
    const forAlice = unsignedIn(await allState(alice, roomId), third)
    assert.deepEqual(forAlice.prev_content, { topic: 'as bob comes' })
    assert.equal(forAlice.prev_sender, alice.userId)
    const fourth = await setState(alice, roomId, 'm.room.topic', { topic: 'later' })
    assert.deepEqual(unsignedIn(await allState(bob, roomId), fourth).prev_content, { topic: 'with bob' })
    const own = (await allState(bob, roomId)).find(({ state_key }) => state_key === bob.userId)
    assert.partialDeepStrictEqual(own?.unsigned, { prev_content: { membership: 'invite' } })
  })
})

describe('guests', () => {
  it('leave a room that takes none any more', async () => {
    await using open = await createTestServer({ config: { registration: { guests: true } } })
    const host = await open.user('host')
    const { access_token: token, user_id: guestId } = await open.client.post<{ access_token: string; user_id: string }>(
      `${v3}/register`,
      {},
      { query: { kind: 'guest' } },
    )
    const roomId = await publicRoom(host, [], {
      initial_state: [{ type: 'm.room.guest_access', content: { guest_access: 'can_join' } }],
    })
    const guest = open.client.as(token)
    await guest.post(room(roomId, 'join'))
    const member = await open.user('member')
    await join(member, roomId)
    await setState(host, roomId, 'm.room.guest_access', { guest_access: 'forbidden' })
    await open.context.rooms.part.stop()
    assert.equal((await getState(host, roomId, 'm.room.member', guestId)).membership, 'leave')
    assert.equal((await getState(host, roomId, 'm.room.member', member.userId)).membership, 'join')
  })
})

describe('room versions', () => {
  for (const version of roomVersions) {
    const number = Number(version)
    it(`${version}: who comes in by which rule, and what sync then shows`, async () => {
      const roomId = await createRoom(alice, { room_version: version, name: 'v' })
      const club = await publicRoom(alice, [carol])
      const rule = (content: object) => setState(alice, roomId, 'm.room.join_rules', content as { join_rule: string })
      const allow = [{ type: 'm.room_membership', room_id: club }]
      const knock = (expect: number) =>
        bob.request('POST', at`/_matrix/client/v3/knock/${roomId}`, { body: {}, expect })
      await join(bob, roomId, 403)
      await knock(403)
      await rule({ join_rule: 'knock' })
      await join(bob, roomId, 403)
      await knock(number >= 7 ? 200 : 403)
      if (number >= 7) await act(bob, roomId, 'leave')
      await rule({ join_rule: 'restricted', allow })
      await join(bob, roomId, 403)
      await join(carol, roomId, number >= 8 ? 200 : 403)
      await knock(403)
      if (number >= 8) await act(carol, roomId, 'leave')
      await rule({ join_rule: 'knock_restricted', allow })
      await join(bob, roomId, 403)
      await join(carol, roomId, number >= 10 ? 200 : 403)
      await knock(number >= 10 ? 200 : 403)
      if (number < 10) await rule({ join_rule: 'invite' })
      if (number < 10) await act(alice, roomId, 'invite', { user_id: carol.userId })
      await join(carol, roomId)
      const { next_batch: since } = await sync(carol)
      await rule({ join_rule: 'public' })
      await join(bob, roomId)
      const id = await send(bob, roomId, 'hello')
      await bob.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${id}/own-${version}`, { reason: 'typo' })
      const { rooms } = await sync(carol, { since })
      const events = rooms?.join?.[roomId]?.timeline.events ?? []
      assert.deepEqual(
        events.map(({ type }) => type),
        ['m.room.join_rules', 'm.room.member', 'm.room.message', 'm.room.redaction'],
      )
      assert.deepEqual(events[2]?.content, {})
      assert.equal((events[3] as { redacts?: string }).redacts, id)
      const around = await carol.get<{ event: { event_id: string } }>(room(roomId, `context/${encodeURIComponent(id)}`))
      assert.equal(around.event.event_id, id)
    })
  }
})

describe('members at a position', () => {
  it('from before one could see anything are not told', async () => {
    const roomId = await createRoom(alice, { initial_state: [visibility('joined')], invite: [carol.userId] })
    const { next_batch: early } = await sync(alice)
    await join(carol, roomId)
    await act(alice, roomId, 'invite', { user_id: bob.userId })
    await join(bob, roomId)
    const { next_batch: now } = await sync(bob)
    const members = (user: TestUser, token: string, expect: number) =>
      user.request('GET', room(roomId, 'members'), { query: { at: token }, expect })
    await members(bob, early, 403)
    await members(alice, early, 200)
    await members(bob, now, 200)
    await act(bob, roomId, 'leave')
    await members(bob, now, 200)
  })
})

describe('an error', () => {
  it('tells nobody outside who is in a room or banned from it', async () => {
    const roomId = await createRoom(alice, { invite: [bob.userId] })
    await join(bob, roomId)
    await act(alice, roomId, 'ban', { user_id: '@banned:localhost' })
    for (const action of ['kick', 'unban', 'ban', 'invite']) {
      const answers = []
      for (const target of [bob.userId, '@banned:localhost', '@nobody:localhost']) {
        answers.push(await act(carol, roomId, action, { user_id: target }, 403))
        const content = { membership: action === 'invite' || action === 'ban' ? action : 'leave' }
        const path = statePath(roomId, 'm.room.member', target)
        answers.push((await carol.request('PUT', path, { body: content, expect: 403 })).body)
      }
      assert.equal(new Set(answers.map(({ error }) => error)).size, 1, `${action}: ${JSON.stringify(answers)}`)
    }
  })
})

it('makes as many rooms as are asked for in one moment, though their ids are hashes of what is alike', async () => {
  await using still = await createTestServer({ clock: createTestClock() })
  const dave = await still.user('dave')
  const created = await Promise.all(Array.from({ length: 5 }, () => createRoom(dave)))
  assert.equal(new Set(created).size, created.length)
})
