import { createRoom, joinRoom } from '../matrix/rooms.ts'
import { registerMany, withServer } from '../matrix/session.ts'
import { startProbe } from '../measure/probe.ts'
import { largest, percentile } from '../measure/stats.ts'
import { type Metric, metricsOf, type Scenario } from '../scenario.ts'
import { runSendLoad } from './send-load.ts'

const { lower } = metricsOf('responsiveness')
const PROBE_EVERY_MS = 20

/** Asks for the trivial `/versions` every 20 ms while others send: what a small request waits for. */
export const responsiveness: Scenario = {
  name: 'responsiveness',
  what: 'latency of GET /versions every 20 ms, idle and while 10 and 100 senders send: the event loop seen from outside',
  run: (bench) =>
    withServer(bench, async (session) => {
      const { options } = bench
      const metrics: Metric[] = []
      const add = (id: string, label: string, samples: readonly number[]) => {
        metrics.push(lower(`${id}.p99`, `GET /versions, ${label}: p99`, percentile(samples, 0.99), 'ms'))
        metrics.push(lower(`${id}.max`, `GET /versions, ${label}: longest`, largest(samples), 'ms'))
      }
      const accounts = await registerMany(session, 100)
      const idle = startProbe(session.server.address, PROBE_EVERY_MS)
      await new Promise((resolve) => setTimeout(resolve, options.seconds * 500))
      add('idle', 'idle', await idle.stop())
      for (const count of [10, 100]) {
        bench.progress(`responsiveness: ${count} senders`)
        const [first, ...others] = accounts.slice(0, count)
        if (!first) throw new Error('nobody could be registered')
        const roomId = await createRoom(session.pool, first, options.roomVersion)
        await session.setUp(others, (account) => joinRoom(session.pool, account, roomId))
        const probe = startProbe(session.server.address, PROBE_EVERY_MS)
        const senders = [first, ...others].map((account) => ({ account, roomId }))
        await runSendLoad(session.server, senders, { ...options, warmup: 0 })
        add(String(count), `${senders.length} senders`, await probe.stop())
      }
      return metrics
    }),
}
