import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, isIPv6, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { decodeAnswer, messageLength, type StunAnswer } from './stun-message.ts'
import type { TurnUri } from './turn-uri.ts'

/** A way to a STUN or TURN server. */
export interface StunTransport {
  /** Sends a request and waits for its answer. Rejects where none comes before the signal aborts. */
  ask(request: Buffer): Promise<StunAnswer>
  close(): void
}

const firstRetryMs = 500
const maxAnswer = 64 * 1024

export async function openStunTransport(uri: TurnUri, signal: AbortSignal): Promise<StunTransport> {
  return uri.transport === 'udp' ? openUdp(uri, signal) : openStream(uri, signal)
}

/** Answers by the transaction that they belong to. */
function createInbox(signal: AbortSignal) {
  const waiting = new Map<string, (answer: StunAnswer) => void>()
  let fail: (error: Error) => void = () => undefined
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  // It is looked at only where somebody waits.
  failed.catch(() => undefined)
  signal.addEventListener('abort', () => fail(new Error('it does not answer')), { once: true })
  return {
    fail,
    take: (bytes: Buffer) => {
      const answer = decodeAnswer(bytes)
      if (answer) waiting.get(answer.transaction.toString('hex'))?.(answer)
    },
    wait: (request: Buffer): Promise<StunAnswer> => {
      const id = request.subarray(8, 20).toString('hex')
      const answered = new Promise<StunAnswer>((resolve) => waiting.set(id, resolve))
      return Promise.race([answered, failed]).finally(() => waiting.delete(id))
    },
  }
}

async function openUdp({ host, port }: TurnUri, signal: AbortSignal): Promise<StunTransport> {
  const inbox = createInbox(signal)
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  socket.on('error', inbox.fail)
  socket.on('message', inbox.take)
  socket.connect(port, host)
  try {
    await once(socket, 'connect', { signal })
  } catch (error) {
    socket.close()
    throw error
  }
  return {
    ask: async (request) => {
      let delay = firstRetryMs
      let timer: NodeJS.Timeout | undefined
      const send = () => {
        socket.send(request)
        timer = setTimeout(send, delay)
        delay *= 2
      }
      send()
      try {
        return await inbox.wait(request)
      } finally {
        clearTimeout(timer)
      }
    },
    close: () => socket.close(),
  }
}

async function openStream({ host, port, transport }: TurnUri, signal: AbortSignal): Promise<StunTransport> {
  const inbox = createInbox(signal)
  const isTls = transport === 'tls'
  const socket: Socket = isTls ? connectTls({ host, port, servername: host }) : connect({ host, port })
  socket.on('error', inbox.fail)
  socket.on('close', () => inbox.fail(new Error('it closed the connection')))
  try {
    await once(socket, isTls ? 'secureConnect' : 'connect', { signal })
  } catch (error) {
    socket.destroy()
    throw error
  }
  let received = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    for (let length = messageLength(received); length !== undefined; length = messageLength(received)) {
      inbox.take(received.subarray(0, length))
      received = received.subarray(length)
    }
    if (received.length > maxAnswer) socket.destroy()
  })
  return {
    ask: (request) => {
      socket.write(request)
      return inbox.wait(request)
    },
    close: () => socket.destroy(),
  }
}
