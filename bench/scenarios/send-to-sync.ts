import { createRoom, joinRoom, messageBody, sendPath } from '../matrix/rooms.ts'
import { registerMany, withServer } from '../matrix/session.ts'
import { measureArrivals } from '../measure/arrivals.ts'
import { largest, percentile } from '../measure/stats.ts'
import { type Metric, metricsOf, type Scenario } from '../scenario.ts'

const { lower, higher, detail } = metricsOf('send-to-sync')

/** Messages from one user to another, at several rates. */
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
      const run = (rate: number, seconds: number) =>
        measureArrivals({
          server: session.server,
          sender: alice,
          listeners: [bob],
          rate,
          seconds,
          toSend: (marker) => ({ path: sendPath(roomId, marker), body: messageBody(marker) }),
        })
      await run(20, bench.options.warmup)
      for (const rate of bench.options.rates) {
        bench.progress(`send-to-sync: ${rate}/s`)
        const { latencies, expected, deliveredPerSecond, lag } = await run(rate, bench.options.seconds)
        metrics.push(
          lower(`${rate}.p50`, `${rate}/s: p50`, percentile(latencies, 0.5), 'ms'),
          lower(`${rate}.p99`, `${rate}/s: p99`, percentile(latencies, 0.99), 'ms'),
          lower(`${rate}.max`, `${rate}/s: longest`, largest(latencies), 'ms'),
          higher(`${rate}.delivered`, `${rate}/s: delivered per second`, deliveredPerSecond, 'msg/s'),
          lower(`${rate}.lost`, `${rate}/s: left to a gap, or lost`, expected - latencies.length, 'messages'),
          detail(`${rate}.generator_lag`, `${rate}/s: longest lag of the load generator`, lag, 'ms'),
        )
      }
      return metrics
    }),
}
