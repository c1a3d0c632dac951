/** An application service for tests: it remembers what it was sent, and answers as the test wants. */
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { Appservice } from '../../src/accounts/appservices/appservice.ts'
import type { JsonObject } from '../../src/matrix/event.ts'
import type { Client } from './client.ts'
import type { TestServer } from './server.ts'

export interface ServiceRequest {
  readonly method: string
  /** Decoded, without the query. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: JsonObject
}

/** What a transaction holds, by its stable and unstable names. */
export interface Transaction extends JsonObject {
  events: JsonObject[]
}

export interface SeenEvent extends JsonObject {
  type: string
  sender: string
  room_id: string
  event_id: string
  content: JsonObject
}

/** Status and body; nothing stands for `200 {}`. */
type Reply = { status: number; body?: unknown; headers?: Record<string, string> } | undefined

/** Says how to answer, or does it itself. */
export type Answer = (
  request: ServiceRequest,
  response: ServerResponse,
) => Reply | 'handled' | Promise<Reply | 'handled'>

export interface FakeAppservice extends AsyncDisposable {
  readonly url: string
  readonly asToken: string
  readonly hsToken: string
  /** The registration file. */
  readonly file: string
  readonly requests: readonly ServiceRequest[]
  /** Those that were answered with 200, each id once. */
  readonly transactions: readonly { id: string; body: Transaction }[]
  /** The events of these transactions. */
  readonly events: readonly SeenEvent[]
  answer: Answer
  /** Resolves with the first defined result of `find`, looked for at each answered request. */
  until<T>(find: () => T | undefined | false, what?: string): Promise<T>
  /** Refuses connections until `listen`. */
  kill(): Promise<void>
  listen(): Promise<void>
  /** Writes the registration file anew. */
  register(overrides?: Record<string, unknown>): void
}

export interface AppserviceOptions {
  id?: string
  /** Keys of the registration file that differ. */
  registration?: Record<string, unknown>
}

const transactionPath = /^(?:\/_matrix\/app\/v1)?\/transactions\/([^/]+)$/

export async function startAppservice({
  id = 'irc',
  registration = {},
}: AppserviceOptions = {}): Promise<FakeAppservice> {
  const folder = mkdtempSync(join(tmpdir(), 'ringback-appservice-'))
  const file = join(folder, `${id}.yaml`)
  const asToken = `as_${id}_secret`
  const hsToken = `hs_${id}_secret`
  const requests: ServiceRequest[] = []
  const transactions: { id: string; body: Transaction }[] = []
  const waiting = new Set<() => void>()
  let port = 0
  let server: Server | undefined

  async function respond(request: ServiceRequest, response: ServerResponse): Promise<void> {
    requests.push(request)
    const result = await service.answer(request, response)
    if (result === 'handled') return
    const { status = 200, body = {}, headers = {} } = result ?? {}
    const txn = transactionPath.exec(request.path)?.[1]
    if (txn !== undefined && status === 200 && !transactions.some((seen) => seen.id === txn)) {
      transactions.push({ id: txn, body: request.body as Transaction })
    }
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(body), () => {
      for (const look of [...waiting]) look()
    })
  }

  async function listen(): Promise<void> {
    const next = createServer((incoming, response) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk) => chunks.push(chunk))
      incoming.on('end', () => {
        const target = new URL(incoming.url ?? '/', 'http://service')
        const text = Buffer.concat(chunks).toString('utf8')
        const request = {
          method: incoming.method ?? '',
          path: decodeURIComponent(target.pathname),
          query: target.searchParams,
          headers: incoming.headers,
          body: text === '' ? {} : JSON.parse(text),
        }
        respond(request, response).catch((error) => response.destroy(error))
      })
    })
    server = next.listen(port, '127.0.0.1')
    await once(next, 'listening')
    const address = next.address()
    if (address !== null && typeof address === 'object') port = address.port
  }

  async function kill(): Promise<void> {
    const running = server
    server = undefined
    if (running === undefined) return
    running.close()
    running.closeAllConnections()
    await once(running, 'close')
  }

  function register(overrides: Record<string, unknown> = {}): void {
    const keys = {
      id,
      url: `http://127.0.0.1:${port}`,
      as_token: asToken,
      hs_token: hsToken,
      sender_localpart: `${id}_bot`,
      namespaces: {
        users: [{ exclusive: true, regex: `@_${id}_.*` }],
        aliases: [{ exclusive: true, regex: `#_${id}_.*` }],
        rooms: [],
      },
      rate_limited: false,
      ...registration,
      ...overrides,
    }
    writeFileSync(file, stringify(keys))
  }

  const service: FakeAppservice = {
    get url() {
      return `http://127.0.0.1:${port}`
    },
    asToken,
    hsToken,
    file,
    requests,
    transactions,
    get events() {
      return transactions.flatMap(({ body }) => body.events as SeenEvent[])
    },
    answer: () => undefined,
    until: (find, what = 'what the test waits for') =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(look)
          reject(new Error(`${what} did not come to the application service`))
        }, 20_000)
        const look = () => {
          const found = find()
          if (found === undefined || found === false) return
          waiting.delete(look)
          clearTimeout(timer)
          resolve(found)
        }
        waiting.add(look)
        look()
      }),
    kill,
    listen,
    register,
    [Symbol.asyncDispose]: async () => {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  await listen()
  register()
  return service
}

/** The `appservices` section for these services. */
export function appserviceConfig(...services: readonly FakeAppservice[]) {
  return { appservices: { registration_files: services.map(({ file }) => file) } }
}

export interface Ghost {
  readonly userId: string
  /** A request of the service on behalf of this user. */
  request: Client['request']
}

/** A user of the service, registered by it. */
export async function createGhost(server: TestServer, service: FakeAppservice, username: string): Promise<Ghost> {
  const client = server.client.as(service.asToken)
  const body = { type: 'm.login.application_service', username, inhibit_login: true }
  const { user_id: userId } = await client.post<{ user_id: string }>('/_matrix/client/v3/register', body)
  return {
    userId,
    request: (method, path, options = {}) =>
      client.request(method, path, { expect: 200, ...options, query: { user_id: userId, ...options.query } }),
  }
}

/** The service as the server knows it. */
export function registered(server: TestServer, id = 'irc'): Appservice {
  const found = server.context.accounts.appservices.list().find((one) => one.id === id)
  if (found === undefined) throw new Error(`${id} is not registered`)
  return found
}

/** The bodies of the messages that came, in their order. */
export function bodiesIn(service: FakeAppservice, roomId?: string): unknown[] {
  return service.events
    .filter((event) => event.type === 'm.room.message' && (roomId === undefined || event.room_id === roomId))
    .map((event) => event.content.body)
}
