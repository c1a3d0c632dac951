import { readFileSync } from 'node:fs'
import type { Session } from '../matrix/session.ts'
import { cpuMs } from '../measure/process.ts'
import { type Metric, metricsOf } from '../scenario.ts'

/** What a phase costs everybody else. */
export interface Watched {
  metrics: Metric[]
  cpuMs: number
}

/**
 * Watches the server's event loop from inside: other servers are played by the load generator, whose own work would be
 * part of what a request from outside waits for.
 */
export function watchServer(session: Session): { stop(scenario: string, id: string, label: string): Promise<Watched> } {
  const { server } = session
  const loop = server.watchLoop?.()
  const before = cpuMs(server.pids)
  const waitedBefore = waitedMs(server.pids[0])
  return {
    async stop(scenario, id, label) {
      const used = cpuMs(server.pids) - before
      const waited = waitedMs(server.pids[0]) - waitedBefore
      const delays = await loop?.stop()
      const { lower, detail } = metricsOf(scenario)
      const metrics = delays
        ? [
            lower(`${id}.loop_p99`, `${label}: event loop delay p99`, delays.p99, 'ms'),
            lower(`${id}.loop_max`, `${label}: event loop delay, longest`, delays.max, 'ms'),
            lower(`${id}.loop_own`, `${label}: the most CPU without a break`, delays.ownMax, 'ms'),
          ]
        : []
      return { cpuMs: used, metrics: [...metrics, detail(`${id}.waited`, `${label}: waited for a core`, waited, 'ms')] }
    },
  }
}

/** For how long (ms) the main thread of a process could have run and had no processor. */
function waitedMs(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[1]) / 1e6
  } catch {
    return Number.NaN
  }
}
