import { setTimeout as sleep } from 'node:timers/promises'
import { withServer } from '../matrix/session.ts'
import { rssMib } from '../measure/process.ts'
import { type Bench, type Metric, metricsOf, type Scenario } from '../scenario.ts'

const { lower, higher } = metricsOf('media-sweep')
/** One file in so many is due. */
const DUE_SHARE = 10
/** Until the server has started and is idle. */
const START_MS = 8000
const POLL_MS = 100

/** Fills the database with media, and lets the server look for what is due: first there is nothing, then a tenth of it. */
export const mediaSweep: Scenario = {
  name: 'media-sweep',
  group: 'media',
  what: 'a sweep over many rows of media, of which nothing and then a tenth is due, and how it holds up the event loop',
  async run(bench) {
    const { launcher, folder, options } = bench
    const { fillMedia } = launcher
    if (!fillMedia) return []
    const due = Math.max(1, Math.floor(options.mediaRows / DUE_SHARE))
    await withServer(bench, async () => {})
    bench.progress(`media-sweep: filling ${options.mediaRows} rows`)
    await fillMedia(folder, { count: options.mediaRows - due, due: 0 })
    const idle = await measure(bench, 'idle', `${options.mediaRows - due} files, none due`)
    await fillMedia(folder, { count: due, due })
    const busy = await measure(bench, 'due', `${options.mediaRows} files, ${due} due`)
    return [
      ...idle.metrics,
      ...busy.metrics,
      higher('rate', `${options.mediaRows} files, ${due} due: deletions`, due / busy.seconds, 'files/s'),
    ]
  },
}

async function measure(bench: Bench, id: string, label: string): Promise<{ seconds: number; metrics: Metric[] }> {
  bench.progress(`media-sweep: ${label}`)
  const watch = await bench.launcher.scheduleSweep?.(bench.folder, START_MS)
  if (!watch) throw new Error('this server cannot be told to sweep')
  return withServer(bench, async ({ server }) => {
    await sleep(Math.max(0, watch.startsIn() - 200))
    const loop = server.watchLoop?.()
    const before = rssMib(server.pids)
    await sleep(watch.startsIn())
    const start = performance.now()
    while (!watch.isDone()) await sleep(POLL_MS)
    const seconds = (performance.now() - start) / 1000
    const delay = await loop?.stop()
    return {
      seconds,
      metrics: [
        lower(`${id}.seconds`, `${label}: the sweep`, seconds, 's'),
        ...(delay ? [lower(`${id}.loop_max`, `${label}: event loop delay, longest`, delay.max, 'ms')] : []),
        ...(delay ? [lower(`${id}.loop_p99`, `${label}: event loop delay, p99`, delay.p99, 'ms')] : []),
        ...(delay ? [lower(`${id}.loop_own`, `${label}: the most CPU without a break`, delay.ownMax, 'ms')] : []),
        lower(`${id}.rss`, `${label}: RSS above before`, rssMib(server.pids) - before, 'MiB'),
      ],
    }
  })
}
