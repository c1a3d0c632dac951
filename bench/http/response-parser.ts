/** What a server answered: the status and the undecoded body. */
export interface Answer {
  status: number
  body: Buffer
}

const EMPTY: Buffer = Buffer.alloc(0)

/**
 * Reads one HTTP/1.1 response after another from the pieces that a socket delivers. It knows just what the
 * load generator needs, because Node's own client costs more CPU a request than the servers under test.
 */
export class ResponseParser {
  /** True once a response said `Connection: close`. */
  closing = false
  #pending = EMPTY
  #status = 0
  #inBody = false
  #chunked = false
  #lastChunk = false
  #untilClose = false
  #remaining = 0
  #parts: Buffer[] = []

  /** Takes the next piece and returns the answer when it is complete. */
  push(piece: Buffer): Answer | undefined {
    if (this.#inBody) return this.#body(piece)
    const data = this.#pending.length > 0 ? Buffer.concat([this.#pending, piece]) : piece
    this.#pending = EMPTY
    const end = data.indexOf('\r\n\r\n')
    if (end < 0) {
      this.#pending = data
      return undefined
    }
    const rest = data.subarray(end + 4)
    this.#head(data.toString('latin1', 0, end))
    if (this.#status < 200) return rest.length > 0 ? this.push(rest) : undefined
    this.#inBody = true
    return this.#body(rest)
  }

  /** Says that the socket has ended: completes a body that only the end delimits. */
  end(): Answer | undefined {
    return this.#inBody && this.#untilClose ? this.#finish() : undefined
  }

  #head(head: string): void {
    this.#status = Number(head.slice(9, 12))
    this.#chunked = /\r\ntransfer-encoding:[^\r]*chunked/i.test(head)
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    if (/\r\nconnection: *close/i.test(head)) this.closing = true
    const empty = this.#status === 204 || this.#status === 304
    this.#remaining = empty || this.#chunked || length === undefined ? 0 : Number(length)
    this.#untilClose = !empty && !this.#chunked && length === undefined
  }

  #body(data: Buffer): Answer | undefined {
    if (this.#chunked) return this.#chunks(data) ? this.#finish() : undefined
    if (data.length > 0) this.#parts.push(data)
    if (this.#untilClose) return undefined
    this.#remaining -= data.length
    return this.#remaining <= 0 ? this.#finish() : undefined
  }

  #chunks(data: Buffer): boolean {
    let rest = this.#pending.length > 0 ? Buffer.concat([this.#pending, data]) : data
    this.#pending = EMPTY
    for (;;) {
      if (this.#remaining > 0) {
        const part = rest.subarray(0, this.#remaining)
        this.#parts.push(part)
        this.#remaining -= part.length
        rest = rest.subarray(part.length)
        if (this.#remaining > 0) return false
      }
      const end = rest.indexOf('\r\n')
      if (end < 0) {
        this.#pending = rest
        return false
      }
      const line = rest.toString('latin1', 0, end)
      rest = rest.subarray(end + 2)
      if (line === '') {
        // An empty line ends either the data of a chunk or, after the last one, the response.
        if (this.#lastChunk) return true
      } else if (!this.#lastChunk) {
        this.#remaining = Number.parseInt(line, 16)
        this.#lastChunk = this.#remaining === 0
      }
    }
  }

  #finish(): Answer {
    const [only] = this.#parts
    const body = only !== undefined && this.#parts.length === 1 ? only : Buffer.concat(this.#parts)
    const answer = { status: this.#status, body }
    this.#parts = []
    this.#inBody = false
    this.#lastChunk = false
    this.#remaining = 0
    return answer
  }
}
