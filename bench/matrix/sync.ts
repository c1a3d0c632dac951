import type { Requester } from '../http/connection.ts'

/** Leaves out what no scenario needs (state, presence), so that members of a big room do not each get all the others. */
export const LEAN_FILTER = JSON.stringify({
  presence: { types: [] },
  account_data: { types: [] },
  room: { state: { types: [], lazy_load_members: true }, account_data: { types: [] }, timeline: { limit: 200 } },
})

/** The path of a `/sync`; `timeoutMs` 0 answers at once. */
export function syncPath(since: string | undefined, timeoutMs: number, filter?: string): string {
  const query = new URLSearchParams({ timeout: String(timeoutMs), set_presence: 'offline' })
  if (since !== undefined) query.set('since', since)
  if (filter !== undefined) query.set('filter', filter)
  return `/_matrix/client/v3/sync?${query.toString()}`
}

/** The `next_batch` of a raw sync answer, found without parsing what may be megabytes. */
export function nextBatchOf(answer: { status: number; body: Buffer }): string {
  const text = answer.status === 200 ? answer.body.toString('latin1') : ''
  const token = /"next_batch": ?"([^"]+)"/.exec(text)?.[1]
  if (token === undefined)
    throw new Error(`a sync was answered ${answer.status}: ${answer.body.toString('utf8', 0, 300)}`)
  return token
}

/** Syncs without waiting and returns the new position. */
export async function syncNow(
  requester: Requester,
  token: string,
  since: string | undefined,
  filter?: string,
): Promise<string> {
  return nextBatchOf(await requester.request('GET', syncPath(since, 0, filter), token))
}
