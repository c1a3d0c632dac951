import type { Address } from '../http/connection.ts'

/** How long a server's event loop was held up, in ms, over what the timer asked for. */
export interface LoopDelay {
  p99: number
  max: number
  /** The most processor time that the loop's thread used without a break, however busy the machine was; with it everything between two looks 2 ms apart. */
  ownMax: number
}

/** A homeserver that answers requests. */
export interface Server {
  address: Address
  /** Its processes; empty when unknown, and then nothing is said about CPU and memory. */
  pids: readonly number[]
  /** Where it keeps its data, when known. */
  dataDir: string | undefined
  sharedSecret: string | undefined
  /** Its name among other servers; undefined where it does not deal with any. */
  serverName: string | undefined
  /** From the start of the process to its first successful answer; NaN when it ran before. */
  startMs: number
  /** Starts a measurement of the event loop that `stop` ends; only servers that are started with a watcher have it. */
  watchLoop: (() => { stop(): Promise<LoopDelay> }) | undefined
  /** Ends the server; does nothing for one that this program did not start. */
  stop(): Promise<void>
}

/** Messages that are written into rooms, those of one room in stretches. */
export interface Fill {
  rooms: readonly string[]
  senders: readonly string[]
  count: number
  progress: (done: number) => void
}

/** Rows of media without files; the time of `due` of them is over. */
export interface MediaFill {
  count: number
  due: number
}

/** A sweep that the server will do. */
export interface SweepWatch {
  /** In ms. */
  startsIn(): number
  isDone(): boolean
}

/** What a server needs to deal with others on this machine, whose certificates are of a private authority. */
export interface Federation {
  caFile: string
  /** For `localhost`. */
  certFile: string
  keyFile: string
}

/** A homeserver that can be measured. */
export interface Launcher {
  name: string
  /** Whether this program starts and stops it, and so can give each scenario a fresh one. */
  owned: boolean
  /** Starts it with its data under `folder`, which is made ready when it is empty; a second start continues. */
  start(folder: string, federation?: Federation): Promise<Server>
  /** Writes messages into its storage while it is stopped; servers without it get theirs one by one. */
  fill?(folder: string, fill: Fill): Promise<void>
  /** Writes rows of media into its storage while it is stopped. */
  fillMedia?(folder: string, fill: MediaFill): Promise<void>
  /** Has it sweep some time after now, once it runs. */
  scheduleSweep?(folder: string, delayMs: number): Promise<SweepWatch>
}
