import { Agent, request } from 'node:http'
import type { Address } from './connection.ts'

/** A file that came. */
export interface Received {
  bytes: number
  /** From the request to the first byte of the body, in ms. */
  firstByteMs: number
}

/** Sends and receives files. Bodies are made and thrown away piece by piece, so that they cost the generator little. */
export interface Transfer {
  /** Uploads `bytes` bytes that nobody has uploaded before; resolves with `origin/id`. */
  upload(token: string, bytes: number): Promise<string>
  /** Uploads what it is given; resolves with `origin/id`. */
  uploadBytes(token: string, bytes: Buffer, contentType: string): Promise<string>
  /** Downloads a file to its last byte. */
  download(token: string, place: string): Promise<Received>
  /** Gets what is no JSON from any path. */
  get(token: string, path: string): Promise<Received>
  close(): void
}

const piece = Buffer.alloc(64 * 1024)
for (let i = 0; i < piece.length; i++) piece[i] = (i * 2654435761) >>> 24

export function createTransfer({ host, port }: Address): Transfer {
  const agent = new Agent({ keepAlive: true, maxSockets: 1000 })
  const run = process.pid * 1_000_000 + Math.floor(performance.now())
  let count = 0

  function send(options: {
    method: string
    path: string
    token: string
    size?: number
    bytes?: Buffer
    contentType?: string
  }): Promise<Buffer | Received> {
    const { method, path, token, bytes, contentType = 'application/octet-stream' } = options
    const size = bytes?.length ?? options.size
    const start = performance.now()
    const length = size === undefined ? {} : { 'Content-Length': size }
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': contentType, ...length }
    return new Promise((resolve, reject) => {
      const outgoing = request({ host, port, method, path, agent, headers }, (answer) => {
        const isText = answer.headers['content-type'] === 'application/json'
        const chunks: Buffer[] = []
        let received = 0
        let firstByteMs = Number.NaN
        answer.on('data', (chunk: Buffer) => {
          if (received === 0) firstByteMs = performance.now() - start
          received += chunk.length
          if (isText) chunks.push(chunk)
        })
        answer.on('error', reject)
        answer.on('end', () => {
          if (answer.statusCode !== 200) reject(new Error(`${method} ${path.slice(0, 60)} -> ${answer.statusCode}`))
          else resolve(isText ? Buffer.concat(chunks) : { bytes: received, firstByteMs })
        })
      })
      outgoing.on('error', reject)
      if (bytes !== undefined || size === undefined) outgoing.end(bytes)
      else writeBody(outgoing, size, `${run} ${count++} `)
    })
  }

  async function get(token: string, path: string): Promise<Received> {
    const received = await send({ method: 'GET', path, token })
    if (Buffer.isBuffer(received)) throw new Error(`${path.slice(0, 60)} is no file`)
    return received
  }

  return {
    upload: async (token, size) => placeIn(await send({ ...uploading, token, size })),
    uploadBytes: async (token, bytes, contentType) => placeIn(await send({ ...uploading, token, bytes, contentType })),
    download: (token, place) => get(token, `/_matrix/client/v1/media/download/${place}`),
    get,
    close: () => agent.destroy(),
  }
}

const uploading = { method: 'POST', path: '/_matrix/media/v3/upload' }

function placeIn(answer: Buffer | Received): string {
  const [, place] = /"mxc:\/\/([^"]+)"/.exec(String(answer)) ?? []
  if (place === undefined) throw new Error('the upload was answered without an address')
  return place
}

/** The first bytes differ from those of every other upload: equal files would be stored once. */
function writeBody(outgoing: ReturnType<typeof request>, size: number, stamp: string): void {
  const head = Buffer.from(stamp).subarray(0, size)
  let left = size - head.length
  outgoing.write(head)
  const more = () => {
    while (left > 0) {
      const part = piece.subarray(0, Math.min(left, piece.length))
      left -= part.length
      if (!outgoing.write(part) && left > 0) return void outgoing.once('drain', more)
    }
    outgoing.end()
  }
  more()
}
