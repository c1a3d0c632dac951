import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { at } from './helpers/client.ts'
import { testOnEngines } from './helpers/engines.ts'
import { act, createRoom, errorOf, join, publicRoom, send, setState, v3 } from './helpers/rooms.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'
import { sync } from './helpers/sync.ts'

interface Rule {
  rule_id: string
  default: boolean
  enabled: boolean
  actions: unknown[]
  conditions?: JsonObject[]
  pattern?: string
}
type Ruleset = Record<string, Rule[]>

const rulePath = (kind: string, ruleId: string) => at`/_matrix/client/v3/pushrules/global/${kind}/${ruleId}`
const rulesOf = async (user: TestUser) => (await user.get<{ global: Ruleset }>(`${v3}/pushrules/`)).global
const idsOf = async (user: TestUser, kind: string) => (await rulesOf(user))[kind]?.map((rule) => rule.rule_id)
const pushRulesIn = (body: Awaited<ReturnType<typeof sync>>) =>
  body.account_data?.events.find(({ type }) => type === 'm.push_rules')?.content.global as Ruleset | undefined

const defaultOverrides = [
  '.m.rule.master',
  '.m.rule.suppress_notices',
  '.m.rule.invite_for_me',
  '.m.rule.member_event',
  '.m.rule.is_user_mention',
  '.m.rule.is_room_mention',
  '.m.rule.tombstone',
  '.m.rule.reaction',
  '.m.rule.room.server_acl',
  '.m.rule.suppress_edits',
  '.org.matrix.msc3930.rule.poll_response',
]

testOnEngines('push rules are added, ordered, changed and deleted', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const alice = await server.user('alice')
  assert.deepEqual(await idsOf(alice, 'override'), defaultOverrides)
  assert.deepEqual(await alice.get(`${v3}/pushrules/global/`), await rulesOf(alice))

  const put = (id: string, query: Record<string, string> = {}, body: object = { actions: ['notify'], pattern: id }) =>
    alice.request('PUT', rulePath('content', id), { query, body, expect: 200 })
  await put('a')
  await put('b')
  await put('c', { after: 'b' })
  await put('d', { before: 'a' })
  await put('e', { before: 'b', after: 'a' })
  assert.deepEqual(await idsOf(alice, 'content'), ['e', 'b', 'c', 'd', 'a'])
  await put('c', { after: 'a' })
  await put('b', {}, { actions: [], pattern: 'bee' })
  assert.deepEqual(await idsOf(alice, 'content'), ['e', 'b', 'd', 'a', 'c'])
  assert.deepEqual(await alice.get(rulePath('content', 'b')), {
    rule_id: 'b',
    default: false,
    enabled: true,
    actions: [],
    pattern: 'bee',
  })
  await alice.put(`${rulePath('content', 'b')}/enabled`, { enabled: false })
  assert.deepEqual(await alice.get(`${rulePath('content', 'b')}/enabled`), { enabled: false })
  await alice.put(`${rulePath('content', 'b')}/actions`, { actions: ['notify', { set_tweak: 'highlight' }] })
  assert.deepEqual(await alice.get(`${rulePath('content', 'b')}/actions`), {
    actions: ['notify', { set_tweak: 'highlight' }],
  })
  await put('b', {}, { actions: [], pattern: 'bee' })
  assert.equal((await alice.get<Rule>(rulePath('content', 'b'))).enabled, false)
  await alice.delete(rulePath('content', 'b'))
  assert.deepEqual(await idsOf(alice, 'content'), ['e', 'd', 'a', 'c'])

  const conditions = [{ kind: 'event_match', key: 'room_id', pattern: '!x:localhost' }]
  await alice.put(rulePath('override', 'mute'), { actions: [], conditions })
  assert.deepEqual(await idsOf(alice, 'override'), ['.m.rule.master', 'mute', ...defaultOverrides.slice(1)])
  assert.deepEqual((await alice.get<Rule>(rulePath('override', 'mute'))).conditions, conditions)
})

test('default rules can be changed, not removed or replaced', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const path = rulePath('underride', '.m.rule.message')
  await alice.put(`${path}/actions`, { actions: ['notify', { set_tweak: 'sound', value: 'ping' }] })
  await alice.put(`${path}/enabled`, { enabled: false })
  const rule = await alice.get<Rule>(path)
  assert.deepEqual([rule.enabled, rule.default, rule.actions.length], [false, true, 2])
  assert.equal(await errorOf(alice, 'DELETE', path, {}, 400), 'M_INVALID_PARAM')
  assert.equal(await errorOf(alice, 'PUT', path, { actions: [] }, 400), 'M_INVALID_PARAM')
  const mention = (await alice.get<Rule>(rulePath('override', '.m.rule.is_user_mention'))).conditions?.[0]
  assert.equal(mention?.value, alice.userId)
})

test('wrong rules are refused', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const put = (kind: string, id: string, body: object, status: number) =>
    errorOf(alice, 'PUT', rulePath(kind, id), body, status)
  assert.equal(await put('override', '.mine', { actions: [] }, 400), 'M_INVALID_PARAM')
  assert.equal(await put('override', 'a/b', { actions: [] }, 400), 'M_INVALID_PARAM')
  assert.equal(await put('override', 'a\\b', { actions: [] }, 400), 'M_INVALID_PARAM')
  assert.equal(await put('nonsense', 'a', { actions: [] }, 400), 'M_INVALID_PARAM')
  assert.equal(await put('override', 'a', {}, 400), 'M_MISSING_PARAM')
  assert.equal(await put('override', 'a', { actions: 'notify' }, 400), 'M_BAD_JSON')
  assert.equal(await put('override', 'a', { actions: [1] }, 400), 'M_BAD_JSON')
  assert.equal(await put('override', 'a', { actions: ['notfy'] }, 400), 'M_INVALID_PARAM')
  assert.equal(await put('override', 'a', { actions: [{ tweak: 'sound' }] }, 400), 'M_INVALID_PARAM')
  const changed = `${rulePath('override', '.m.rule.master')}/actions`
  assert.equal(await errorOf(alice, 'PUT', changed, { actions: ['notfy'] }, 400), 'M_INVALID_PARAM')
  await alice.put(rulePath('sender', '@x:localhost'), { actions: ['dont_notify', 'coalesce', 'org.example.blink'] })
  assert.equal(await put('override', 'a', { actions: [], conditions: [{}] }, 400), 'M_MISSING_PARAM')
  assert.equal(await put('content', 'a', { actions: [] }, 400), 'M_MISSING_PARAM')
  assert.equal(await put('content', 'a', { actions: [], pattern: 'x'.repeat(20_000) }, 413), 'M_TOO_LARGE')
  const placed = (query: string) => errorOf(alice, 'PUT', `${rulePath('override', 'a')}?${query}`, { actions: [] }, 400)
  assert.equal(await placed('before=nobody'), 'M_UNKNOWN')
  assert.equal(await placed('after=.m.rule.master'), 'M_INVALID_PARAM')
  for (const [method, end] of [
    ['GET', ''],
    ['DELETE', ''],
    ['GET', '/enabled'],
    ['GET', '/actions'],
  ] as const) {
    assert.equal(await errorOf(alice, method, rulePath('override', 'nobody') + end, undefined, 404), 'M_NOT_FOUND')
  }
  const change = (end: string, body: object) =>
    errorOf(alice, 'PUT', rulePath('room', '.m.rule.master') + end, body, 404)
  assert.equal(await change('/enabled', { enabled: true }), 'M_NOT_FOUND')
  assert.equal(await change('/actions', { actions: [] }), 'M_NOT_FOUND')
  assert.deepEqual(await idsOf(alice, 'override'), defaultOverrides)
})

test('a sync brings all rules whenever one changed, and wakes for it', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  let { next_batch: since, ...first } = await sync(alice)
  assert.deepEqual(
    pushRulesIn({ next_batch: since, ...first })?.override?.map((rule) => rule.rule_id),
    defaultOverrides,
  )
  assert.equal(pushRulesIn(await sync(alice, { since })), undefined)
  const changes: (() => Promise<unknown>)[] = [
    () => alice.put(rulePath('room', '!x:localhost'), { actions: [] }),
    () => alice.put(`${rulePath('room', '!x:localhost')}/enabled`, { enabled: false }),
    () => alice.put(`${rulePath('override', '.m.rule.master')}/enabled`, { enabled: true }),
    () => alice.put(`${rulePath('underride', '.m.rule.call')}/actions`, { actions: [] }),
    () => alice.delete(rulePath('room', '!x:localhost')),
  ]
  for (const change of changes) {
    const waiting = sync(alice, { since, timeout: 20_000 })
    await change()
    const woken = await waiting
    assert.deepEqual(pushRulesIn(woken), await rulesOf(alice))
    since = woken.next_batch
  }
})

testOnEngines('rules about a room go with it when it is upgraded', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await publicRoom(alice, [bob, carol])
  for (const user of [alice, bob]) await user.put(rulePath('room', roomId), { actions: [] })
  const conditions = [{ kind: 'event_match', key: 'room_id', pattern: roomId }]
  await bob.put(rulePath('override', roomId), { actions: [], conditions })
  const upgraded = await act(alice, roomId, 'upgrade', { new_version: '11' })
  const replacement = String(upgraded.replacement_room)
  assert.deepEqual(await idsOf(alice, 'room'), [replacement, roomId])
  assert.deepEqual(await idsOf(bob, 'room'), [roomId])
  for (const user of [bob, carol]) await join(user, replacement)
  assert.deepEqual(await idsOf(bob, 'room'), [replacement, roomId])
  assert.deepEqual((await idsOf(bob, 'override'))?.slice(1, 3), [replacement, roomId])
  assert.deepEqual(await idsOf(carol, 'room'), [])
  await send(alice, replacement, 'hello')
  const unread = async (user: TestUser) =>
    (await sync(user)).rooms?.join?.[replacement]?.unread_notifications?.notification_count
  assert.deepEqual([await unread(bob), await unread(carol)], [0, 1])
  // The same by hand, in whichever order.
  const byHand = await createRoom(alice, {
    preset: 'public_chat',
    creation_content: { predecessor: { room_id: replacement, event_id: '$x' } },
  })
  await join(bob, byHand)
  assert.deepEqual(await idsOf(bob, 'room'), [replacement, roomId])
  await setState(alice, replacement, 'm.room.tombstone', { body: 'moved', replacement_room: byHand })
  assert.deepEqual(await idsOf(bob, 'room'), [byHand, replacement, roomId])
  assert.deepEqual(await idsOf(alice, 'room'), [byHand, replacement, roomId])
  // A room that only claims to replace another gets nothing.
  const claims = await createRoom(alice, {
    preset: 'public_chat',
    creation_content: { predecessor: { room_id: roomId, event_id: '$x' } },
  })
  await join(bob, claims)
  assert.deepEqual(await idsOf(bob, 'room'), [byHand, replacement, roomId])
})
