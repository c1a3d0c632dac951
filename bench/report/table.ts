import type { Metric } from '../scenario.ts'
import { figure } from './format.ts'
import { judge, metricValue } from './goals.ts'
import type { Result, Target } from './result.ts'

/**
 * The rows of a comparison, with the head first: a metric, its value on each server, for two servers how many times
 * better the first is, and whether Ringback reached its goal. Metrics for the files alone are left out.
 */
export function comparison(result: Result, scenario: string): string[][] {
  const { targets } = result
  const [first, second] = targets
  const labels = new Map<string, Metric>()
  for (const target of targets) {
    for (const metric of target.scenarios[scenario]?.metrics ?? []) {
      if (!metric.detail && !labels.has(metric.id)) labels.set(metric.id, metric)
    }
  }
  const head = [scenario, ...targets.map((target) => target.name)]
  if (second) head.push('times better')
  if (first?.name === 'ringback') head.push('goal')
  const rows = [...labels.values()].map((metric) => {
    const values = targets.map((target) => metricValue(target, metric.id))
    const row = [`${metric.label} (${metric.unit})`, ...values.map((value) => figure(value ?? Number.NaN))]
    if (second) row.push(advantage(metric, values[0], values[1]))
    if (first?.name === 'ringback') row.push(judge(metric.id, values[0] ?? Number.NaN, second))
    return row
  })
  return [head, ...rows]
}

/** The scenarios that at least one server of a run has figures of, in the order of the run. */
export function measuredScenarios(result: Result): string[] {
  return [...new Set(result.targets.flatMap((target) => Object.keys(target.scenarios)))]
}

/** What went wrong, a sentence each. */
export function failures(targets: readonly Target[]): string[] {
  return targets.flatMap((target) =>
    Object.entries(target.scenarios).flatMap(([scenario, { failure }]) =>
      failure === undefined ? [] : [`${target.name}, ${scenario}: ${failure}`],
    ),
  )
}

function advantage(metric: Metric, ours: number | undefined, theirs: number | undefined): string {
  if (ours === undefined || theirs === undefined || ours <= 0 || theirs <= 0) return ''
  return figure(metric.better === 'higher' ? ours / theirs : theirs / ours)
}
