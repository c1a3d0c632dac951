import type { Options } from '../options.ts'
import type { Metric } from '../scenario.ts'

/** The machine of a run. */
export interface Machine {
  cores: number
  cpu: string
  memoryGib: number
  kernel: string
  node: string
  /** The median time of a 4 KiB write with fdatasync where the data folders were: it bounds every durable server. */
  syncWriteMs: number
  /** Load of the last minute before the run, in processes: above 0.5 the machine was not idle. */
  loadBefore: number
}

/** One scenario on one server: the medians over the rounds, and each round's values in order. */
export interface Measurement {
  metrics: Metric[]
  rounds: Record<string, number[]>
  /** Why it has no metrics, or not all rounds. */
  failure?: string
}

/** One server of a run. */
export interface Target {
  name: string
  software: string
  scenarios: Record<string, Measurement>
}

/** Everything that a run found out; the file under bench/results. */
export interface Result {
  machine: Machine
  options: Options & { rounds: number }
  targets: Target[]
}
