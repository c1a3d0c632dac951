import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { createTestClock } from '../src/util/clock.ts'
import { at } from './helpers/client.ts'
import { temporaryFolder } from './helpers/program.ts'
import { act, createRoom, errorOf, join, publicRoom, send, v3 } from './helpers/rooms.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'

interface Shown {
  presence: string
  last_active_ago?: number
  currently_active?: boolean
  status_msg?: string
}

interface Answer {
  next_batch: string
  presence?: { events: { type: string; sender: string; content: Shown }[] }
}

interface SyncQuery {
  since?: string
  timeout?: number
  filter?: JsonObject
  set_presence?: string
}

const path = (userId: string) => at`/_matrix/client/v3/presence/${userId}/status`
const set = (user: TestUser, presence: string, status_msg?: string) =>
  user.put(path(user.userId), { presence, ...(status_msg !== undefined && { status_msg }) })
const status = async (viewer: TestUser, userId: string) => (await viewer.get(path(userId))) as unknown as Promise<Shown>

const sync = (user: TestUser, { filter, ...query }: SyncQuery = {}) =>
  user.get<Answer>(`${v3}/sync`, { ...query, ...(filter && { filter: JSON.stringify(filter) }) })

/** `alice online` for each event of an answer, without those of the user who asks. */
function shownTo(user: TestUser, { presence }: Answer): string[] {
  return (presence?.events ?? [])
    .filter(({ sender }) => sender !== user.userId)
    .map(({ sender, content }) => `${sender.slice(1, sender.indexOf(':'))} ${content.presence}`)
    .sort()
}

/** A client that reads on. */
async function follow(user: TestUser, query: SyncQuery = {}) {
  let { next_batch: since } = await sync(user, query)
  return async (more: SyncQuery = {}) => {
    const answer = await sync(user, { ...query, ...more, since })
    since = answer.next_batch
    return shownTo(user, answer)
  }
}

const start = Date.parse('2026-02-01')

test('what a client sets is seen by those who share a room, and by nobody else', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  await publicRoom(alice, [bob])
  const next = await follow(bob)
  await set(alice, 'unavailable', 'at lunch')
  const { presence, status_msg, last_active_ago, currently_active } = await status(bob, alice.userId)
  assert.deepEqual([presence, status_msg, currently_active], ['unavailable', 'at lunch', false])
  assert.ok(last_active_ago !== undefined && last_active_ago < 10_000)
  assert.deepEqual(await next(), ['alice unavailable'])
  assert.deepEqual(await next(), [])
  await set(alice, 'online')
  const answer = await sync(bob, {})
  const event = answer.presence?.events.find(({ sender }) => sender === alice.userId)
  assert.equal(event?.type, 'm.presence')
  assert.deepEqual(
    [event?.content.presence, event?.content.currently_active, event?.content.status_msg],
    ['online', true, undefined],
  )
  assert.equal(await errorOf(carol, 'GET', path(alice.userId), undefined, 403), 'M_FORBIDDEN')
  assert.equal(await errorOf(carol, 'GET', path('@nobody:localhost'), undefined, 403), 'M_FORBIDDEN')
  assert.deepEqual(shownTo(carol, await sync(carol)), [])
  assert.equal(await errorOf(carol, 'PUT', path(alice.userId), { presence: 'online' }, 403), 'M_FORBIDDEN')
  assert.equal(await errorOf(carol, 'PUT', path(carol.userId), { presence: 'busy' }, 400), 'M_BAD_JSON')
  assert.equal(await errorOf(carol, 'PUT', path(carol.userId), {}, 400), 'M_MISSING_PARAM')
  assert.equal(await errorOf(carol, 'GET', path('carol'), undefined, 400), 'M_INVALID_PARAM')
  await set(carol, 'offline')
  assert.equal((await status(carol, carol.userId)).presence, 'offline')
})

test('a sync says how its user is, and waits no longer when somebody else does', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  await publicRoom(alice, [bob])
  const next = await follow(bob, { set_presence: 'offline' })
  const waiting = next({ timeout: 30_000 })
  await sync(alice)
  assert.deepEqual(await waiting, ['alice online'])
  await sync(alice, { set_presence: 'unavailable' })
  assert.deepEqual(await next({ timeout: 30_000 }), ['alice unavailable'])
  await sync(alice, { set_presence: 'offline' })
  assert.deepEqual(await next({ timeout: 30_000 }), ['alice offline'])
  assert.equal((await status(alice, bob.userId)).presence, 'offline')
  assert.deepEqual(shownTo(alice, await sync(alice, { set_presence: 'offline' })), [])
})

test('who does nothing becomes idle, who goes is offline, and acting ends idleness', async () => {
  const clock = createTestClock(start)
  await using server = await createTestServer({ clock })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  const next = await follow(bob, { set_presence: 'offline' })
  const stay = async (ms: number) => {
    for (let i = 0; i < ms; i += 20_000) {
      await sync(alice)
      clock.advance(20_000)
    }
  }
  await stay(280_000)
  assert.deepEqual(await next(), ['alice online'])
  await stay(40_000)
  assert.deepEqual(await next(), ['alice unavailable'])
  assert.ok(((await status(bob, alice.userId)).last_active_ago ?? 0) >= 300_000)
  const eventId = await send(alice, roomId, 'back')
  assert.deepEqual(await next(), ['alice online'])
  await stay(320_000)
  assert.deepEqual(await next(), ['alice unavailable'])
  await alice.post(at`/_matrix/client/v3/rooms/${roomId}/receipt/m.read/${eventId}`)
  assert.deepEqual(await next(), ['alice online'])
  clock.advance(36_000)
  assert.deepEqual(await next(), ['alice offline'])
  await send(alice, roomId, 'from nowhere')
  assert.deepEqual(await next(), [])
  await set(alice, 'online')
  assert.deepEqual(await next(), ['alice online'])
  clock.advance(310_000)
  assert.deepEqual(await next(), ['alice offline'])
})

test('the liveliest device counts, and a device that logs out is gone at once', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  await publicRoom(alice, [bob])
  const phone = await server.login('alice')
  await sync(alice)
  await sync(phone, { set_presence: 'unavailable' })
  assert.equal((await status(bob, alice.userId)).presence, 'online')
  await alice.post(`${v3}/logout`)
  assert.equal((await status(bob, alice.userId)).presence, 'unavailable')
  await phone.post(`${v3}/logout`)
  assert.equal((await status(bob, alice.userId)).presence, 'offline')
})

test('people who meet see each other once, whoever comes, and nothing is repeated', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const [hers, his] = [await follow(alice), await follow(bob)]
  await follow(carol)
  const roomId = await publicRoom(alice, [])
  assert.deepEqual([await hers(), await his()], [[], []])
  await join(bob, roomId)
  assert.deepEqual([await hers(), await his()], [['bob online'], ['alice online']])
  assert.deepEqual([await hers(), await his()], [[], []])
  const second = await publicRoom(bob, [alice])
  assert.deepEqual([await hers(), await his()], [[], []])
  await bob.put(at`/_matrix/client/v3/profile/${bob.userId}/displayname`, { displayname: 'Robert' })
  assert.deepEqual([await hers(), await his()], [[], []])
  await join(carol, second)
  assert.deepEqual([await hers(), await his()], [['carol online'], ['carol online']])
  await act(carol, second, 'leave')
  await set(carol, 'unavailable')
  assert.deepEqual([await hers(), await his()], [[], []])
})

test('filters and ignored users are heeded, and what one does is no news to oneself', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  await publicRoom(alice, [bob, carol])
  await set(bob, 'online')
  await set(carol, 'online')
  const see = async (filter: JsonObject) => shownTo(alice, await sync(alice, { filter: { presence: filter } }))
  assert.deepEqual(await see({}), ['bob online', 'carol online'])
  assert.deepEqual(await see({ types: ['m.presence'] }), ['bob online', 'carol online'])
  assert.deepEqual(await see({ types: [] }), [])
  assert.deepEqual(await see({ not_types: ['m.*'] }), [])
  assert.deepEqual(await see({ senders: [bob.userId] }), ['bob online'])
  assert.deepEqual(await see({ not_senders: [bob.userId] }), ['carol online'])
  assert.equal((await see({ limit: 1 })).length, 1)
  const ignored = { ignored_users: { [carol.userId]: {} } }
  await alice.put(at`/_matrix/client/v3/user/${alice.userId}/account_data/m.ignored_user_list`, ignored)
  assert.deepEqual(await see({}), ['bob online'])
  const { next_batch: since } = await sync(alice)
  await set(alice, 'unavailable')
  assert.equal((await sync(alice, { since, timeout: 30, set_presence: 'unavailable' })).presence?.events.length, 1)
})

test('who deactivates the account is offline, and the status is gone', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  await publicRoom(alice, [bob])
  await set(alice, 'online', 'here')
  const next = await follow(bob)
  const { db, accounts, presence, jobs } = server.context
  // A job takes the user out of the rooms, after which nobody there is told anything more.
  await jobs.part.stop()
  await db.write('deactivate', (tx) => accounts.users.deactivate(tx, alice.userId, true))
  assert.deepEqual(await next(), ['alice offline'])
  assert.equal((await presence.get(alice.userId, alice.userId)).status_msg, undefined)
})

test('a restart keeps states and messages, tells old tokens once, and ends what nobody comes back to', async (t) => {
  const clock = createTestClock(start)
  const dataDir = temporaryFolder(t)
  const first = await createTestServer({ clock, dataDir })
  const [alice, bob, carol] = [await first.user('alice'), await first.user('bob'), await first.user('carol')]
  await publicRoom(alice, [bob, carol])
  await set(alice, 'unavailable', 'away')
  await sync(carol)
  const { next_batch: since } = await sync(bob)
  await first.stop()
  clock.advance(1000)
  await using second = await createTestServer({ clock, dataDir })
  const back = (user: TestUser): TestUser => ({
    ...user,
    ...second.client.as(user.accessToken),
    accessToken: user.accessToken,
  })
  const again = back(bob)
  assert.deepEqual(await status(again, alice.userId), {
    presence: 'unavailable',
    last_active_ago: 1000,
    currently_active: false,
    status_msg: 'away',
  })
  const told = await sync(again, { since })
  assert.deepEqual(shownTo(again, told), ['alice unavailable', 'carol online'])
  assert.deepEqual(shownTo(again, await sync(again, { since: told.next_batch })), [])
  await sync(back(carol))
  assert.deepEqual(shownTo(again, await sync(again, { since: told.next_batch })), [])
  clock.advance(66_000)
  assert.deepEqual(shownTo(again, await sync(again, { since: told.next_batch })), ['alice offline', 'carol offline'])
})

test('presence wakes at most once a second, and not in crowds', async () => {
  const clock = createTestClock(start)
  await using server = await createTestServer({ clock })
  const people = []
  for (let i = 0; i < 103; i++) people.push(await server.user(`user${i}`))
  const [alice, bob, ...crowd] = people
  assert.ok(alice && bob)
  await publicRoom(alice, crowd)
  clock.advance(1)
  await publicRoom(alice, [bob])
  const woken: string[][] = []
  const { streams } = server.context
  let seen = () => {}
  streams.subscribe(({ users = [] }) => {
    woken.push([...users])
    seen()
  })
  const nextWake = () =>
    new Promise<void>((resolve) => {
      seen = resolve
    })
  const first = nextWake()
  await set(alice, 'online')
  await first
  for (let i = 0; i < 20; i++) await set(alice, i % 2 === 0 ? 'unavailable' : 'online')
  assert.equal(woken.length, 1)
  const second = nextWake()
  clock.advance(1000)
  await second
  assert.deepEqual(woken, [[bob.userId], [bob.userId]])
})

test('where it is turned off nothing is told, and clients get along', async () => {
  await using server = await createTestServer({ config: { presence: { enabled: false } } })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  await publicRoom(alice, [bob])
  await sync(alice)
  await set(alice, 'online', 'hello')
  assert.deepEqual(await status(bob, alice.userId), { presence: 'offline' })
  assert.equal((await sync(bob)).presence, undefined)
})

test('a suspended user cannot tell how they are', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  await createRoom(alice)
  const { db, accounts } = server.context
  await db.write('suspend', (tx) => accounts.users.setFlags(tx, alice.userId, { isSuspended: true }))
  assert.equal(await errorOf(alice, 'PUT', path(alice.userId), { presence: 'online' }, 403), 'M_USER_SUSPENDED')
})
