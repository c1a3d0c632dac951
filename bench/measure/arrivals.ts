import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Connection, type Requester } from '../http/connection.ts'
import { Pool } from '../http/pool.ts'
import type { Account } from '../matrix/accounts.ts'
import { eventIdOf } from '../matrix/rooms.ts'
import { LEAN_FILTER, nextBatchOf, syncNow, syncPath } from '../matrix/sync.ts'
import type { Server } from '../servers/server.ts'

/** A server that falls behind gets this long to deliver the rest, in ms. */
const DRAIN_MS = 20_000
/** Sends that may be under way at once; a server that is slower than the rate makes them pile up. */
const MAX_IN_FLIGHT = 256

/** One request that sends an event in which the marker stands at the beginning of a string, with a space behind it. */
export interface Sending {
  path: string
  body: string
}

export interface Flow {
  server: Server
  sender: Account
  /** Who long-polls. */
  listeners: readonly Account[]
  /** Sends per second, and for how long, in s. */
  rate: number
  seconds: number
  toSend(marker: string, index: number): Sending
}

export interface Arrivals {
  /** From the start of a send to its arrival at a listener, in ms. */
  latencies: number[]
  /** How many should have arrived. */
  expected: number
  deliveredPerSecond: number
  /** By how much the worst start was late, in ms. */
  lag: number
  /** Of what was sent, in order. */
  eventIds: string[]
}

/** Sends at a fixed rate, whether or not the server keeps up, and takes the time until each listener's `/sync` has it. */
export async function measureArrivals({ server, sender, listeners, rate, seconds, toSend }: Flow): Promise<Arrivals> {
  const prefix = `s2s${randomBytes(4).toString('hex')}x`
  const starts: number[] = []
  const latencies: number[] = []
  const connections = listeners.map(() => new Connection(server.address))
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
  const deadline = begin + seconds * 1000 + DRAIN_MS
  const listening = await Promise.all(
    connections.map(async (connection, index) => {
      const token = listeners[index]?.token ?? ''
      const since = await syncNow(connection, token, undefined, LEAN_FILTER)
      const goesOn = (count: number) => count < total && performance.now() < deadline
      return () => listen(connection, token, since, prefix, arrived, goesOn)
    }),
  )
  try {
    const sending = sendAtRate(pool, sender, prefix, rate, total, starts, toSend)
    const [sent] = await Promise.all([sending, ...listening.map((start) => start())])
    const deliveredPerSecond = (latencies.length * 1000) / (lastArrival - (starts[0] ?? begin)) / listeners.length
    return { latencies, expected: total * listeners.length, deliveredPerSecond, ...sent }
  } finally {
    for (const connection of connections) connection.close()
    pool.close()
  }
}

/** Long-polls and reports each event of this run once, by its number. */
async function listen(
  requester: Requester,
  token: string,
  from: string,
  prefix: string,
  arrived: (index: number, at: number) => void,
  goesOn: (count: number) => boolean,
): Promise<void> {
  const seen = new Set<string>()
  const pattern = new RegExp(`"${prefix}(\\d+) `, 'g')
  let since = from
  while (goesOn(seen.size)) {
    const answer = await requester.request('GET', syncPath(since, 5000, LEAN_FILTER), token)
    const at = performance.now()
    since = nextBatchOf(answer)
    for (const [, index = ''] of answer.body.toString('latin1').matchAll(pattern)) {
      if (!seen.has(index)) arrived(Number(index), at)
      seen.add(index)
    }
  }
}

async function sendAtRate(
  pool: Pool,
  account: Account,
  prefix: string,
  rate: number,
  total: number,
  starts: number[],
  toSend: Flow['toSend'],
): Promise<{ lag: number; eventIds: string[] }> {
  const begin = performance.now()
  const sends: Promise<unknown>[] = []
  const eventIds: string[] = []
  let failure: unknown
  const send = async (index: number) => {
    try {
      const { path, body } = toSend(`${prefix}${index}`, index)
      eventIds[index] = eventIdOf(await pool.request('PUT', path, account.token, body))
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
  return { lag, eventIds }
}
