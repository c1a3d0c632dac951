import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Direction, SearchOrderBy } from 'matrix-js-sdk'
import { createSdkClient } from '../helpers/js-sdk.ts'
import { createRoom, publicRoom, send, setState } from '../helpers/rooms.ts'
import { createTestServer } from '../helpers/server.ts'

test('matrix-js-sdk: search as Element makes it, and ways to find rooms, people and places', {
  timeout: 120_000,
}, async (t) => {
  const server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const client = await createSdkClient(alice)
  t.after(async () => {
    client.stopClient()
    await server.stop()
  })
  const space = await publicRoom(bob, [alice], { name: 'Garden', creation_content: { type: 'm.space' } })
  const roomId = await publicRoom(bob, [alice], { name: 'Beans', topic: 'Runner beans', visibility: 'public' })
  await setState(bob, space, 'm.space.child', { via: ['localhost'] }, roomId)
  const sent: string[] = []
  for (let i = 0; i < 25; i += 1) sent.push(await send(i % 2 ? alice : bob, roomId, `beans number ${i}`))
  await send(bob, await createRoom(bob), 'beans in a room of bob alone')

  // The body that Element builds.
  const filter = { limit: 10, rooms: [roomId] }
  const event_context = { before_limit: 1, after_limit: 1, include_profile: true }
  const found = await client.searchRoomEvents({ term: 'beans', filter })
  assert.equal(found.results.length, 10)
  while (found.next_batch !== undefined) await client.backPaginateRoomEventsSearch(found)
  const ids = found.results.map(({ context }) => context.getEvent().getId())
  assert.deepEqual(new Set(ids).size, ids.length)
  assert.deepEqual(ids.filter((id) => id !== undefined && sent.includes(id)).toSorted(), sent.toSorted())
  assert.deepEqual([found.count, found.highlights], [ids.length, ['beans']])
  const body = {
    search_categories: {
      room_events: { search_term: 'number 7', filter, order_by: SearchOrderBy.Recent, event_context },
    },
  }
  const [seven] = (await client.search({ body })).search_categories.room_events.results ?? []
  assert.deepEqual(
    [seven?.result.event_id, seven?.context.events_before[0]?.event_id, seven?.context.events_after[0]?.event_id],
    [sent[7], sent[6], sent[8]],
  )
  assert.equal(seven?.context.profile_info[alice.userId]?.displayname, 'alice')
  const text = await client.searchMessageText({ query: 'number 9' })
  assert.equal(text.search_categories.room_events.results?.[0]?.result.event_id, sent[9])

  const tree = await client.getRoomHierarchy(space)
  assert.deepEqual(
    tree.rooms.map(({ name }) => name),
    ['Garden', 'Beans'],
  )
  const summary = await client.getRoomSummary(roomId)
  assert.deepEqual([summary.name, summary.membership, summary.num_joined_members], ['Beans', 'join', 2])
  const { chunk } = await client.publicRooms({ filter: { generic_search_term: 'runner' } })
  assert.deepEqual(
    chunk.map(({ room_id: id }) => id),
    [roomId],
  )
  const people = await client.searchUserDirectory({ term: 'bo' })
  assert.deepEqual(
    people.results.map(({ user_id: id }) => id),
    [bob.userId],
  )
  assert.deepEqual((await client._unstable_getSharedRooms(bob.userId)).toSorted(), [roomId, space].toSorted())
  const newest = await client.timestampToEvent(roomId, Date.now() + 1000, Direction.Backward)
  assert.equal(newest.event_id, sent.at(-1))
})
