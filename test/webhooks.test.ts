import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { after, test } from 'node:test'
import { configSchema } from '../src/config/schema.ts'
import type { Database } from '../src/db/database.ts'
import { createJobs } from '../src/jobs/jobs.ts'
import type { JsonObject } from '../src/matrix/event.ts'
import type { ServerName } from '../src/matrix/ids.ts'
import { createTestClock } from '../src/util/clock.ts'
import { silentLog } from '../src/util/log.ts'
import { createSafeFetch } from '../src/util/safe-fetch.ts'
import { createWebhooks, type WebhookEvent } from '../src/voip/webhooks/webhooks.ts'
import { testOnDatabases } from './helpers/engines.ts'
import { startWebServer } from './helpers/web-server.ts'

const secret = 'n0tsecret'
const day = 86_400_000

interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly json: JsonObject
}

const site = await startWebServer()
after(() => site.stop())
const open = createSafeFetch({ allowPrivateAddresses: true })
const guarded = createSafeFetch({ allowPrivateAddresses: false })
after(() => {
  open.close()
  guarded.close()
})

/** Takes what is posted to a path; `answer` says how. */
function receiver(path: string, answer: (response: ServerResponse, n: number) => void = (response) => response.end()) {
  const received: Received[] = []
  let arrived = Promise.withResolvers<void>()
  site.pages.set(path, (request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      received.push({ headers: request.headers, body, json: JSON.parse(body) as JsonObject })
      answer(response, received.length)
      arrived.resolve()
      arrived = Promise.withResolvers()
    })
  })
  const count = async (n: number) => {
    while (received.length < n) await arrived.promise
  }
  return { url: site.url + path, received, count }
}

function setUp(db: Database, webhooks: readonly object[], outbound = open) {
  const clock = createTestClock()
  const start = (list: readonly object[]) => {
    const config = configSchema.parse({ webhooks: list })
    const jobs = createJobs({ db, clock, log: silentLog })
    const serverName = 'example.org' as ServerName
    const hooks = createWebhooks({ config, serverName, db, jobs, clock, log: silentLog, outbound })
    const emit = (event: WebhookEvent, data: JsonObject) => db.write('emit', (tx) => hooks.emit(tx, event, data))
    return { jobs, emit, hooks }
  }
  const waiting = () => db.read((reader) => reader.qb.selectFrom('jobs').select('kind').execute())
  return { clock, start, waiting, ...start(webhooks) }
}

/** The example of the documentation, as people will paste it. */
async function verifier(): Promise<(headers: object, body: string, secret: string, now?: number) => boolean> {
  const text = readFileSync(new URL('../docs/webhooks.md', import.meta.url), 'utf8')
  const code = /```js\n(import[\s\S]*?)```/.exec(text)?.[1] ?? ''
  assert.ok(code.split('\n').length <= 12)
  const module = await import(`data:text/javascript,${encodeURIComponent(code)}`)
  return module.isFromRingback
}

testOnDatabases('an event goes to the webhooks that want it, signed, once', async (db) => {
  const all = receiver('/all')
  const some = receiver('/some')
  const unsigned = receiver('/unsigned')
  const { clock, emit, jobs, waiting } = setUp(db, [
    { url: all.url, secret },
    { url: some.url, secret: 'other', events: ['note.left'] },
    { url: unsigned.url },
  ])
  await emit('call.missed', { call_id: 'c1', caller: '@ü:example.org' })
  await jobs.drain()
  await jobs.drain()
  assert.equal(some.received.length, 0)
  const [one, ...more] = all.received
  assert.ok(one)
  assert.deepEqual(more, [])
  const { id, time, ...rest } = one.json
  assert.deepEqual(rest, {
    event: 'call.missed',
    ts: clock.now(),
    server_name: 'example.org',
    data: { call_id: 'c1', caller: '@ü:example.org' },
  })
  assert.equal(time, '2023-11-14T22:13:20.000Z')
  assert.match(String(id), /^evt_[\w-]{22}$/)
  assert.equal(one.headers['ringback-event'], 'call.missed')
  assert.equal(one.headers['ringback-event-id'], id)
  assert.equal(one.headers['content-type'], 'application/json')
  const expected = createHmac('sha256', secret).update(`1700000000.${one.body}`).digest('hex')
  assert.equal(one.headers['ringback-signature'], `v1=${expected}`)
  assert.equal(unsigned.received[0]?.json.id, id)
  assert.equal(unsigned.received[0]?.headers['ringback-signature'], undefined)
  assert.deepEqual(await waiting(), [])

  const isFromRingback = await verifier()
  assert.equal(isFromRingback(one.headers, one.body, secret, clock.now() + 60_000), true)
  assert.equal(isFromRingback(one.headers, one.body, secret, clock.now() + 600_000), false)
  assert.equal(isFromRingback(one.headers, one.body.replace('c1', 'c2'), secret, clock.now()), false)
  assert.equal(isFromRingback(one.headers, one.body, 'wrong', clock.now()), false)
  assert.equal(isFromRingback({}, one.body, secret, clock.now()), false)
})

testOnDatabases('what is not taken is sent again with the same id, later each time, for a day', async (db) => {
  const flaky = receiver('/flaky', (response, n) => {
    response.statusCode = n < 3 ? 500 : 204
    response.end()
  })
  const down = receiver('/down', (response) => {
    response.statusCode = 404
    response.end('x'.repeat(100_000))
  })
  const { clock, emit, jobs, waiting } = setUp(db, [
    { url: flaky.url, secret },
    { url: down.url, secret },
  ])
  await emit('note.left', { note_id: 'n1' })
  await jobs.drain()
  clock.advance(1_999)
  await jobs.drain()
  assert.equal(flaky.received.length, 1)
  clock.advance(1)
  await jobs.drain()
  clock.advance(4_000)
  await jobs.drain()
  assert.equal(flaky.received.length, 3)
  const [first, , third] = flaky.received
  assert.equal(third?.body, first?.body)
  assert.equal(third?.headers['ringback-event-id'], first?.headers['ringback-event-id'])
  assert.equal(third?.headers['ringback-timestamp'], '1700000006')
  assert.notEqual(third?.headers['ringback-signature'], first?.headers['ringback-signature'])
  const start = clock.now()
  while ((await waiting()).length > 0) {
    clock.advance(3_600_000)
    await jobs.drain()
  }
  assert.ok(clock.now() - start >= day - 3_600_000 && clock.now() - start <= day + 2 * 3_600_000)
  assert.ok(down.received.length > 20, String(down.received.length))
})

testOnDatabases('a receiver that does not answer holds up no other', async (db) => {
  const held: ServerResponse[] = []
  const slow = receiver('/slow', (response) => held.push(response))
  const fast = receiver('/fast')
  const { emit, jobs } = setUp(db, [{ url: slow.url }, { url: fast.url }])
  for (let n = 0; n < 8; n++) await emit('call.missed', { n })
  const drained = jobs.drain()
  await fast.count(8)
  await slow.count(4)
  assert.equal(slow.received.length, 4)
  for (const response of held) response.end()
  slow.received.length = 0
  await slow.count(4)
  for (const response of held.splice(4)) response.end()
  await drained
})

testOnDatabases('what waits for a webhook that was removed is dropped, and a restart keeps the rest', async (db) => {
  let isUp = false
  const answer = (response: ServerResponse) => {
    response.statusCode = isUp ? 200 : 503
    response.end()
  }
  const kept = receiver('/kept', answer)
  const removed = receiver('/removed', answer)
  const { clock, start, emit, jobs, waiting } = setUp(db, [{ url: kept.url }, { url: removed.url }])
  await emit('transcript.ready', { text: 'hello' })
  await jobs.drain()
  assert.equal((await waiting()).length, 2)
  const later = start([{ url: kept.url, secret: 'changed' }])
  await later.hooks.part.start(new AbortController().signal)
  assert.equal((await waiting()).length, 1)
  isUp = true
  clock.advance(2_000)
  await later.jobs.drain()
  assert.deepEqual([kept.received.length, removed.received.length], [2, 1])
  assert.deepEqual(await waiting(), [])
})

testOnDatabases('nobody is led into the own network, or elsewhere by a redirect', async (db) => {
  const inside = receiver('/inside')
  const { emit, jobs, waiting } = setUp(db, [{ url: inside.url }], guarded)
  await emit('call.missed', {})
  await jobs.drain()
  assert.equal(inside.received.length, 0)
  assert.equal((await waiting()).length, 1)
  const target = receiver('/target')
  const moved = receiver('/moved', (response) => {
    response.writeHead(307, { location: target.url }).end()
  })
  const other = setUp(db, [{ url: moved.url }])
  await other.emit('call.missed', {})
  await other.jobs.drain()
  assert.deepEqual([moved.received.length, target.received.length], [1, 0])
})

testOnDatabases('what is taken back is told to nobody', async (db) => {
  const one = receiver('/one')
  const { jobs, hooks } = setUp(db, [{ url: one.url }])
  const failing = db.write('cause', async (tx) => {
    await hooks.emit(tx, 'call.missed', {})
    throw new Error('no')
  })
  await assert.rejects(failing)
  await jobs.drain()
  assert.deepEqual(one.received, [])
})

test('a typo in the name of an event is an error, and a slash at the end of an address stays', () => {
  assert.throws(
    () => configSchema.parse({ webhooks: [{ url: 'https://x.org', events: ['call.mised'] }] }),
    /call\.missed/,
  )
  assert.throws(() => configSchema.parse({ webhooks: [{ url: 'ftp://x.org' }] }), /must be an address/)
  assert.equal(configSchema.parse({ webhooks: [{ url: 'https://x.org/h/' }] }).webhooks[0]?.url, 'https://x.org/h/')
})
