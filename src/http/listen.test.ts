import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { Agent, get, request as httpRequest } from 'node:http'
import { connect, Socket } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import * as z from 'zod'
import { errors } from '../matrix/errors.ts'
import { systemClock } from '../util/clock.ts'
import { silentLog } from '../util/log.ts'
import { type App, createApp } from './app.ts'
import { ClientGoneError } from './client-gone.ts'
import { type Endpoint, endpoint } from './endpoint.ts'
import { type Listener, listen } from './listen.ts'
import { createRateLimiter } from './rate-limit.ts'
import { reply } from './reply.ts'

function appOf(endpoints: Endpoint[]): App {
  const authenticate = () => {
    throw errors.unknownToken()
  }
  return createApp({ endpoints, authenticate, limiter: createRateLimiter(systemClock), log: silentLog })
}

function serve(endpoints: Endpoint[]): Promise<Listener> {
  return listen({ host: '127.0.0.1', port: 0, app: appOf(endpoints) })
}

const isRequest = (message: unknown): message is { socket: Socket } =>
  typeof message === 'object' && message !== null && 'socket' in message && message.socket instanceof Socket

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))

const echo = endpoint(
  { method: 'POST', path: '/echo/{id}', auth: 'none', body: z.looseObject({}), maxBody: 1000 },
  ({ params, body, ip }) => ({ params, body, ip }),
)

/** Sends raw bytes and returns all that comes back until the connection ends. */
async function raw(listener: Listener, ...parts: string[]): Promise<string> {
  const socket = connect(listener.port, listener.host)
  for (const part of parts) socket.write(part)
  return text(socket)
}

test('a request through a socket, its body in pieces, its path raw', async (t) => {
  const listener = await serve([echo])
  t.after(() => listener.stop())
  const client = httpRequest(`${listener.url}/echo/..%2F%C3%A4`, { method: 'POST' })
  client.write('{"a":')
  client.end('1}')
  const [response] = await once(client, 'response')
  assert.deepEqual(JSON.parse(await text(response)), { params: { id: '../ä' }, body: { a: 1 }, ip: '127.0.0.1' })
})

test('a body beyond the limit is refused before it has arrived', async (t) => {
  const listener = await serve([echo])
  t.after(() => listener.stop())
  const announced = await raw(listener, 'POST /echo/a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n{')
  assert.match(announced, /^HTTP\/1.1 413 [\s\S]*M_TOO_LARGE/)
  const chunk = `400\r\n${'x'.repeat(1024)}\r\n`
  const unannounced = await raw(
    listener,
    'POST /echo/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
    chunk,
  )
  assert.match(unannounced, /^HTTP\/1.1 413 [\s\S]*M_TOO_LARGE/)
})

test('whoever promises more than comes is cut off in the end, and nothing of it is taken for whole', async (t) => {
  const failed = Promise.withResolvers<unknown>()
  const first = Promise.withResolvers<string>()
  const take = endpoint({ method: 'POST', path: '/take', auth: 'none' }, async (request) => {
    try {
      for await (const piece of request.pieces()) first.resolve(Buffer.from(piece).toString())
    } catch (error) {
      failed.resolve(error)
      throw error
    }
    failed.resolve('it ended')
    return {}
  })
  const listener = await serve([take])
  t.after(() => listener.stop())
  const sockets: Socket[] = []
  const started = (message: unknown) => {
    if (isRequest(message)) sockets.push(message.socket)
  }
  subscribe('http.server.request.start', started)
  t.after(() => unsubscribe('http.server.request.start', started))
  const client = connect(listener.port, listener.host)
  client.on('error', () => undefined)
  client.write('POST /take HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc')
  assert.equal(await first.promise, 'abc')
  const [served] = sockets
  assert.equal(served?.timeout, 60_000)
  const closed = once(client, 'close')
  served?.emit('timeout')
  assert.ok((await failed.promise) instanceof ClientGoneError)
  await closed
})

test('streams go out whole, and one that fails cuts the connection', async (t) => {
  const stream = (path: string, source: () => Readable) =>
    endpoint({ method: 'GET', path, auth: 'none' }, () => reply(200, source(), { 'Content-Type': 'text/plain' }))
  const big = 'x'.repeat(100_000)
  async function* failing() {
    yield 'start'
    throw new Error('disk fault')
  }
  const listener = await serve([
    stream('/big', () => Readable.from([big, big])),
    stream('/failing', () => Readable.from(failing())),
  ])
  t.after(() => listener.stop())
  assert.equal((await (await fetch(`${listener.url}/big`)).text()).length, 200_000)
  const head = await fetch(`${listener.url}/big`, { method: 'HEAD' })
  assert.deepEqual([head.status, head.headers.get('access-control-allow-origin')], [200, '*'])
  await assert.rejects(fetch(`${listener.url}/failing`).then((response) => response.text()))
  assert.equal((await fetch(`${listener.url}/unknown`)).status, 404)
})

test('the signal aborts when the client goes away', async (t) => {
  const gone = Promise.withResolvers<void>()
  const entered = Promise.withResolvers<void>()
  const poll = endpoint({ method: 'GET', path: '/poll', auth: 'none' }, async ({ signal }) => {
    entered.resolve()
    await aborted(signal)
    gone.resolve()
    return {}
  })
  const listener = await serve([poll])
  t.after(() => listener.stop())
  const client = get(`${listener.url}/poll`)
  client.on('error', () => undefined)
  await entered.promise
  client.destroy()
  await gone.promise
})

test('a stop lets long polls answer at once, finishes requests and closes idle connections', async () => {
  const entered = Promise.withResolvers<void>()
  const poll = endpoint({ method: 'GET', path: '/poll', auth: 'none' }, async ({ signal }) => {
    entered.resolve()
    await aborted(signal)
    return { next_batch: 's1' }
  })
  const listener = await serve([poll, echo])
  const agent = new Agent({ keepAlive: true })
  const [idle] = await once(get(`${listener.url}/unknown`, { agent }), 'response')
  await text(idle)
  const client = get(`${listener.url}/poll`, { agent })
  await entered.promise
  const answered = once(client, 'response')
  await Promise.all([
    listener.stop(),
    answered.then(async ([response]) => assert.equal(await text(response), '{"next_batch":"s1"}')),
  ])
  await assert.rejects(fetch(`${listener.url}/echo`))
  agent.destroy()
})

test('an impossible Host header is answered in the Matrix form', async (t) => {
  const listener = await serve([echo])
  t.after(() => listener.stop())
  const answer = await raw(listener, 'GET /echo HTTP/1.1\r\nHost: a b^c\r\nConnection: close\r\n\r\n')
  assert.match(answer, /^HTTP\/1.1 400 [\s\S]*M_UNKNOWN/)
})

test('an address that cannot be had is an error', async (t) => {
  const listener = await serve([echo])
  t.after(() => listener.stop())
  const { port } = listener
  await assert.rejects(listen({ host: '127.0.0.1', port, app: appOf([]) }), { code: 'EADDRINUSE' })
})
