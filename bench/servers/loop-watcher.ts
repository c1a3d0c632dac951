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
  // What a busy machine gives to other programs is no work of the server.
  let timer: NodeJS.Timeout | undefined
  let ownMax = 0
  const watchOwnTime = () => {
    let before = ownMs()
    ownMax = 0
    timer = setInterval(() => {
      const now = ownMs()
      ownMax = Math.max(ownMax, now - before)
      before = now
    }, INTERVAL_MS).unref()
  }
  process.on('message', (message) => {
    if (message === 'watch') {
      histogram.reset()
      histogram.enable()
      clearInterval(timer)
      watchOwnTime()
    } else if (message === 'report') {
      histogram.disable()
      clearInterval(timer)
      process.send?.({ p99: overdue(histogram.percentile(99)), max: overdue(histogram.max), ownMax })
    }
  })
  process.channel?.unref()
}

/** Processor time of the thread so far. */
function ownMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
