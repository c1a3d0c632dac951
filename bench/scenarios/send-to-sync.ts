import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Connection, type Requester } from '../http/connection.ts'
import { Pool } from '../http/pool.ts'
import type { Account } from '../matrix/accounts.ts'
import { createRoom, eventIdOf, joinRoom, messageBody, sendPath } from '../matrix/rooms.ts'
import { registerMany, withServer } from '../matrix/session.ts'
import { LEAN_FILTER, nextBatchOf, syncNow, syncPath } from '../matrix/sync.ts'
import { largest, percentile } from '../measure/stats.ts'
import { type Metric, metricsOf, type Scenario } from '../scenario.ts'
import type { Server } from '../servers/server.ts'

const { lower, higher, detail } = metricsOf('send-to-sync')

/** A server that falls behind gets this long to deliver the rest, in ms. */
const DRAIN_MS = 20_000
/** Sends that may be under way at once; a server that is slower than the rate makes them pile up. */
const MAX_IN_FLIGHT = 256

/** Sends at a fixed rate, whether or not the server keeps up, and takes the time until the other user's `/sync` has it. */
export const sendToSync: Scenario = {
  name: 'send-to-sync',
  what: "from the start of a send to its arrival in the other user's long-polling /sync, at fixed rates",
  run: (bench) =>
    withServer(bench, async (session) => {
      const metrics: Metric[] = []
      const [alice, bob] = await registerMany(session, 2)
      if (!alice || !bob) throw new Error('two users could not be registered')
      const roomId = await createRoom(session.pool, alice, bench.options.roomVersion)
      await joinRoom(session.pool, bob, roomId)
      await runRate(session.server, alice, bob, roomId, 20, bench.options.warmup)
      for (const rate of bench.options.rates) {
        bench.progress(`send-to-sync: ${rate}/s`)
        const result = await runRate(session.server, alice, bob, roomId, rate, bench.options.seconds)
        const { latencies } = result
        metrics.push(
          lower(`${rate}.p50`, `${rate}/s: p50`, percentile(latencies, 0.5), 'ms'),
          lower(`${rate}.p99`, `${rate}/s: p99`, percentile(latencies, 0.99), 'ms'),
          lower(`${rate}.max`, `${rate}/s: longest`, largest(latencies), 'ms'),
          higher(`${rate}.delivered`, `${rate}/s: delivered per second`, result.deliveredPerSecond, 'msg/s'),
          lower(`${rate}.lost`, `${rate}/s: left to a gap, or lost`, result.sent - latencies.length, 'messages'),
          detail(`${rate}.generator_lag`, `${rate}/s: longest lag of the load generator`, result.lag, 'ms'),
        )
      }
      return metrics
    }),
}

async function runRate(server: Server, alice: Account, bob: Account, roomId: string, rate: number, seconds: number) {
  const prefix = `s2s${randomBytes(4).toString('hex')}x`
  const starts: number[] = []
  const latencies: number[] = []
  const listener = new Connection(server.address)
  const pool = new Pool(server.address, MAX_IN_FLIGHT)
  const total = Math.max(1, Math.round(rate * seconds))
  const begin = performance.now()
  let lastArrival = begin
  const arrived = (index: number, at: number) => {
    const start = starts[index]
    if (start === undefined) return
    latencies.push(at - start)
    lastArrival = at
  }
  const since = await syncNow(listener, bob.token, undefined, LEAN_FILTER)
  const deadline = performance.now() + seconds * 1000 + DRAIN_MS
  const listening = listen(listener, bob.token, since, prefix, arrived, () => {
    return latencies.length < total && performance.now() < deadline
  })
  try {
    const sending = sendAtRate(pool, alice, roomId, prefix, rate, total, starts)
    const [lag] = await Promise.all([sending, listening])
    const deliveredPerSecond = (latencies.length * 1000) / (lastArrival - (starts[0] ?? begin))
    return { latencies, sent: total, lag, deliveredPerSecond }
  } finally {
    listener.close()
    pool.close()
  }
}

/** Long-polls and reports each message of this run once, by its number. */
async function listen(
  requester: Requester,
  token: string,
  from: string,
  prefix: string,
  arrived: (index: number, at: number) => void,
  goesOn: () => boolean,
): Promise<void> {
  const seen = new Set<string>()
  const pattern = new RegExp(`"${prefix}(\\d+) `, 'g')
  let since = from
  while (goesOn()) {
    const answer = await requester.request('GET', syncPath(since, 5000, LEAN_FILTER), token)
    const at = performance.now()
    since = nextBatchOf(answer)
    for (const [, index = ''] of answer.body.toString('latin1').matchAll(pattern)) {
      if (!seen.has(index)) arrived(Number(index), at)
      seen.add(index)
    }
  }
}

/** Starts `total` sends on schedule and returns by how much the worst start was late, in ms. */
async function sendAtRate(
  pool: Pool,
  account: Account,
  roomId: string,
  prefix: string,
  rate: number,
  total: number,
  starts: number[],
): Promise<number> {
  const begin = performance.now()
  const sends: Promise<unknown>[] = []
  let failure: unknown
  const send = async (index: number) => {
    try {
      const path = sendPath(roomId, `${prefix}${index}`)
      eventIdOf(await pool.request('PUT', path, account.token, messageBody(`${prefix}${index}`)))
    } catch (error) {
      failure ??= error
    }
  }
  let lag = 0
  for (let index = 0; index < total && failure === undefined; index++) {
    const due = begin + (index * 1000) / rate
    const wait = due - performance.now()
    if (wait > 0) await sleep(wait)
    const now = performance.now()
    lag = Math.max(lag, now - due)
    starts.push(now)
    sends.push(send(index))
  }
  await Promise.all(sends)
  if (failure !== undefined) throw failure
  return lag
}
