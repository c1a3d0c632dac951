import type { Options } from './options.ts'
import type { Launcher } from './servers/server.ts'

/** One figure. `id` is stable, so that runs can be compared; NaN means that it could not be measured. */
export interface Metric {
  id: string
  label: string
  value: number
  unit: string
  better: 'lower' | 'higher'
  /** Is kept in the JSON and left out of tables. */
  detail?: boolean
}

/** What a scenario gets to work with. */
export interface Bench {
  launcher: Launcher
  options: Options
  /** A fresh folder for the server's data; removed afterwards. */
  folder: string
  /** Says on stderr how far it is. */
  progress(text: string): void
}

/** Something that is measured; it starts and stops the server itself, through `withServer`. */
export interface Scenario {
  name: string
  /** A name that chooses several scenarios at once. */
  group?: string
  what: string
  run(bench: Bench): Promise<Metric[]>
}

/** Makes metrics whose ids start with the scenario's name. */
export function metricsOf(scenario: string) {
  const make =
    (better: Metric['better'], detail?: true) => (id: string, label: string, value: number, unit: string) => ({
      id: `${scenario}.${id}`,
      label,
      value,
      unit,
      better,
      ...(detail ? { detail } : {}),
    })
  return { lower: make('lower'), higher: make('higher'), detail: make('lower', true) }
}
