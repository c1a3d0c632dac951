import { setTimeout as sleep } from 'node:timers/promises'
import { CallError, call } from '../http/call.ts'
import { Connection } from '../http/connection.ts'
import type { Account } from '../matrix/accounts.ts'
import type { Session } from '../matrix/session.ts'

const LOOK_EVERY_MS = 10
const PATIENCE_MS = 300_000

/** Resolves when a member can see the event. */
export async function untilVisible(session: Session, account: Account, roomId: string, eventId: string): Promise<void> {
  const connection = new Connection(session.server.address)
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/event/${encodeURIComponent(eventId)}`
  const deadline = performance.now() + PATIENCE_MS
  try {
    while (performance.now() < deadline) {
      try {
        await call(connection, 'GET', path, account.token)
        return
      } catch (error) {
        if (!(error instanceof CallError) || error.status !== 404) throw error
        await sleep(LOOK_EVERY_MS)
      }
    }
    throw new Error('an event has not arrived in time')
  } finally {
    connection.close()
  }
}
