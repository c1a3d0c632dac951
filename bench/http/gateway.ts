import { createServer } from 'node:http'

/** A push gateway that takes everything at once and counts it. */
export interface Gateway {
  /** What pushers take as their URL. */
  url: string
  /** The times (of `performance.now()`) at which `count` requests with this text in them have arrived, once all have. */
  arrivals(text: string, count: number): Promise<number[]>
  close(): Promise<void>
}

interface Waiting {
  text: string
  count: number
  times: number[]
  resolve: (times: number[]) => void
}

/** Starts one on a free port of the loopback interface. */
export async function startGateway(): Promise<Gateway> {
  const waiting = new Set<Waiting>()
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const body = Buffer.concat(parts).toString()
      for (const one of waiting) if (body.includes(one.text)) note(one)
      response.setHeader('content-type', 'application/json')
      response.end('{"rejected":[]}')
    })
  })
  const note = (one: Waiting) => {
    one.times.push(performance.now())
    if (one.times.length < one.count) return
    waiting.delete(one)
    one.resolve(one.times)
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the gateway has no port')
  return {
    url: `http://127.0.0.1:${address.port}/_matrix/push/v1/notify`,
    arrivals: (text, count) => new Promise((resolve) => waiting.add({ text, count, times: [], resolve })),
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
