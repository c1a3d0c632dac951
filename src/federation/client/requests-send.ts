import { z } from 'zod'
import type { JsonObject } from '../../matrix/event.ts'
import type { ServerName } from '../../matrix/ids.ts'
import type { FederationTransport } from './ports.ts'

/** Servers may check what they get before they answer. */
const timeoutMs = 60_000
const maxBytes = 1024 * 1024

/** What became of each event, by event id: nothing else in the answer matters, and some servers leave it out. */
const answer = z.object({
  pdus: z.record(z.string(), z.object({ error: z.string().optional().catch(undefined) }).catch({})).catch({}),
})

export interface OutgoingTransaction {
  readonly destination: ServerName
  /** The same for every attempt. */
  readonly id: string
  readonly body: JsonObject
}

/**
 * Sends a transaction, whatever failed before. Answers why events were refused, by event id.
 * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1sendtxnid
 */
export async function sendTransaction(
  transport: FederationTransport,
  { destination, id, body }: OutgoingTransaction,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const path = `/_matrix/federation/v1/send/${encodeURIComponent(id)}`
  const request = { destination, method: 'PUT', path, body, timeoutMs, maxBytes, signal, ignoreBackOff: true } as const
  const { pdus } = await transport.request({ ...request, answer })
  return new Map(
    Object.entries(pdus).flatMap(([eventId, { error }]) => (error === undefined ? [] : [[eventId, error]])),
  )
}
