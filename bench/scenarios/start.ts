import { setTimeout as sleep } from 'node:timers/promises'
import { createRoom } from '../matrix/rooms.ts'
import { withServer } from '../matrix/session.ts'
import { syncNow } from '../matrix/sync.ts'
import { cpuMs, rssMib } from '../measure/process.ts'
import { median } from '../measure/stats.ts'
import { type Metric, metricsOf, type Scenario } from '../scenario.ts'

const { lower } = metricsOf('start')
const RESTARTS = 3
const IDLE_MS = 5000

/** Starts a server on an empty folder and again on its data, and lets it idle. */
export const start: Scenario = {
  name: 'start',
  what: 'from the start of the process to its first answer, with and without data; memory and CPU of an idle server',
  async run(bench) {
    const metrics: Metric[] = await withServer(bench, async ({ server, pool, register }) => {
      const account = await register()
      await createRoom(pool, account, bench.options.roomVersion)
      await syncNow(pool, account.token, undefined)
      await sleep(IDLE_MS / 2)
      const before = cpuMs(server.pids)
      await sleep(IDLE_MS)
      return [
        lower('first', 'first answer, empty data folder', server.startMs, 'ms'),
        lower('idle_rss', 'idle RSS, one user', rssMib(server.pids), 'MiB'),
        lower('idle_cpu', 'idle CPU', ((cpuMs(server.pids) - before) / IDLE_MS) * 100, '%'),
      ]
    })
    if (!bench.launcher.owned) return metrics
    const restarts: number[] = []
    for (let n = 0; n < RESTARTS; n++) {
      restarts.push(await withServer(bench, async ({ server }) => server.startMs))
    }
    return [...metrics, lower('again', `first answer, restart (median of ${RESTARTS})`, median(restarts), 'ms')]
  },
}
