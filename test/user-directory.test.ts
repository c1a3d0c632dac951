import assert from 'node:assert/strict'
import { at } from './helpers/client.ts'
import { testOnEngines } from './helpers/engines.ts'
import { act, createRoom, errorOf, join, publicRoom, setState, v3 } from './helpers/rooms.ts'
import { createTestServer, password, type TestUser } from './helpers/server.ts'

interface Found {
  results: { user_id: string; display_name?: string; avatar_url?: string }[]
  limited: boolean
}

const search = (user: TestUser, term: string, limit?: number) =>
  user.post<Found>(`${v3}/user_directory/search`, { search_term: term, ...(limit === undefined ? {} : { limit }) })
const found = async (user: TestUser, term: string) => (await search(user, term)).results.map((one) => one.user_id)
const setName = (user: TestUser, displayname: string) =>
  user.put(at`/_matrix/client/v3/profile/${user.userId}/displayname`, { displayname })

testOnEngines('users are found by id and name, by those who may see them', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob, carol, dora] = [
    await server.user('alice'),
    await server.user('bob.miller'),
    await server.user('carol'),
    await server.user('dora'),
  ]
  await setName(bob, 'Robert Größe 東京')
  assert.deepEqual(await found(alice, 'bob'), [], 'nobody knows him yet')
  const roomId = await createRoom(alice, { invite: [bob.userId] })
  assert.deepEqual(await found(alice, 'bob'), [])
  await join(bob, roomId)
  assert.deepEqual(await search(alice, 'bob'), {
    results: [{ user_id: bob.userId, display_name: 'Robert Größe 東京' }],
    limited: false,
  })
  const terms = ['BOB.mil', 'miller', '@bob', '@Bob.Miller:localhost', 'rob', 'grosse', 'größe', '京', 'rob 東京']
  for (const term of terms) assert.deepEqual(await found(alice, term), [bob.userId], term)
  for (const term of ['', '   ', '!!!', '"', "' or 1=1 --", '%', '_', '*', '@%', 'obert', 'rob carol']) {
    assert.deepEqual(await found(alice, term), [], term)
  }
  assert.deepEqual(await found(carol, 'bob'), [])
  assert.deepEqual(await found(bob, 'bob'), [], 'not oneself')

  await setState(bob, roomId, 'm.room.member', { membership: 'join', displayname: 'Secret Agent' }, bob.userId)
  assert.deepEqual(await found(alice, 'secret'), [])
  assert.equal((await search(alice, 'bob')).results[0]?.display_name, 'Robert Größe 東京')
  await setName(bob, 'Bobby')
  await bob.put(at`/_matrix/client/v3/profile/${bob.userId}/avatar_url`, { avatar_url: 'mxc://localhost/bob' })
  assert.deepEqual((await search(alice, 'bobby')).results, [
    { user_id: bob.userId, display_name: 'Bobby', avatar_url: 'mxc://localhost/bob' },
  ])
  assert.deepEqual(await found(alice, 'robert'), [])

  const square = await publicRoom(dora, [bob])
  assert.deepEqual(await found(carol, 'bob'), [bob.userId])
  await setState(dora, square, 'm.room.join_rules', { join_rule: 'invite' })
  assert.deepEqual(await found(carol, 'bob'), [])
  await setState(dora, square, 'm.room.history_visibility', { history_visibility: 'world_readable' })
  assert.deepEqual(await found(carol, 'bob'), [bob.userId])
  await act(bob, square, 'leave')
  await act(bob, roomId, 'leave')
  assert.deepEqual(await found(carol, 'bob'), [])
  assert.deepEqual(await found(alice, 'bob'), [])
})

testOnEngines('whole words come first, the limit is told, and who is gone is gone', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const alice = await server.user('alice')
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  for (const name of ['annabel', 'anna', 'annemarie', 'zoe']) await join(await server.user(name), roomId)
  const zoe = await server.login('zoe')
  await setName(zoe, 'Ann')
  const page = await search(alice, 'ann', 2)
  assert.deepEqual(
    [page.results.map((one) => one.user_id), page.limited],
    [['@zoe:localhost', '@anna:localhost'], true],
  )
  const all = await search(alice, 'ann', 4)
  assert.deepEqual([all.results.length, all.limited], [4, false])
  const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: zoe.userId }, password }
  await zoe.post(`${v3}/account/deactivate`, { auth, erase: true })
  assert.deepEqual(await found(alice, 'zoe'), [])
  const path = `${v3}/user_directory/search`
  assert.equal(await errorOf(alice, 'POST', path, {}, 400), 'M_MISSING_PARAM')
  assert.equal(await errorOf(alice, 'POST', path, { search_term: 5 }, 400), 'M_BAD_JSON')
})
