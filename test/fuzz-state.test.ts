import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { JsonObject } from '../src/matrix/event.ts'
import { createLog } from '../src/util/log.ts'
import { at } from './helpers/client.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'

const someone = ['@alice:localhost', '@bob:localhost', '@x:remote.example', 'nobody', '']
const level = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<unknown>(0, 50, 100, -1, 2 ** 53 - 1, -(2 ** 53) + 1) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>('50', ' 100 ', '1e2', null, true, 1.5, {}, [], 'NaN') },
)
const odd = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, '', 'x', '🦊', 'invite', 'join', 'leave', 'ban', 'knock', {}, [], [null]),
  fc.jsonValue({ maxDepth: 2 }).filter((value) => !JSON.stringify(value).includes('.')),
)
const levels = fc.oneof(
  { weight: 5, arbitrary: fc.dictionary(fc.constantFrom(...someone, 'm.room.name', 'room', '__proto__'), level) },
  { weight: 1, arbitrary: odd },
)

function fields(shape: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<JsonObject> {
  return fc.record(shape, { requiredKeys: [] }) as fc.Arbitrary<JsonObject>
}

/** Contents of the types that servers look into, with fields of other types and other values than they expect. */
const contents: Record<string, fc.Arbitrary<JsonObject>> = {
  'm.room.power_levels': fields({
    users: levels,
    events: levels,
    notifications: levels,
    users_default: level,
    events_default: level,
    state_default: level,
    ban: level,
    kick: level,
    redact: level,
    invite: level,
  }),
  'm.room.join_rules': fields({
    join_rule: fc.oneof(fc.constantFrom('public', 'invite', 'knock', 'restricted', 'knock_restricted', 'private'), odd),
    allow: fc.oneof(
      fc.array(
        fields({
          type: fc.oneof(fc.constant('m.room_membership'), odd),
          room_id: fc.oneof(fc.constant('!x:localhost'), odd),
        }),
      ),
      odd,
    ),
  }),
  'm.room.member': fields({
    membership: fc.oneof(fc.constantFrom('invite', 'join', 'leave', 'ban', 'knock'), odd),
    displayname: odd,
    avatar_url: odd,
    reason: odd,
    is_direct: odd,
    third_party_invite: odd,
    join_authorised_via_users_server: fc.oneof(fc.constantFrom(...someone), odd),
  }),
  'm.room.history_visibility': fields({
    history_visibility: fc.oneof(fc.constantFrom('shared', 'joined', 'invited', 'world_readable'), odd),
  }),
  'm.room.guest_access': fields({ guest_access: odd }),
  'm.room.name': fields({ name: odd }),
  'm.room.topic': fields({ topic: odd, 'm.topic': odd }),
  'm.room.avatar': fields({ url: odd, info: odd }),
  'm.room.canonical_alias': fields({ alias: odd, alt_aliases: fc.oneof(fc.array(odd), odd) }),
  'm.room.encryption': fields({ algorithm: odd, rotation_period_ms: odd }),
  'm.room.tombstone': fields({ body: odd, replacement_room: odd }),
  'm.room.server_acl': fields({ allow: fc.oneof(fc.array(odd), odd), deny: odd, allow_ip_literals: odd }),
  'm.room.third_party_invite': fields({
    public_key: odd,
    public_keys: fc.oneof(fc.array(odd), odd),
    display_name: odd,
  }),
  'm.room.create': fields({ room_version: odd, creator: odd, type: odd, predecessor: odd, additional_creators: odd }),
  'm.space.child': fields({ via: odd, order: odd, suggested: odd }),
}

const stateEvent = fc.constantFrom(...Object.keys(contents)).chain((type) =>
  fc.record({
    type: fc.constant(type),
    state_key: fc.constantFrom('', ...someone),
    content: contents[type] ?? fc.constant({}),
  }),
)

const room = fc.record({
  creation: fc.record(
    {
      room_version: fc.constantFrom('1', '2', '3', '5', '6', '7', '8', '9', '10', '11', '12'),
      preset: fc.constantFrom('public_chat', 'private_chat', 'trusted_private_chat'),
      visibility: fc.constantFrom('public', 'private'),
      invite: fc.constantFrom(['@bob:localhost'], []),
      initial_state: fc.array(stateEvent, { maxLength: 3 }),
      creation_content: contents['m.room.create'] ?? fc.constant({}),
      power_level_content_override: contents['m.room.power_levels'] ?? fc.constant({}),
    },
    { requiredKeys: ['room_version', 'preset'] },
  ),
  events: fc.array(stateEvent, { minLength: 1, maxLength: 12 }),
})

test('rooms with odd state are served without a fault', async () => {
  const faults: string[] = []
  const log = createLog({ level: 'error', format: 'json', write: (line) => void faults.push(line) })
  await using server = await createTestServer({ log })
  const alice = await server.user('alice')
  const bob = await server.user('bob')
  const carol = await server.user('carol')
  await fc.assert(
    fc.asyncProperty(room, async ({ creation, events }) => {
      const created = await tryTo(alice, 'POST', '/_matrix/client/v3/createRoom', creation)
      const { room_id } =
        typeof created.room_id === 'string'
          ? created
          : await alice.post('/_matrix/client/v3/createRoom', {
              preset: creation.preset,
              room_version: creation.room_version,
            })
      const roomId = String(room_id)
      await tryTo(bob, 'POST', at`/_matrix/client/v3/join/${roomId}`, {})
      for (const { type, state_key, content } of events) {
        await tryTo(alice, 'PUT', at`/_matrix/client/v3/rooms/${roomId}/state/${type}/${state_key}`, content)
        await tryTo(bob, 'PUT', at`/_matrix/client/v3/rooms/${roomId}/state/${type}/${bob.userId}`, content)
      }
      for (const user of [alice, bob, carol]) await use(user, roomId)
      assert.deepEqual(faults, [])
    }),
    { numRuns: 10, endOnFailure: true },
  )
})

/** Everything that a client does with a room. */
async function use(user: TestUser, roomId: string): Promise<void> {
  const base = at`/_matrix/client/v3/rooms/${roomId}`
  const filter = { room: { rooms: [roomId], state: { lazy_load_members: true }, include_leave: true } }
  const sync = at`/_matrix/client/v3/sync?filter=${JSON.stringify(filter)}`
  await tryTo(user, 'GET', sync)
  await tryTo(user, 'PUT', `${base}/send/m.room.message/${encodeURIComponent(roomId)}`, {
    body: 'alice',
    msgtype: 'm.text',
  })
  for (const path of [
    'state',
    'members',
    'joined_members',
    'messages?dir=b',
    'messages?dir=f',
    'aliases',
    'state/m.room.member/@bob:localhost',
  ])
    await tryTo(user, 'GET', `${base}/${path}`)
  await tryTo(user, 'GET', '/_matrix/client/v3/publicRooms')
  await tryTo(user, 'POST', '/_matrix/client/v3/publicRooms', { filter: { generic_search_term: 'x' } })
  await tryTo(user, 'PUT', at`/_matrix/client/v3/profile/${user.userId}/displayname`, { displayname: roomId })
  for (const [action, body] of [
    ['invite', { user_id: '@carol:localhost' }],
    ['kick', { user_id: '@carol:localhost' }],
    ['ban', { user_id: '@carol:localhost' }],
    ['unban', { user_id: '@carol:localhost' }],
    ['join', {}],
    ['upgrade', { new_version: '12' }],
    ['leave', {}],
    ['forget', {}],
  ] as const)
    await tryTo(user, 'POST', `${base}/${action}`, body)
  await tryTo(user, 'POST', at`/_matrix/client/v3/knock/${roomId}`, {})
  await tryTo(user, 'GET', sync)
}

async function tryTo(user: TestUser, method: string, path: string, body?: object): Promise<JsonObject> {
  const answer = await user.request(method, path, body === undefined ? {} : { body })
  assert.ok(answer.status < 500, `${method} ${path} ${JSON.stringify(body)} -> ${answer.text.slice(0, 300)}`)
  return answer.body
}
