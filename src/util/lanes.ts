import type { TimerClock } from './clock.ts'

/** What came of a run: when to run again, and whether the lane itself is down; undefined: that was not seen. */
export interface Outcome {
  readonly retryTs?: number
  readonly isDown?: boolean
}

/**
 * Runs tasks by name, each one at a time, a bounded number in each lane and in all lanes together. A lane that is down
 * takes one task at a time until one succeeds, so that it holds up nobody else.
 */
export interface Lanes<K> {
  /** Runs the task, or runs it again where it is running now. One that waits for another try keeps waiting. */
  wake(name: string, lane: string, key: K): void
  /** Runs the task at a time, in ms since 1970. */
  runAt(name: string, lane: string, key: K, ts: number): void
  /** Runs the task now even where it waits for another try. */
  wakeNow(name: string, lane: string, key: K): void
  /** Whether the task runs, or is to run now or later. */
  isBusy(name: string): boolean
  /** Resolves when nothing runs and nothing waits but for its time. */
  idle(): Promise<void>
  /** Starts nothing more and resolves when nothing runs. */
  stop(): Promise<void>
}

export interface LaneLimits {
  readonly perLane: number
  readonly total: number
}

interface Task<K> {
  readonly name: string
  lane: string
  key: K
  state: 'queued' | 'running' | 'later'
  isWoken: boolean
  /** Woken while it runs by something that does not wait for another try. */
  isUrgent: boolean
  cancel: (() => void) | undefined
}

interface Lane {
  readonly queue: Set<string>
  running: number
  isDown: boolean
}

export function createLanes<K>(
  clock: TimerClock,
  { perLane, total }: LaneLimits,
  run: (key: K) => Promise<Outcome>,
): Lanes<K> {
  const tasks = new Map<string, Task<K>>()
  /** Those with something queued or running; the first is served next. */
  const lanes = new Map<string, Lane>()
  const waiting: (() => void)[] = []
  let running = 0
  let queued = 0
  let isStopped = false

  function enqueue(task: Task<K>): void {
    task.cancel?.()
    task.cancel = undefined
    task.state = 'queued'
    const lane = lanes.get(task.lane) ?? { queue: new Set(), running: 0, isDown: false }
    lanes.set(task.lane, lane)
    lane.queue.add(task.name)
    queued += 1
    startNext(task.lane, lane)
  }

  /** Starts the next task of a lane where there is room. */
  function startNext(id: string, lane: Lane): boolean {
    const [name] = lane.queue
    const task = name === undefined ? undefined : tasks.get(name)
    if (task === undefined || isStopped || running >= total) return false
    if (lane.running >= (lane.isDown ? 1 : perLane)) return false
    lane.queue.delete(task.name)
    queued -= 1
    running += 1
    lane.running += 1
    task.state = 'running'
    task.isWoken = false
    task.isUrgent = false
    // To the end of the line, so that the many tasks of one lane leave room for others.
    lanes.delete(id)
    lanes.set(id, lane)
    void run(task.key).then((outcome) => finish(task, id, lane, outcome))
    return true
  }

  function finish(task: Task<K>, id: string, lane: Lane, outcome: Outcome): void {
    running -= 1
    lane.running -= 1
    lane.isDown = outcome.isDown ?? lane.isDown
    settle(task, outcome.retryTs)
    if (lane.running === 0 && lane.queue.size === 0) lanes.delete(id)
    for (let isProgress = true; isProgress && running < total; ) {
      isProgress = false
      for (const [other, next] of [...lanes]) isProgress = startNext(other, next) || isProgress
    }
    if (running === 0 && (queued === 0 || isStopped)) for (const done of waiting.splice(0)) done()
  }

  function settle(task: Task<K>, retryTs: number | undefined): void {
    // What was broken off has not been done.
    if (isStopped) task.state = 'later'
    else if (retryTs !== undefined && !task.isUrgent) postpone(task, retryTs)
    else if (task.isWoken) enqueue(task)
    else tasks.delete(task.name)
  }

  function postpone(task: Task<K>, ts: number): void {
    task.state = 'later'
    task.cancel?.()
    task.cancel = clock.after(ts - clock.now(), () => enqueue(task))
  }

  function take(name: string, lane: string, key: K): Task<K> {
    const task = tasks.get(name) ?? {
      name,
      lane,
      key,
      state: 'later',
      isWoken: false,
      isUrgent: false,
      cancel: undefined,
    }
    if (task.state !== 'queued') Object.assign(task, { lane, key })
    tasks.set(name, task)
    return task
  }

  return {
    wake: (name, lane, key) => {
      if (isStopped) return
      const isNew = !tasks.has(name)
      const task = take(name, lane, key)
      if (isNew) enqueue(task)
      else task.isWoken = true
    },
    wakeNow: (name, lane, key) => {
      if (isStopped) return
      const task = take(name, lane, key)
      if (task.state === 'later') enqueue(task)
      else {
        task.isWoken = true
        task.isUrgent = true
      }
    },
    runAt: (name, lane, key, ts) => {
      if (!isStopped && !tasks.has(name)) postpone(take(name, lane, key), ts)
    },
    isBusy: (name) => tasks.has(name),
    idle: () =>
      running === 0 && queued === 0 ? Promise.resolve() : new Promise((resolve) => void waiting.push(resolve)),
    stop: () => {
      isStopped = true
      for (const task of tasks.values()) task.cancel?.()
      return running === 0 ? Promise.resolve() : new Promise((resolve) => void waiting.push(resolve))
    },
  }
}
