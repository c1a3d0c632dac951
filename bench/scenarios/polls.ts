import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Account } from '../matrix/accounts.ts'
import { createRoom, joinRoom, sendMessage } from '../matrix/rooms.ts'
import { registerMany, type Session, withServer } from '../matrix/session.ts'
import { syncNow } from '../matrix/sync.ts'
import { openFileLimit, rssMib } from '../measure/process.ts'
import { median, percentile } from '../measure/stats.ts'
import { type Bench, type Metric, metricsOf, type Scenario } from '../scenario.ts'
import { openPolls } from './poll-crowd.ts'

const { lower, detail } = metricsOf('polls')
const SETTLE_MS = 2000
const WAKES = 3
/** Besides the polls, a server needs files and connections of its own. */
const SPARE_FILES = 300

/** Keeps a crowd in long polls, takes the memory that they cost, and wakes all of them with one message. */
export const polls: Scenario = {
  name: 'polls',
  what: 'idle long polls of distinct users in one room: memory, and the time until one message has reached all of them',
  run: (bench) =>
    withServer(bench, async (session) => {
      const metrics: Metric[] = []
      const speaker = await session.register()
      const roomId = await createRoom(session.pool, speaker, bench.options.roomVersion)
      const crowd: Account[] = []
      for (const count of bench.options.polls) {
        if (!enoughFiles(bench, session, count)) continue
        bench.progress(`polls: preparing ${count} users`)
        metrics.push(...(await growCrowd(session, roomId, crowd, count)))
        bench.progress(`polls: ${crowd.length} polls`)
        metrics.push(...(await measure(session, roomId, speaker, crowd, count)))
      }
      return metrics
    }),
}

async function growCrowd(session: Session, roomId: string, crowd: Account[], count: number): Promise<Metric[]> {
  const start = performance.now()
  const added = await registerMany(session, count - crowd.length)
  const registered = performance.now()
  const joined: Account[] = []
  await session.setUp(added, async (account) => {
    await joinRoom(session.pool, account, roomId)
    joined.push(account)
  })
  if (joined.length === 0) throw new Error('nobody could join in the setup time')
  crowd.push(...joined)
  return [
    detail(`${count}.register`, `${count} polls: preparing, a registration`, (registered - start) / added.length, 'ms'),
    detail(
      `${count}.join`,
      `${count} polls: preparing, a join`,
      (performance.now() - registered) / joined.length,
      'ms',
    ),
  ]
}

async function measure(session: Session, roomId: string, speaker: Account, crowd: Account[], count: number) {
  const { server, pool } = session
  const since = await syncNow(pool, speaker.token, undefined)
  await sleep(SETTLE_MS)
  const before = rssMib(server.pids)
  const polling = await openPolls(server.address, crowd, since)
  try {
    // Whatever still wakes the polls (a receipt, a device list) does so now and not in the middle of a measurement.
    await polling.settle(SETTLE_MS)
    const after = rssMib(server.pids)
    const lasts: number[] = []
    const middles: number[] = []
    for (let wake = 0; wake < WAKES; wake++) {
      const marker = `wake-${randomBytes(6).toString('hex')}`
      const arrivals = polling.awaitMarker(marker)
      const start = performance.now()
      await sendMessage(pool, speaker, roomId, marker)
      const times = (await arrivals).map((at) => at - start)
      lasts.push(percentile(times, 1))
      middles.push(median(times))
      await polling.settle(SETTLE_MS)
    }
    const label = crowd.length === count ? `${count} polls` : `${crowd.length} (of ${count}) polls`
    return [
      lower(`${count}.wake`, `${label}: all woken, median of ${WAKES}`, median(lasts), 'ms'),
      lower(`${count}.wake_first`, `${label}: all woken, the first time`, lasts[0] ?? Number.NaN, 'ms'),
      lower(`${count}.wake_middle`, `${label}: half of them woken`, median(middles), 'ms'),
      lower(`${count}.memory`, `${label}: memory of each`, ((after - before) * 1024) / crowd.length, 'KiB'),
      lower(`${count}.rss`, `${label}: RSS while idle`, after, 'MiB'),
      detail(`${count}.rss_woken`, `${label}: RSS after waking`, rssMib(server.pids), 'MiB'),
    ]
  } finally {
    polling.close()
  }
}

function enoughFiles(bench: Bench, session: Session, count: number): boolean {
  const limit = Math.min(...[process.pid, ...session.server.pids].map(openFileLimit))
  if (limit >= count + SPARE_FILES) return true
  bench.progress(`polls: ${count} left out, because only ${limit} files may be open (ulimit -n)`)
  return false
}
