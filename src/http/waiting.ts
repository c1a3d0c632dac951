/** The requests whose handlers watch their signal, mostly long polls: a server that stops aborts them all. */
export class WaitingRequests {
  readonly #controllers = new Set<AbortController>()
  #stopping = false

  get size(): number {
    return this.#controllers.size
  }

  add(controller: AbortController): void {
    if (this.#stopping) abortForStop(controller)
    else this.#controllers.add(controller)
  }

  delete(controller: AbortController): void {
    this.#controllers.delete(controller)
  }

  /** Aborts all signals, those of requests to come included. */
  abortAll(): void {
    this.#stopping = true
    for (const controller of this.#controllers) abortForStop(controller)
    this.#controllers.clear()
  }
}

function abortForStop(controller: AbortController): void {
  controller.abort(new DOMException('the server stops', 'AbortError'))
}
