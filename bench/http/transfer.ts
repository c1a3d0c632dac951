import { Agent, request } from 'node:http'
import type { Address } from './connection.ts'

/** Sends and receives files. Bodies are made and thrown away piece by piece, so that they cost the generator little. */
export interface Transfer {
  /** Uploads `bytes` bytes that nobody has uploaded before; resolves with `origin/id`. */
  upload(token: string, bytes: number): Promise<string>
  /** Downloads a file to its last byte; resolves with its size. */
  download(token: string, place: string): Promise<number>
  close(): void
}

const piece = Buffer.alloc(64 * 1024)
for (let i = 0; i < piece.length; i++) piece[i] = (i * 2654435761) >>> 24

export function createTransfer({ host, port }: Address): Transfer {
  const agent = new Agent({ keepAlive: true, maxSockets: 1000 })
  const run = process.pid * 1_000_000 + Math.floor(performance.now())
  let count = 0

  function send(options: { method: string; path: string; token: string; size?: number }): Promise<Buffer | number> {
    const { method, path, token, size } = options
    const length = size === undefined ? {} : { 'Content-Length': size }
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/octet-stream', ...length }
    return new Promise((resolve, reject) => {
      const outgoing = request({ host, port, method, path, agent, headers }, (answer) => {
        const isText = answer.headers['content-type'] === 'application/json'
        const chunks: Buffer[] = []
        let received = 0
        answer.on('data', (chunk: Buffer) => {
          received += chunk.length
          if (isText) chunks.push(chunk)
        })
        answer.on('error', reject)
        answer.on('end', () => {
          if (answer.statusCode !== 200) reject(new Error(`${method} ${path.slice(0, 60)} -> ${answer.statusCode}`))
          else resolve(isText ? Buffer.concat(chunks) : received)
        })
      })
      outgoing.on('error', reject)
      if (size === undefined) outgoing.end()
      else writeBody(outgoing, size, `${run} ${count++} `)
    })
  }

  return {
    upload: async (token, bytes) => {
      const answer = await send({ method: 'POST', path: '/_matrix/media/v3/upload', token, size: bytes })
      const [, place] = /"mxc:\/\/([^"]+)"/.exec(String(answer)) ?? []
      if (place === undefined) throw new Error('the upload was answered without an address')
      return place
    },
    download: async (token, place) => {
      const size = await send({ method: 'GET', path: `/_matrix/client/v1/media/download/${place}`, token })
      return typeof size === 'number' ? size : size.length
    },
    close: () => agent.destroy(),
  }
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
