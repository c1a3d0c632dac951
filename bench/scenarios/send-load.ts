import { Connection, type Requester } from '../http/connection.ts'
import type { Account } from '../matrix/accounts.ts'
import { eventIdOf, messageBody, sendPath } from '../matrix/rooms.ts'
import { cpuMs, writtenBytes } from '../measure/process.ts'
import type { Server } from '../servers/server.ts'

/** One sender and the room it writes to. */
export interface Sender {
  account: Account
  roomId: string
}

/** What a phase of sending came to. */
export interface SendLoad {
  /** Every event id that the server acknowledged, by room, also those of the warm-up. */
  acknowledged: Map<string, string[]>
  /** Messages and seconds of the measured part. */
  messages: number
  seconds: number
  latencies: number[]
  cpuMsPerMessage: number
  generatorCpuMsPerMessage: number
  writtenPerMessage: number
}

let transactions = 0

/**
 * Lets every sender send one message after the other, each waiting for its answer, for a warm-up and then a measured
 * time (both in s) or until `maxMessages` are sent. The first failure of a request ends it.
 */
export async function runSendLoad(
  server: Server,
  senders: readonly Sender[],
  limits: { warmup: number; seconds: number; maxMessages: number },
): Promise<SendLoad> {
  const acknowledged = new Map<string, string[]>()
  const latencies: number[] = []
  let measuring = false
  let stopped = false
  const sendUntilStopped = async ({ account, roomId }: Sender, requester: Requester) => {
    const ids = acknowledged.get(roomId) ?? []
    acknowledged.set(roomId, ids)
    while (!stopped) {
      const txnId = `send-${transactions++}`
      const start = performance.now()
      const answer = await requester.request('PUT', sendPath(roomId, txnId), account.token, messageBody(txnId))
      if (measuring) {
        latencies.push(performance.now() - start)
        stopped ||= latencies.length >= limits.maxMessages
      }
      ids.push(eventIdOf(answer))
    }
  }
  const connections = senders.map(() => new Connection(server.address))
  const work = Promise.all(
    connections.map((connection, index) => {
      const sender = senders[index]
      return sender ? sendUntilStopped(sender, connection) : Promise.resolve()
    }),
  )
  try {
    await Promise.race([work, pause(limits.warmup)])
    const before = usage(server)
    const start = performance.now()
    measuring = true
    await Promise.race([work, pause(limits.seconds)])
    const seconds = (performance.now() - start) / 1000
    const messages = latencies.length
    const after = usage(server)
    stopped = true
    await work
    return {
      acknowledged,
      messages,
      seconds,
      latencies: latencies.slice(0, messages),
      cpuMsPerMessage: (after.cpu - before.cpu) / messages,
      generatorCpuMsPerMessage: (after.own - before.own) / messages,
      writtenPerMessage: (after.written - before.written) / messages,
    }
  } finally {
    stopped = true
    for (const connection of connections) connection.close()
  }
}

function usage(server: Server) {
  const { user, system } = process.cpuUsage()
  return { cpu: cpuMs(server.pids), own: (user + system) / 1000, written: writtenBytes(server.pids) }
}

/** Does not keep the program from ending when the sending is over earlier. */
function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, seconds * 1000).unref()
  })
}
