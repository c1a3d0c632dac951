import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { at } from './helpers/client.ts'
import { pageBack } from './helpers/follower.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import { type SyncBody, type SyncEvent, sync } from './helpers/sync.ts'

type Section = NonNullable<NonNullable<SyncBody['rooms']>['join']>[string]

interface Options {
  readonly limit: number
  readonly stateAfter: boolean
  /** Of the members only those who speak are told. */
  readonly isLazy: boolean
  readonly withRedundant: boolean
  /** What of the timeline the client wants; undefined: everything. */
  readonly types: object | undefined
}

/** What a client knows of one room that it follows by /sync. */
class Follower {
  readonly user: TestUser
  readonly roomId: string
  readonly options: Options
  readonly state = new Map<string, string>()
  readonly timeline: string[] = []
  joined = false
  #since: string | undefined
  #running = Promise.resolve()

  constructor(user: TestUser, roomId: string, options: Options) {
    this.user = user
    this.roomId = roomId
    this.options = options
  }

  /** One after another, as clients do. */
  sync(): Promise<void> {
    this.#running = this.#running.then(() => this.#sync())
    return this.#running
  }

  async #sync(): Promise<void> {
    const { limit, stateAfter, isLazy, withRedundant, types } = this.options
    const state = { lazy_load_members: isLazy, include_redundant_members: withRedundant }
    const filter = { room: { rooms: [this.roomId], state, timeline: { limit, ...types } } }
    const since = this.#since === undefined ? {} : { since: this.#since }
    const answer = await sync(this.user, { ...since, filter, use_state_after: stateAfter })
    const joined = answer.rooms?.join?.[this.roomId]
    const left = answer.rooms?.leave?.[this.roomId]
    assert.ok(!(joined && left), 'both joined and left')
    if (joined) await this.#take(joined)
    if (left || answer.rooms?.invite?.[this.roomId]) this.joined = false
    this.#since = answer.next_batch
  }

  async #take(section: Section): Promise<void> {
    // Whoever comes back gets everything again.
    if (!this.joined) this.state.clear()
    this.joined = true
    const { timeline, state, state_after } = section
    const states = this.options.stateAfter
      ? (state_after?.events ?? [])
      : [...(state?.events ?? []), ...timeline.events]
    for (const { type, state_key, event_id } of states)
      if (state_key !== undefined) this.state.set(`${type} ${state_key}`, event_id)
    for (const sender of [this.user.userId, ...timeline.events.map((event) => event.sender)])
      assert.ok(this.state.has(`m.room.member ${sender}`), `who ${sender} is`)
    if (this.options.types !== undefined) return
    const missed = timeline.limited ? await pageBack(this.user, this.roomId, timeline.prev_batch, this.#since) : []
    this.timeline.push(...[...missed].reverse().map(({ event_id }) => event_id))
    this.timeline.push(...timeline.events.map(({ event_id }) => event_id))
  }
}

let server: TestServer
let users: TestUser[]
before(async () => {
  server = await createTestServer()
  users = await Promise.all(['alice', 'bob', 'carol'].map((name) => server.user(name)))
})
after(() => server.stop())

/** A request by one of the users; whether it is allowed does not matter. Or a sync of one of the followers. */
type Step = { by: number; method: string; path: string; body: object } | { sync: number }

const who = fc.integer({ min: 0, max: 2 })
const other = fc.integer({ min: 1, max: 2 })
const setting = fc.constantFrom('m.room.name/', 'net.example/a', 'net.example/b')
const name = fc.constantFrom('x', 'y')
const moderation = fc.constantFrom('invite', 'kick', 'ban', 'unban')

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: who.map((by) => ({ by, method: 'PUT', path: 'send/m.room.message/', body: { body: 'x' } })) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(who, setting, name)
      .map(([by, path, value]) => ({ by, method: 'PUT', path: `state/${path}`, body: { name: value } })),
  },
  { weight: 3, arbitrary: other.map((by) => ({ by, method: 'POST', path: 'join', body: {} })) },
  { weight: 2, arbitrary: other.map((by) => ({ by, method: 'POST', path: 'leave', body: {} })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(moderation, fc.constantFrom('@bob:localhost', '@carol:localhost'))
      .map(([path, user_id]) => ({ by: 0, method: 'POST', path, body: { user_id } })),
  },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 3 }).map((sync) => ({ sync })) },
)

const options = fc.record({
  limit: fc.constantFrom(0, 1, 2, 3, 20),
  stateAfter: fc.boolean(),
  isLazy: fc.boolean(),
  withRedundant: fc.boolean(),
  types: fc.constantFrom(
    undefined,
    undefined,
    { types: ['m.room.message', 'net.example/a'] },
    { not_types: ['m.room.member'] },
  ),
})

test('a client that follows /sync knows the state and the messages that the server has', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('10', '12'),
      fc.constantFrom(1, 1, 5),
      fc.array(options, { minLength: 4, maxLength: 4 }),
      fc.array(step, { minLength: 1, maxLength: 60 }),
      async (room_version, atOnce, [forAlice, again, forBob, forCarol], steps) => {
        const [alice, bob, carol] = users
        assert.ok(alice && bob && carol && forAlice && again && forBob && forCarol)
        const { room_id: id } = await alice.post<{ room_id: string }>('/_matrix/client/v3/createRoom', {
          preset: 'public_chat',
          room_version,
          power_level_content_override: { events: { 'net.example': 0 } },
        })
        const followers = [
          new Follower(alice, id, forAlice),
          new Follower(alice, id, again),
          new Follower(bob, id, forBob),
          new Follower(carol, id, forCarol),
        ]
        const run = async (step: Step, count: number) => {
          if ('sync' in step) return followers[step.sync]?.sync()
          const path = step.path.startsWith('send/') ? `${step.path}${count}` : step.path
          await users[step.by]?.request(step.method, at`/_matrix/client/v3/rooms/${id}/` + path, { body: step.body })
        }
        for (let i = 0; i < steps.length; i += atOnce)
          await Promise.all(steps.slice(i, i + atOnce).map((step, n) => run(step, i + n)))
        for (const follower of followers) await check(follower)
      },
    ),
    { numRuns: 20 },
  )
})

async function check(follower: Follower): Promise<void> {
  await follower.sync()
  const { user, roomId, joined, state, timeline, options } = follower
  const { joined_rooms } = await user.get<{ joined_rooms: string[] }>('/_matrix/client/v3/joined_rooms')
  assert.equal(joined, joined_rooms.includes(roomId))
  if (!joined) return
  const actual = await user.get<SyncEvent[]>(at`/_matrix/client/v3/rooms/${roomId}/state`)
  // Who has said nothing yet is not missed, but what is known of people is true.
  const isTold = (key: string) => !options.isLazy || !key.startsWith('m.room.member ') || state.has(key)
  const all = actual.map((event): [string, string] => [`${event.type} ${event.state_key}`, event.event_id])
  const expected = all.filter(([key]) => isTold(key))
  assert.deepEqual(Object.fromEntries([...state].sort()), Object.fromEntries(expected.sort()))
  assert.equal(new Set(timeline).size, timeline.length, 'an event came twice')
  if (user !== users[0] || options.types !== undefined) return
  assert.deepEqual(timeline, (await pageBack(user, roomId)).map(({ event_id }) => event_id).reverse())
}
