import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Arguments } from './arguments.ts'
import { call } from './http/call.ts'
import { type Address, Connection } from './http/connection.ts'
import { median } from './measure/stats.ts'
import { describeMachine } from './report/machine.ts'
import type { Measurement, Result, Target } from './report/result.ts'
import type { Metric, Scenario } from './scenario.ts'
import { SCENARIOS } from './scenarios/all.ts'
import type { Launcher } from './servers/server.ts'

/** A temporary folder of the system may be memory, where durability costs nothing; this one is on the disk of the checkout. */
const WORK_DIR = join(import.meta.dirname, '..', '.cache', 'bench')
const SCENARIO_LIMIT_MS = 25 * 60_000

/** Runs the scenarios in turn, each on every server before the next, and collects what they found. */
export async function runAll(args: Arguments, progress: (text: string) => void): Promise<Result> {
  const scenarios = chosen(args.scenarios)
  mkdirSync(WORK_DIR, { recursive: true })
  const machine = describeMachine(WORK_DIR)
  const targets: Target[] = args.launchers.map(({ name }) => ({ name, software: '', scenarios: {} }))
  const end = performance.now() + args.maxMinutes * 60_000
  for (let round = 1; round <= args.rounds; round++) {
    for (const scenario of scenarios) {
      for (const [index, launcher] of args.launchers.entries()) {
        const target = targets[index]
        if (!target) continue
        const say = (text: string) => progress(`${launcher.name}${args.rounds > 1 ? `, round ${round}` : ''}: ${text}`)
        say(scenario.name)
        const limit = Math.min(SCENARIO_LIMIT_MS, end - performance.now())
        const outcome = await runOnce(scenario, launcher, args, say, limit)
        if (outcome.software !== '') target.software = outcome.software
        target.scenarios[scenario.name] = merge(target.scenarios[scenario.name], outcome.metrics, outcome.failure)
        if (outcome.failure !== undefined) say(`FAILED: ${outcome.failure}`)
      }
    }
  }
  return { machine, options: { ...args.options, rounds: args.rounds }, targets }
}

async function runOnce(
  scenario: Scenario,
  launcher: Launcher,
  args: Arguments,
  progress: (text: string) => void,
  limitMs: number,
): Promise<{ metrics: Metric[]; software: string; failure?: string }> {
  if (limitMs <= 0) return { metrics: [], software: '', failure: 'left out, because the time was over' }
  const folder = mkdtempSync(join(WORK_DIR, `${launcher.name}-`))
  const timer = new AbortController()
  const stops: (() => Promise<void>)[] = []
  let software = ''
  const watched: Launcher = {
    ...launcher,
    async start(path, federation) {
      const server = await launcher.start(path, federation)
      stops.push(() => server.stop())
      software ||= await softwareOf(server.address)
      return server
    },
  }
  const tooLong = sleep(limitMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`stopped after ${Math.round(limitMs / 1000)} s`)
  })
  try {
    const running = scenario.run({ launcher: watched, options: args.options, folder, progress })
    return { metrics: await Promise.race([running, tooLong]), software }
  } catch (error) {
    return { metrics: [], software, failure: error instanceof Error ? error.message : String(error) }
  } finally {
    timer.abort()
    // Only a scenario that was cut off has left its server running.
    for (const stop of stops) await stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function merge(before: Measurement | undefined, metrics: readonly Metric[], failure: string | undefined): Measurement {
  const rounds = { ...before?.rounds }
  for (const { id, value } of metrics) rounds[id] = [...(rounds[id] ?? []), value]
  const latest = metrics.length > 0 ? metrics : (before?.metrics ?? [])
  const problem = failure ?? before?.failure
  return {
    metrics: latest.map((metric) => ({ ...metric, value: median(rounds[metric.id] ?? []) })),
    rounds,
    ...(problem === undefined ? {} : { failure: problem }),
  }
}

function chosen(names: readonly string[]): readonly Scenario[] {
  if (names.length === 0) return SCENARIOS
  return names.flatMap((name) => {
    const scenarios = SCENARIOS.filter((one) => one.name === name || one.group === name)
    if (scenarios.length === 0)
      throw new Error(`no scenario "${name}"; there are ${SCENARIOS.map((one) => one.name).join(', ')}`)
    return scenarios
  })
}

async function softwareOf(address: Address): Promise<string> {
  const connection = new Connection(address)
  try {
    const { server } = await call(connection, 'GET', '/_matrix/federation/v1/version')
    return typeof server === 'object' && server !== null ? Object.values(server).map(String).join(' ') : ''
  } catch {
    return ''
  } finally {
    connection.close()
  }
}
