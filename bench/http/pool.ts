import { type Address, Connection, type Requester } from './connection.ts'
import type { Answer } from './response-parser.ts'

/** Carries requests over at most `size` connections; what exceeds them waits its turn. */
export class Pool implements Requester {
  readonly #address: Address
  readonly #size: number
  readonly #free: Connection[] = []
  readonly #all: Connection[] = []
  readonly #queue: ((connection: Connection) => void)[] = []

  constructor(address: Address, size: number) {
    this.#address = address
    this.#size = size
  }

  /** Sends a request on the first connection that is free. */
  async request(method: string, path: string, token?: string, body?: string): Promise<Answer> {
    const connection = this.#take() ?? (await new Promise<Connection>((resolve) => this.#queue.push(resolve)))
    try {
      return await connection.request(method, path, token, body)
    } finally {
      const next = this.#queue.shift()
      if (next) next(connection)
      else this.#free.push(connection)
    }
  }

  /** Closes every connection. */
  close(): void {
    for (const connection of this.#all) connection.close()
  }

  #take(): Connection | undefined {
    const free = this.#free.pop()
    if (free || this.#all.length >= this.#size) return free
    const connection = new Connection(this.#address)
    this.#all.push(connection)
    return connection
  }
}
