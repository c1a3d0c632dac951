/**
 * Is preloaded into the server under test (`node --import`), and measures its event loop from inside without a line in
 * the server: on the message `watch` it starts over, on `report` it answers with p99 and maximum in ms.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'

const INTERVAL_MS = 2

if (isMainThread && process.send) {
  const histogram = monitorEventLoopDelay({ resolution: INTERVAL_MS })
  // The histogram holds the time from one tick to the next, so an idle loop shows the interval itself.
  const overdue = (ns: number) => Math.max(0, ns / 1e6 - INTERVAL_MS)
  process.on('message', (message) => {
    if (message === 'watch') {
      histogram.reset()
      histogram.enable()
    } else if (message === 'report') {
      histogram.disable()
      process.send?.({ p99: overdue(histogram.percentile(99)), max: overdue(histogram.max) })
    }
  })
  process.channel?.unref()
}
