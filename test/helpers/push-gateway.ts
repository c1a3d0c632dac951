import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonObject } from '../../src/matrix/event.ts'
import { isObject } from './contract-refs.ts'

export interface PushedDevice {
  app_id: string
  pushkey: string
  pushkey_ts?: number
  data?: JsonObject
  tweaks?: JsonObject
}

/** The `notification` of a request. */
export interface Pushed {
  event_id?: string
  room_id?: string
  type?: string
  sender?: string
  content?: JsonObject
  prio?: string
  counts?: { unread?: number }
  devices: PushedDevice[]
  [key: string]: unknown
}

/** How the gateway answers. `hold`: not before `release`. `reset`: the connection breaks off. */
export type Behaviour =
  | { readonly reject: readonly string[] }
  | { readonly status: number; readonly body?: string; readonly headers?: Record<string, string> }
  | 'ok'
  | 'hold'
  | 'reset'
  | 'huge'

export interface PushGateway extends AsyncDisposable {
  /** What pushers take as `data.url`. */
  readonly url: string
  /** All requests in the order of their arrival, refused ones too. */
  readonly pushed: readonly Pushed[]
  /** Requests under way, and the most that ever were at once. */
  readonly open: { now: number; most: number }
  /** Behaves like this from now on. */
  behave(behaviour: Behaviour | ((notification: Pushed) => Behaviour)): void
  /** Answers what is held. */
  release(): void
  /** Resolves when that many requests have arrived. */
  arrived(count: number): Promise<void>
  /** Forgets what has arrived, and returns it. */
  take(): Pushed[]
  close(): Promise<void>
}

/** A push gateway on a port of the loopback interface. */
export async function startPushGateway(): Promise<PushGateway> {
  const pushed: Pushed[] = []
  const held: (() => void)[] = []
  const open = { now: 0, most: 0 }
  let waiting: { count: number; resolve: () => void }[] = []
  let behaviour: (notification: Pushed) => Behaviour = () => 'ok'

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    open.now += 1
    open.most = Math.max(open.most, open.now)
    response.once('close', () => {
      open.now -= 1
    })
    const notification = await readNotification(request)
    pushed.push(notification)
    const answered = behaviour(notification)
    if (answered === 'hold') held.push(() => answer(response, 'ok'))
    else answer(response, answered)
    const met = waiting.filter(({ count }) => pushed.length >= count)
    waiting = waiting.filter(({ count }) => pushed.length < count)
    for (const { resolve } of met) resolve()
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return {
    url: `http://127.0.0.1:${port}/_matrix/push/v1/notify`,
    pushed,
    open,
    behave: (next) => {
      behaviour = typeof next === 'function' ? next : () => next
    },
    release: () => {
      for (const go of held.splice(0)) go()
    },
    arrived: (count) =>
      pushed.length >= count ? Promise.resolve() : new Promise((resolve) => void waiting.push({ count, resolve })),
    take: () => pushed.splice(0),
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function readNotification(request: IncomingMessage): Promise<Pushed> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  const isRight = request.method === 'POST' && request.url === '/_matrix/push/v1/notify'
  if (!isRight || !isObject(body) || !isObject(body.notification)) throw new Error('not a notification')
  return body.notification as unknown as Pushed
}

function answer(response: ServerResponse, behaviour: Behaviour): void {
  if (behaviour === 'reset') response.destroy()
  else if (behaviour === 'huge') {
    response.writeHead(200, { 'content-type': 'application/json' })
    // More than anybody should read, as fast as it is read.
    const more = () => {
      while (!response.destroyed && response.write(' '.repeat(65_536)));
    }
    response.on('drain', more)
    more()
  } else if (typeof behaviour === 'object' && 'status' in behaviour) {
    response.writeHead(behaviour.status, behaviour.headers).end(behaviour.body ?? '')
  } else {
    const rejected = typeof behaviour === 'object' ? behaviour.reject : []
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ rejected }))
  }
}
