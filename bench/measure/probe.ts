import { setTimeout as sleep } from 'node:timers/promises'
import { type Address, Connection } from '../http/connection.ts'

/** The smallest request of the API: what it waits for is the server's event loop, not its own work. */
const TRIVIAL = '/_matrix/client/versions'

/**
 * Asks for `/versions` every `intervalMs` on a connection of its own until stopped, and returns the latencies in ms.
 * A request that the one before held up counts from the moment when it was due, so that no stall is hidden.
 */
export function startProbe(address: Address, intervalMs: number): { stop(): Promise<number[]> } {
  const connection = new Connection(address)
  const samples: number[] = []
  let stopped = false
  const run = async () => {
    for (let due = performance.now(); !stopped; due += intervalMs) {
      const wait = due - performance.now()
      if (wait > 0) await sleep(wait)
      const from = wait > 0 ? performance.now() : due
      await connection.request('GET', TRIVIAL)
      samples.push(performance.now() - from)
    }
  }
  let failure: unknown
  const done = run().catch((error: unknown) => {
    failure = error
  })
  return {
    async stop() {
      stopped = true
      await done
      connection.close()
      if (failure !== undefined) throw failure
      return samples
    },
  }
}
