import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { WebSocket } from 'ws'
import type { UserId } from '../src/matrix/ids.ts'
import { createTestClock } from '../src/util/clock.ts'
import type { LiveFrame } from '../src/voip/live/frames.ts'
import { skipEngine } from './helpers/engines.ts'
import { liveArguments, openLive, refusedLive } from './helpers/live.ts'
import { temporaryFolder } from './helpers/program.ts'
import { createTestServer, password, type TestServer, type TestUser } from './helpers/server.ts'

const clock = createTestClock()
const server = await createTestServer({ clock })
after(() => server.stop())
const alice = await server.user('alice')
const bob = await server.user('bob')

const frame = (n: number): LiveFrame => ({ type: 'call', call_id: `c${n}`, outcome: 'missed' })

function publish(user: TestUser, numbers: readonly number[], at: TestServer = server): Promise<void> {
  return at.context.db.write('test', async (tx) => {
    for (const n of numbers) await at.context.live.publish(tx, user.userId, frame(n))
  })
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)
const ids = (frames: readonly object[]) => frames.map((one) => Reflect.get(one, 'call_id'))

test('what happens is told at once to all devices of its user, and to nobody else', async () => {
  const second = await server.login('alice')
  const phone = await openLive(server.url, alice)
  const laptop = await openLive(server.url, { ...second, inProtocol: true })
  const other = await openLive(server.url, bob)
  assert.equal(phone.socket.protocol, '')
  assert.equal(laptop.socket.protocol, 'ringback.live.v1')
  assert.equal(laptop.socket.extensions, '')
  await publish(alice, [1])
  await publish(bob, [2])
  const seen = await phone.next()
  assert.deepEqual({ ...seen, pos: 0 }, { pos: 0, ...frame(1) })
  assert.deepEqual(await laptop.next(), seen)
  assert.equal((await other.next()).call_id, 'c2')
  for (const reader of [phone, laptop, other]) assert.equal(reader.frames.length, 1)
  for (const reader of [phone, laptop, other]) await reader.close()
})

test('a socket that comes back misses nothing and gets nothing twice', async () => {
  const first = await openLive(server.url, { ...alice, from: 'now' })
  const start = await first.next()
  assert.equal(start.type, 'position')
  await publish(alice, [10])
  const { pos } = await first.next()
  await first.close()
  await publish(alice, range(11, 240))
  // What is committed while the socket catches up comes after it, once.
  const [again] = await Promise.all([
    openLive(server.url, { ...alice, from: pos }),
    ...range(240, 260).map((n) => publish(alice, [n])),
  ])
  while (again.frames.length < 249) await again.next()
  assert.deepEqual(
    ids(again.frames),
    range(11, 260).map((n) => `c${n}`),
  )
  const positions = again.frames.map((one) => one.pos)
  assert.deepEqual(
    positions,
    positions.toSorted((a, b) => a - b),
  )
  await again.close()
  const fromStart = await openLive(server.url, { ...alice, from: start.pos })
  assert.equal((await fromStart.next()).call_id, 'c10')
  await fromStart.close()
})

test('whatever breaks when, a reader that takes up its position has seen all, each once and in order', async () => {
  const grace = await server.user('grace')
  let total = 0
  const step = fc.oneof(
    fc.record({ kind: fc.constant('publish' as const), n: fc.integer({ min: 1, max: 130 }) }),
    fc.record({ kind: fc.constantFrom('close', 'cut', 'open', 'read') }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 10 }), async (steps) => {
      const start = total
      const seen: string[] = []
      let reader = await openLive(server.url, { ...grace, from: 'now' })
      let { pos } = await reader.next()
      let used = 1
      const collect = () => {
        for (const one of reader.frames.slice(used)) {
          seen.push(String(one.call_id))
          pos = one.pos
        }
        used = reader.frames.length
      }
      const reopen = async () => {
        await reader.closed
        collect()
        reader = await openLive(server.url, { ...grace, from: pos })
        used = 0
      }
      const published: Promise<void>[] = []
      for (const one of steps) {
        if (one.kind === 'publish') {
          published.push(publish(grace, range(total, total + one.n)))
          total += one.n
        } else if (one.kind === 'read') {
          await Promise.all(published)
        } else {
          if (one.kind === 'cut') reader.socket.terminate()
          else reader.socket.close()
          await reopen()
        }
      }
      await Promise.all(published)
      collect()
      while (seen.length < total - start) {
        await reader.next()
        collect()
      }
      reader.socket.close()
      await reader.closed
      collect()
      assert.deepEqual(
        seen,
        range(start, total).map((n) => `c${n}`),
      )
    }),
    { numRuns: 15 },
  )
})

test('a commit that fails tells nothing', async () => {
  const reader = await openLive(server.url, alice)
  await assert.rejects(
    server.context.db.write('test', async (tx) => {
      await server.context.live.publish(tx, alice.userId, frame(666))
      throw new Error('no')
    }),
  )
  await publish(alice, [300])
  assert.equal((await reader.next()).call_id, 'c300')
  await reader.close()
})

test('a reader that stands still holds up nobody, and gets all of it once it goes on', async () => {
  const reader = await openLive(server.url, bob)
  reader.socket.pause()
  const text = 'x'.repeat(40_000)
  for (let i = 0; i < 30; i++) {
    await server.context.db.write('test', async (tx) => {
      for (const n of range(i * 30, i * 30 + 30)) {
        await server.context.live.publish(tx, bob.userId, { type: 'note', call_id: `c${n}`, text })
      }
    })
  }
  // 36 MB wait in the database; another user is served meanwhile.
  const other = await openLive(server.url, alice)
  await publish(alice, [400])
  assert.equal((await other.next()).call_id, 'c400')
  await other.close()
  reader.socket.resume()
  while (reader.frames.length < 900) await reader.next()
  assert.deepEqual(
    ids(reader.frames),
    range(0, 900).map((n) => `c${n}`),
  )
  await reader.close()
})

test('a peer that does not answer is let go', async () => {
  const { url, headers } = liveArguments(server.url, bob)
  const deaf = new WebSocket(url, { headers, autoPong: false })
  await once(deaf, 'open')
  const lively = await openLive(server.url, bob)
  const pinged = once(deaf, 'ping')
  const answered = once(lively.socket, 'ping')
  clock.advance(25_000)
  await Promise.all([pinged, answered])
  // The pong is on its way before this, on the same connection.
  lively.socket.ping()
  await once(lively.socket, 'pong')
  const closed = once(deaf, 'close')
  clock.advance(25_000)
  assert.equal((await closed)[0], 1006)
  assert.equal(lively.socket.readyState, WebSocket.OPEN)
  await lively.close()
})

test('it ends with the session: logout, password, deactivation, lock', async () => {
  const first = await server.user('carol')
  const open = (user: TestUser) => openLive(server.url, user)
  const a = await open(first)
  const second = await server.login('carol')
  const b = await open(second)
  await first.post('/_matrix/client/v3/logout')
  assert.deepEqual(await a.closed, { code: 4001, reason: 'M_UNKNOWN_TOKEN' })
  await publish(second, [1])
  assert.equal((await b.next()).call_id, 'c1')
  const { db, accounts } = server.context
  await db.write('test', (tx) => accounts.users.setFlags(tx, first.userId, { isLocked: true }))
  assert.deepEqual(await b.closed, { code: 4001, reason: 'M_USER_LOCKED' })
  await db.write('test', (tx) => accounts.users.setFlags(tx, first.userId, { isLocked: false }))
  const c = await open(second)
  const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'carol' }, password }
  await second.post('/_matrix/client/v3/account/deactivate', { auth })
  assert.deepEqual(await c.closed, { code: 4001, reason: 'M_UNKNOWN_TOKEN' })
})

test('a token that expires ends its socket when it is next looked at', async () => {
  await server.user('frank')
  const { body } = await server.client.request<{ access_token: string; user_id: UserId; expires_in_ms: number }>(
    'POST',
    '/_matrix/client/v3/login',
    {
      body: {
        type: 'm.login.password',
        identifier: { type: 'm.id.user', user: 'frank' },
        password,
        refresh_token: true,
      },
    },
  )
  const reader = await openLive(server.url, { accessToken: body.access_token })
  clock.set(clock.now() + body.expires_in_ms)
  await server.context.db.write('test', (tx) => server.context.live.publish(tx, body.user_id, frame(1)))
  assert.deepEqual(await reader.closed, { code: 4001, reason: 'M_UNKNOWN_TOKEN' })
  assert.deepEqual(reader.frames, [])
})

test('positions that are gone or of another server are told so', async () => {
  const dora = await server.user('dora')
  const reader = await openLive(server.url, { ...dora, from: 'now' })
  const { pos } = await reader.next()
  await reader.close()
  await publish(dora, range(0, 1001))
  const late = await openLive(server.url, { ...dora, from: pos })
  assert.deepEqual(await late.closed, { code: 4010, reason: 'the position is gone' })
  const future = await openLive(server.url, { ...dora, from: 10 ** 12 })
  assert.equal((await future.closed).code, 4010)
  const kept = await openLive(server.url, { ...dora, from: pos + 1 })
  assert.equal((await kept.next()).call_id, 'c1')
  await kept.close()
  clock.advance(8 * 86_400_000)
  await publish(dora, [2000])
  await server.context.live.expire()
  const old = await openLive(server.url, { ...dora, from: pos + 1 })
  assert.equal((await old.closed).code, 4010)
  const fresh = await openLive(server.url, { ...dora, from: pos + 1001 })
  assert.equal((await fresh.next()).call_id, 'c2000')
  await fresh.close()
})

test('who may not have one is told so before it opens', async () => {
  assert.deepEqual(await refusedLive(server.url, {}), { status: 401, errcode: 'M_MISSING_TOKEN' })
  const wrong = { accessToken: 'rba_wrong' }
  assert.deepEqual(await refusedLive(server.url, wrong), { status: 401, errcode: 'M_UNKNOWN_TOKEN' })
  assert.deepEqual(await refusedLive(server.url, { ...wrong, inProtocol: true }), {
    status: 401,
    errcode: 'M_UNKNOWN_TOKEN',
  })
  const inAddress = { from: `1&access_token=${alice.accessToken}` }
  assert.equal((await refusedLive(server.url, inAddress)).errcode, 'M_MISSING_TOKEN')
  for (const from of ['x', '-1', '1.5', '99999999999999999999']) {
    assert.deepEqual(await refusedLive(server.url, { ...alice, from }), { status: 400, errcode: 'M_INVALID_PARAM' })
  }
  const plain = await alice.request('GET', '/_ringback/v1/live')
  assert.equal(plain.status, 426)
})

test('nobody holds more than twenty of them, or talks for long', async () => {
  const eve = await server.user('eve')
  const readers = await Promise.all(range(0, 20).map(() => openLive(server.url, eve)))
  assert.deepEqual(await refusedLive(server.url, eve), { status: 429, errcode: 'M_LIMIT_EXCEEDED' })
  readers[0]?.socket.send('hello')
  readers[1]?.socket.send('x'.repeat(5000))
  assert.equal((await readers[1]?.closed)?.code, 1009)
  await publish(eve, [1])
  assert.equal((await readers[0]?.next())?.call_id, 'c1')
  const room = await openLive(server.url, eve)
  for (const reader of [...readers, room]) await reader.close()
})

for (const engine of ['sqlite', 'postgres'] as const) {
  test(`a restart loses nothing (${engine})`, { skip: skipEngine(engine) }, async (t) => {
    const dataDir = temporaryFolder(t)
    const options = engine === 'sqlite' ? { dataDir } : { engine }
    const before = await createTestServer(options)
    const user = await before.user('alice')
    const reader = await openLive(before.url, { ...user, from: 'now' })
    const { pos } = await reader.next()
    await publish(user, [1], before)
    const seen = await reader.next()
    assert.equal(seen.call_id, 'c1')
    if (engine === 'postgres') {
      // A test's database goes with its server: here only that the queries do the same.
      const again = await openLive(before.url, { ...user, from: pos })
      assert.deepEqual(await again.next(), seen)
      await again.close()
      await before.stop()
      return
    }
    await publish(user, [2], before)
    await before.stop()
    assert.deepEqual(await reader.closed, { code: 1001, reason: 'the server stops' })
    await using later = await createTestServer({ dataDir })
    await publish(user, [3], later)
    const resumed = await openLive(later.url, { ...user, from: seen.pos })
    assert.deepEqual(ids([await resumed.next(), await resumed.next()]), ['c2', 'c3'])
    await resumed.close()
  })
}
