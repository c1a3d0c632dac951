import type { Target } from './result.ts'

/** What a figure of Ringback must reach: a limit of its own, or a multiple of what the baseline of the run reached. */
export type Goal = { atMost: number } | { timesBaseline: number }

/** The goals by metric id. */
export const GOALS: Readonly<Record<string, Goal>> = {
  'start.first': { atMost: 1500 },
  'start.idle_rss': { atMost: 150 },
  'send.1.rate': { timesBaseline: 15 },
  'send.10.rate': { timesBaseline: 30 },
  'send.100.rate': { timesBaseline: 50 },
  'send.1.cpu': { atMost: 0.5 },
  'send.10.cpu': { atMost: 0.5 },
  'send.100.cpu': { atMost: 0.5 },
  'send.rooms.cpu': { atMost: 0.5 },
  'send.1.missing': { atMost: 0 },
  'send.10.missing': { atMost: 0 },
  'send.100.missing': { atMost: 0 },
  'send.rooms.missing': { atMost: 0 },
  'send-to-sync.200.p99': { atMost: 20 },
  ...Object.fromEntries(
    ['state', 'sticky'].flatMap((kind) =>
      ['react', 'raise', 'lower'].map((what) => [`call-reactions.${kind}.${what}.p99`, { atMost: 50 }]),
    ),
  ),
  'polls.5000.wake': { atMost: 1000 },
  'initial-sync.1000.median': { atMost: 500 },
  'initial-sync.1000.rss': { atMost: 400 },
  'history.growth': { atMost: 1.5 },
  'search.p95': { atMost: 100 },
  'media.crowd.rss': { atMost: 64 },
  'media.crowd_down.rss': { atMost: 64 },
  'media.crowd.loop_max': { atMost: 50 },
  'media-sweep.idle.loop_max': { atMost: 50 },
  'media-sweep.due.loop_max': { atMost: 50 },
  'voicemail.prompt.max': { atMost: 2000 },
  'voicemail.note.max': { atMost: 1000 },
  'voicemail.page.paint': { atMost: 1000 },
  'voicemail.page.script': { atMost: 100 },
  ...Object.fromEntries(
    ['in.one', 'in.many', 'out.single', 'out.burst', 'join.join', 'state.whole', 'state.events'].flatMap((phase) => [
      [`federation-${phase}.loop_p99`, { atMost: 50 }],
      [`federation-${phase}.loop_max`, { atMost: 50 }],
    ]),
  ),
  'federation-in.one.missing': { atMost: 0 },
  'federation-in.many.missing': { atMost: 0 },
  'federation-out.burst.missing': { atMost: 0 },
  'federation-join.join.answer': { atMost: 20 },
  'federation-state.whole.wrong': { atMost: 0 },
  'federation-state.events.wrong': { atMost: 0 },
  'disk.per_event': { atMost: 2.5 },
}

/** Says whether the value of `ours` reaches its goal, and how; empty without a goal or a baseline. */
export function judge(id: string, value: number, baseline: Target | undefined): string {
  const goal = GOALS[id]
  if (!goal || !Number.isFinite(value)) return ''
  if ('atMost' in goal) return verdict(value <= goal.atMost, `≤ ${goal.atMost}`)
  const theirs = metricValue(baseline, id)
  return theirs === undefined ? '' : verdict(value >= goal.timesBaseline * theirs, `≥ ${goal.timesBaseline}×`)
}

/** The value of a metric of a target, when it was measured. */
export function metricValue(target: Target | undefined, id: string): number | undefined {
  const metrics = Object.values(target?.scenarios ?? {}).flatMap((scenario) => scenario.metrics)
  const value = metrics.find((metric) => metric.id === id)?.value
  return value !== undefined && Number.isFinite(value) ? value : undefined
}

function verdict(reached: boolean, goal: string): string {
  return `${goal} ${reached ? 'yes' : 'NO'}`
}
