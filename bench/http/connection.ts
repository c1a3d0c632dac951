import { connect, type Socket } from 'node:net'
import { type Answer, ResponseParser } from './response-parser.ts'

/** Where a server listens. */
export interface Address {
  host: string
  port: number
}

/** Anything that can carry one request. */
export interface Requester {
  request(method: string, path: string, token?: string, body?: string): Promise<Answer>
}

interface Waiting {
  bytes: string
  answered: boolean
  mayRetry: boolean
  resolve(answer: Answer): void
  reject(error: Error): void
}

const INACTIVITY_MS = 300_000

/** One keep-alive connection that carries one request at a time; rejects when the socket fails or is silent for 300 s. */
export class Connection implements Requester {
  readonly #address: Address
  readonly #host: string
  #socket: Socket | undefined
  #waiting: Waiting | undefined
  #closed = false

  constructor(address: Address) {
    this.#address = address
    this.#host = `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`
  }

  /** Sends a request and resolves with its answer, whatever the status; a second one in flight is an error. */
  request(method: string, path: string, token?: string, body?: string): Promise<Answer> {
    if (this.#waiting) return Promise.reject(new Error('this connection already carries a request'))
    const auth = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`
    const payload =
      body === undefined
        ? '\r\n'
        : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
    const bytes = `${method} ${path} HTTP/1.1\r\nHost: ${this.#host}\r\n${auth}${payload}`
    return new Promise((resolve, reject) => {
      // A server may close an idle connection at the moment when the request is written: worth one more try.
      this.#waiting = { bytes, answered: false, mayRetry: this.#socket !== undefined, resolve, reject }
      this.#write(bytes)
    })
  }

  /** Closes the socket; a request in flight is rejected. */
  close(): void {
    this.#closed = true
    this.#socket?.destroy(new Error('closed by the load generator'))
  }

  #write(bytes: string): void {
    this.#socket ??= this.#open()
    this.#socket.write(bytes)
  }

  #open(): Socket {
    const parser = new ResponseParser()
    const socket = connect({ ...this.#address, noDelay: true })
    socket.setTimeout(INACTIVITY_MS, () => {
      socket.destroy(new Error(`no byte for ${INACTIVITY_MS / 1000} s`))
    })
    let failure: Error | undefined
    socket.on('data', (piece) => {
      if (this.#waiting) this.#waiting.answered = true
      const answer = parser.push(piece)
      if (answer === undefined) return
      if (parser.closing) this.#forget(socket)
      this.#settle(answer)
    })
    socket.on('error', (error) => {
      failure = error
    })
    socket.on('close', () => {
      const current = this.#socket === socket
      this.#forget(socket)
      const last = parser.end()
      if (last) this.#settle(last)
      else if (current) this.#lost(failure ?? new Error('the server closed the connection'))
    })
    return socket
  }

  #forget(socket: Socket): void {
    if (this.#socket !== socket) return
    this.#socket = undefined
    socket.end()
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve(answer)
  }

  #lost(error: Error): void {
    const waiting = this.#waiting
    if (!waiting) return
    if (waiting.mayRetry && !waiting.answered && !this.#closed) {
      waiting.mayRetry = false
      this.#write(waiting.bytes)
      return
    }
    this.#waiting = undefined
    waiting.reject(error)
  }
}
