import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allState, getState, join, publicRoom, send, setState, v3 } from './helpers/rooms.ts'
import { createTestServer } from './helpers/server.ts'

/** https://spec.matrix.org/v1.19/client-server-api/#moderation-policy-lists: what follows from the rules is up to clients and bots. */
test('policy lists are kept and served, and the server enforces nothing by itself', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const list = await publicRoom(alice, [bob], { creation_content: { type: 'm.policy' } })
  const room = await publicRoom(alice, [])
  const rule = (entity: string) => ({ entity, reason: 'spam', recommendation: 'm.ban' })
  const rules = [
    ['m.policy.rule.user', 'rule:bob', rule(bob.userId)],
    ['m.policy.rule.room', 'rule:room', rule(room)],
    ['m.policy.rule.server', 'rule:server', rule('localhost')],
    ['org.matrix.mjolnir.rule.user', 'rule:old', { ...rule('@x:*'), recommendation: 'org.example.opt' }],
  ] as const
  for (const [type, key, content] of rules) await setState(alice, list, type, content, key)
  for (const [type, key, content] of rules) assert.deepEqual(await getState(bob, list, type, key), content)
  const state = await allState(bob, list)
  assert.equal(state.filter(({ type }) => type.startsWith('m.policy.rule.')).length, 3)
  const { rooms } = await bob.get<{ rooms: { join: Record<string, { timeline: { events: { type: string }[] } }> } }>(
    `${v3}/sync`,
  )
  const seen = rooms.join[list]?.timeline.events.filter(({ type }) => type.startsWith('m.policy.rule.'))
  assert.equal(seen?.length, 3)
  await join(bob, room)
  await send(bob, room, 'not banned')
  await setState(alice, list, 'm.policy.rule.user', {}, 'rule:bob')
  assert.deepEqual(await getState(bob, list, 'm.policy.rule.user', 'rule:bob'), {})
})
