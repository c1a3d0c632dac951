import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { at } from './helpers/client.ts'
import { pageBack } from './helpers/follower.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import { elementState } from './helpers/sliding.ts'
import { SlidingFollower } from './helpers/sliding-follower.ts'
import { type SyncEvent, sync } from './helpers/sync.ts'

let server: TestServer
let users: TestUser[]
before(async () => {
  server = await createTestServer()
  users = await Promise.all(['alice', 'bob', 'carol'].map((name) => server.user(name)))
})
after(() => server.stop())

interface Asked {
  readonly last: number
  readonly limit: number
  readonly state: readonly (readonly [string, string])[]
  readonly subscribe: number | undefined
  readonly unsubscribe: boolean
  readonly isLost: boolean
}

/** A request by one of the users; whether it is allowed does not matter. Or one look of a follower. */
type Step =
  | { by: number; room: number; method: string; path: string; body: object }
  | { follower: number; asked: Asked }

const everything = [['*', '*']] as const
const states = [
  everything,
  [['m.room.name', '']],
  elementState,
  [
    ['*', '*'],
    ['m.room.member', '$LAZY'],
  ],
  [],
] as const

const asked: fc.Arbitrary<Asked> = fc.record({
  last: fc.integer({ min: -1, max: 2 }),
  limit: fc.constantFrom(0, 1, 2, 20),
  state: fc.constantFrom<Asked['state']>(...states),
  subscribe: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined, freq: 3 }),
  unsubscribe: fc.boolean(),
  isLost: fc.boolean(),
})

const request = (
  path: fc.Arbitrary<readonly [method: string, path: string, body: object]>,
  by = fc.integer({ min: 0, max: 2 }),
) =>
  fc
    .tuple(by, fc.integer({ min: 0, max: 2 }), path)
    .map(([by, room, [method, path, body]]): Step => ({ by, room, method, path, body }))

const others = fc.integer({ min: 1, max: 2 })
const target = fc.constantFrom('@bob:localhost', '@carol:localhost')
const setting = fc.tuple(fc.constantFrom('m.room.name/', 'net.example/a', 'net.example/b'), fc.constantFrom('x', 'y'))

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: request(fc.constant(['PUT', 'send/m.room.message/', { body: 'x' }])) },
  { weight: 3, arbitrary: request(setting.map(([path, name]) => ['PUT', `state/${path}`, { name }])) },
  { weight: 3, arbitrary: request(fc.constant(['POST', 'join', {}]), others) },
  { weight: 1, arbitrary: request(fc.constant(['POST', 'leave', {}]), others) },
  {
    weight: 2,
    arbitrary: request(
      fc
        .tuple(fc.constantFrom('invite', 'kick', 'ban', 'unban'), target)
        .map(([action, user_id]) => ['POST', action, { user_id }]),
      fc.constant(0),
    ),
  },
  { weight: 6, arbitrary: fc.record({ follower: fc.integer({ min: 0, max: 2 }), asked }) },
)

test('a client that follows sliding sync ends with what /v3/sync and the rooms have', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('10', '12'),
      fc.array(step, { minLength: 1, maxLength: 60 }),
      async (version, steps) => {
        const rooms = await createRooms(version)
        const followers = users.map((user) => new SlidingFollower(user))
        for (const [i, step] of steps.entries()) {
          if ('follower' in step) await look(followers[step.follower], rooms, step.asked)
          else {
            const path = step.path.startsWith('send/') ? `${step.path}${i}` : step.path
            const { method, body } = step
            await users[step.by]?.request(method, at`/_matrix/client/v3/rooms/${rooms[step.room] ?? ''}/` + path, {
              body,
            })
          }
        }
        for (const follower of followers) await check(follower, rooms)
      },
    ),
    { numRuns: 12 },
  )
})

async function createRooms(room_version: string): Promise<string[]> {
  const made: string[] = []
  for (let i = 0; i < 3; i++) {
    const { room_id } = await (users[0] as TestUser).post<{ room_id: string }>('/_matrix/client/v3/createRoom', {
      preset: 'public_chat',
      room_version,
      name: `${i}`,
      power_level_content_override: { events: { 'net.example': 0 } },
    })
    made.push(room_id)
  }
  return made
}

async function look(follower: SlidingFollower | undefined, rooms: readonly string[], wanted: Asked): Promise<void> {
  const { last, limit, state, subscribe, unsubscribe, isLost } = wanted
  const config = { timeline_limit: limit, required_state: state }
  const room = subscribe === undefined ? undefined : rooms[subscribe]
  await follower?.sync(
    {
      lists: last < 0 ? {} : { all: { ...config, ranges: [[0, last]] } },
      ...(room === undefined ? {} : { room_subscriptions: { [room]: { ...config, timeline_limit: limit + 1 } } }),
      ...(unsubscribe ? { unsubscribe_rooms: [...rooms] } : {}),
    },
    isLost,
  )
}

async function check(follower: SlidingFollower, ours: readonly string[]): Promise<void> {
  const { user, rooms } = follower
  const all = { all: { timeline_limit: 3, required_state: everything, ranges: [[0, 10_000]] } }
  await follower.sync({ lists: all })
  const idle = await follower.sync({ lists: all })
  assert.deepEqual(idle.rooms, {})
  const expected = await sync(user, { filter: { room: { rooms: ours, timeline: { limit: 1 } } } })
  const having = (membership: string) => ours.filter((roomId) => rooms.get(roomId)?.membership === membership).sort()
  assert.deepEqual(having('join'), Object.keys(expected.rooms?.join ?? {}).sort())
  assert.deepEqual(having('invite'), Object.keys(expected.rooms?.invite ?? {}).sort())
  for (const roomId of having('join')) {
    const known = rooms.get(roomId)
    const state = await user.get<SyncEvent[]>(at`/_matrix/client/v3/rooms/${roomId}/state`)
    const actual = new Map(state.map((event) => [`${event.type} ${event.state_key}`, event.event_id]))
    assert.deepEqual(Object.fromEntries([...(known?.state ?? [])].sort()), Object.fromEntries([...actual].sort()))
    const name = state.find(({ type }) => type === 'm.room.name')
    assert.equal(known?.name, name?.content.name)
    const summary = expected.rooms?.join?.[roomId]?.summary
    assert.equal(known?.joined, summary?.['m.joined_member_count'])
    const history = (await pageBack(user, roomId)).map(({ event_id: id }) => id).reverse()
    assert.deepEqual(known?.timeline, history)
  }
}
