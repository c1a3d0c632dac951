/** A long-lived piece of the server: a consumer, a timer, a socket. Parts start in order and stop in reverse. */
export interface Part {
  readonly name: string
  /** `signal` aborts when the server stops. */
  start(signal: AbortSignal): Promise<void> | void
  /** Resolves when nothing of it is under way any more. */
  stop(): Promise<void> | void
}

/** The start failed for a reason that the operator can do something about; the message is one sentence or two. */
export class StartupError extends Error {
  override name = 'StartupError'
}
