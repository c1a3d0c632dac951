import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at } from './helpers/client.ts'
import { act, createRoom, errorOf, getState, join, publicRoom, setState, statePath, v3 } from './helpers/rooms.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'

const aliasPath = (alias: string) => at`/_matrix/client/v3/directory/room/${alias}`

test('aliases: made by members, removed by their creator or a moderator', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await publicRoom(alice, [bob])
  const put = (user: TestUser, alias: string, status: number) =>
    errorOf(user, 'PUT', aliasPath(alias), { room_id: roomId }, status)
  assert.equal(await put(carol, '#mine:localhost', 403), 'M_FORBIDDEN')
  assert.equal(await put(bob, '#mine:elsewhere.example', 400), 'M_INVALID_PARAM')
  assert.equal(await put(bob, 'mine', 400), 'M_INVALID_PARAM')
  await put(bob, '#a/b ö:localhost', 200)
  await put(alice, '#second:localhost', 200)
  assert.equal(await put(alice, '#second:localhost', 409), 'M_UNKNOWN')
  const list = at`/_matrix/client/v3/rooms/${roomId}/aliases`
  assert.deepEqual(await bob.get(list), { aliases: ['#a/b ö:localhost', '#second:localhost'] })
  assert.equal(await errorOf(carol, 'GET', list, undefined, 403), 'M_FORBIDDEN')
  await setState(alice, roomId, 'm.room.history_visibility', { history_visibility: 'world_readable' })
  assert.equal((await carol.get<{ aliases: string[] }>(list)).aliases.length, 2)
  assert.equal((await server.client.get(aliasPath('#a/b ö:localhost'))).room_id, roomId)
  assert.equal(await errorOf(carol, 'DELETE', aliasPath('#second:localhost'), undefined, 403), 'M_FORBIDDEN')
  assert.equal(await errorOf(bob, 'DELETE', aliasPath('#second:localhost'), undefined, 403), 'M_FORBIDDEN')
  await bob.delete(aliasPath('#a/b ö:localhost'))
  assert.equal(await errorOf(bob, 'DELETE', aliasPath('#a/b ö:localhost'), undefined, 404), 'M_NOT_FOUND')
  await put(bob, '#third:localhost', 200)
  await alice.delete(aliasPath('#third:localhost'))
  assert.equal(
    (await server.client.request('GET', aliasPath('nothing'), { expect: 400 })).body.errcode,
    'M_INVALID_PARAM',
  )
})

test('the canonical alias must point to the room, and goes with its alias', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const [roomId, other] = [await createRoom(alice), await createRoom(alice, { room_alias_name: 'other' })]
  for (const name of ['one', 'two', 'three']) await alice.put(aliasPath(`#${name}:localhost`), { room_id: roomId })
  const path = statePath(roomId, 'm.room.canonical_alias')
  const fail = (content: object) => errorOf(alice, 'PUT', path, content, 400)
  assert.equal(await fail({ alias: 'one' }), 'M_INVALID_PARAM')
  assert.equal(await fail({ alias: '#%%#' }), 'M_INVALID_PARAM')
  assert.equal(await fail({ alias: 7 }), 'M_INVALID_PARAM')
  assert.equal(await fail({ alt_aliases: '#one:localhost' }), 'M_INVALID_PARAM')
  assert.equal(await fail({ alt_aliases: ['#one:localhost', 'x'] }), 'M_INVALID_PARAM')
  assert.equal(await fail({ alias: '#none:localhost' }), 'M_BAD_ALIAS')
  assert.equal(await fail({ alias: '#other:localhost' }), 'M_BAD_ALIAS')
  assert.equal(await fail({ alias: '#one:localhost', alt_aliases: ['#other:localhost'] }), 'M_BAD_ALIAS')
  await setState(alice, roomId, 'm.room.canonical_alias', { alias: '#one:localhost', alt_aliases: ['#two:localhost'] })
  await alice.delete(aliasPath('#two:localhost'))
  assert.deepEqual(await getState(alice, roomId, 'm.room.canonical_alias'), { alias: '#one:localhost' })
  await alice.delete(aliasPath('#one:localhost'))
  assert.deepEqual(await getState(alice, roomId, 'm.room.canonical_alias'), {})
  assert.equal(await fail({ alias: '#one:localhost' }), 'M_BAD_ALIAS')
  assert.equal((await getState(alice, other, 'm.room.canonical_alias')).alias, '#other:localhost')
})

test('the directory lists published rooms, largest first, in pages, by words and by type', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const make = (name: string, body: object = {}) => createRoom(alice, { visibility: 'public', name, ...body })
  const small = await make('Small talk', { topic: 'Cheese and wine' })
  const large = await make('Large hall', { room_alias_name: 'camembert' })
  const space = await make('A space', { creation_content: { type: 'm.space' } })
  await createRoom(alice, { preset: 'public_chat', name: 'Unlisted cheese' })
  for (const user of [bob, carol]) await join(user, large)
  await join(bob, space)
  const get = (query: Record<string, string | number> = {}) =>
    server.client.get<{ chunk: { room_id: string }[]; next_batch?: string; prev_batch?: string }>(
      `${v3}/publicRooms`,
      query,
    )
  const ids = (page: { chunk: { room_id: string }[] }) => page.chunk.map(({ room_id: id }) => id)
  assert.deepEqual(ids(await get()), [large, space, small])
  const first = await get({ limit: 2 })
  assert.deepEqual(ids(first), [large, space])
  assert.equal(first.prev_batch, undefined)
  const second = await get({ limit: 2, since: first.next_batch ?? '' })
  assert.deepEqual(ids(second), [small])
  assert.equal(second.next_batch, undefined)
  assert.deepEqual(ids(await get({ limit: 2, since: second.prev_batch ?? '' })), [large, space])
  const middle = await get({ limit: 1, since: second.prev_batch ?? '' })
  assert.deepEqual(ids(middle), [large])
  const both = await get({ limit: 2, since: middle.next_batch ?? '' })
  assert.deepEqual(ids(both), [space, small])
  const before = await get({ limit: 2, since: both.prev_batch ?? '' })
  assert.deepEqual([ids(before), before.prev_batch], [[large], undefined])
  assert.deepEqual(ids(await get({ limit: 2, since: before.next_batch ?? '' })), [space, small])
  assert.deepEqual(ids(await get({ since: 'p99' })), [])
  const query = async (body: object) => ids(await bob.post<{ chunk: { room_id: string }[] }>(`${v3}/publicRooms`, body))
  assert.deepEqual(await query({ filter: { generic_search_term: 'CHEESE' } }), [small])
  assert.deepEqual(await query({ filter: { generic_search_term: 'camem' } }), [large])
  assert.deepEqual(await query({ filter: { room_types: ['m.space'] }, since: null }), [space])
  assert.deepEqual(await query({ filter: { room_types: [null] }, limit: 1 }), [large])
  assert.deepEqual(await query({ third_party_instance_id: 'irc' }), [])
  const [card] = (await get({ limit: 1 })).chunk
  assert.deepEqual(card, {
    room_id: large,
    num_joined_members: 3,
    world_readable: false,
    guest_can_join: false,
    join_rule: 'public',
    name: 'Large hall',
    canonical_alias: '#camembert:localhost',
  })
  assert.equal(
    (await server.client.request('GET', `${v3}/publicRooms`, { query: { since: 'x' }, expect: 400 })).body.errcode,
    'M_INVALID_PARAM',
  )
  const ask = async (of: string, expect: number) =>
    (await server.client.request('GET', `${v3}/publicRooms`, { query: { server: of }, expect })).body.errcode
  assert.equal(await ask('localhost:1', 502), 'M_CONNECTION_FAILED')
  assert.equal(await ask('no server/at all', 400), 'M_INVALID_PARAM')
  assert.equal(await ask('localhost', 200), undefined)
  await act(carol, large, 'leave')
  await join(carol, small)
  assert.deepEqual(ids(await get()), [small, large, space], 'two each, those first that are older')
})

test('who publishes a room', async () => {
  await using server = await createTestServer()
  const [alice, bob, admin] = [
    await server.user('alice'),
    await server.user('bob'),
    await server.user('admin', { admin: true }),
  ]
  const roomId = await publicRoom(alice, [bob])
  const path = at`/_matrix/client/v3/directory/list/room/${roomId}`
  assert.equal((await server.client.get(path)).visibility, 'private')
  assert.equal(await errorOf(bob, 'PUT', path, { visibility: 'public' }, 403), 'M_FORBIDDEN')
  await alice.put(path, {})
  assert.equal((await server.client.get(path)).visibility, 'public')
  await admin.put(path, { visibility: 'private' })
  assert.equal((await server.client.get(path)).visibility, 'private')
  const unknown = at`/_matrix/client/v3/directory/list/room/${'!nowhere:localhost'}`
  assert.equal((await server.client.request('GET', unknown, { expect: 404 })).body.errcode, 'M_NOT_FOUND')
  assert.equal(await errorOf(alice, 'PUT', unknown, {}, 404), 'M_NOT_FOUND')
})
