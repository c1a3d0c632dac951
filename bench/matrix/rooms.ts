import { call } from '../http/call.ts'
import type { Requester } from '../http/connection.ts'
import { listAt, requireString } from '../http/json.ts'
import type { Account } from './accounts.ts'

/** A message of the size that people write: about 100 characters, with `marker` to find it again. */
export function messageBody(marker: string): string {
  return JSON.stringify({
    msgtype: 'm.text',
    body: `${marker} The quick brown fox jumps over the lazy dog, and then takes a nap in the sun.`,
  })
}

/** The path that sends a message; `txnId` must be new for the account. */
export function sendPath(roomId: string, txnId: string): string {
  return `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${txnId}`
}

/** Creates a public, unencrypted room and returns its id; `roomVersion` undefined leaves the version to the server. */
export async function createRoom(requester: Requester, account: Account, roomVersion?: string): Promise<string> {
  const body = { preset: 'public_chat', ...(roomVersion === undefined ? {} : { room_version: roomVersion }) }
  return requireString(await call(requester, 'POST', '/_matrix/client/v3/createRoom', account.token, body), 'room_id')
}

/** Joins a room that is public. */
export async function joinRoom(requester: Requester, account: Account, roomId: string): Promise<void> {
  await call(requester, 'POST', `/_matrix/client/v3/join/${encodeURIComponent(roomId)}`, account.token, {})
}

/** Sends one message and returns its event id. */
export async function sendMessage(
  requester: Requester,
  account: Account,
  roomId: string,
  txnId: string,
): Promise<string> {
  const answer = await requester.request('PUT', sendPath(roomId, txnId), account.token, messageBody(txnId))
  return eventIdOf(answer)
}

/** The event id in the answer to a send; throws when the send failed. */
export function eventIdOf(answer: { status: number; body: Buffer }): string {
  const text = answer.body.toString('latin1')
  const eventId = answer.status === 200 ? /"event_id": ?"([^"]+)"/.exec(text)?.[1] : undefined
  if (eventId === undefined) throw new Error(`a send was answered ${answer.status}: ${text.slice(0, 200)}`)
  return eventId
}

/** Collects the ids of all events of a room by paging `/messages` backwards, at most `maxPages` pages. */
export async function collectEventIds(
  requester: Requester,
  account: Account,
  roomId: string,
  maxPages: number,
): Promise<{ ids: Set<string>; pages: number; duplicates: number }> {
  const ids = new Set<string>()
  let duplicates = 0
  let from = ''
  for (let page = 1; ; page++) {
    const query = `dir=b&limit=1000${from === '' ? '' : `&from=${encodeURIComponent(from)}`}`
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/messages?${query}`
    const answer = await call(requester, 'GET', path, account.token)
    for (const event of listAt(answer, 'chunk')) {
      const eventId = requireString(event, 'event_id')
      if (ids.has(eventId)) duplicates++
      ids.add(eventId)
    }
    const end = answer.end
    if (typeof end !== 'string' || end === from || page >= maxPages) return { ids, pages: page, duplicates }
    from = end
  }
}
