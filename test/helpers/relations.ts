/** What tests do with events that relate to others. */
import type { JsonObject } from '../../src/matrix/event.ts'
import { at } from './client.ts'
import { send } from './rooms.ts'
import type { TestUser } from './server.ts'
import type { SyncEvent } from './sync.ts'

export interface Bundled {
  'm.replace'?: SyncEvent
  'm.reference'?: { chunk: { event_id: string }[] }
  'm.thread'?: { latest_event: SyncEvent; count: number; current_user_participated: boolean }
}

export interface RelationsPage {
  chunk: SyncEvent[]
  next_batch?: string
  prev_batch?: string
  recursion_depth?: number
}

export const bundleOf = (event: { unsigned?: JsonObject } | undefined): Bundled =>
  (event?.unsigned?.['m.relations'] ?? {}) as Bundled

/** Sends an event that relates to another one. */
export function relate(
  user: TestUser,
  roomId: string,
  relType: string,
  parent: string,
  { type = 'org.example.child', ...content }: JsonObject & { type?: string } = {},
): Promise<string> {
  return send(user, roomId, { ...content, 'm.relates_to': { rel_type: relType, event_id: parent } }, type)
}

export const reply = (user: TestUser, roomId: string, root: string, body = 'reply') =>
  relate(user, roomId, 'm.thread', root, { type: 'm.room.message', msgtype: 'm.text', body })

export const react = (user: TestUser, roomId: string, parent: string, key = '👍') =>
  send(user, roomId, { 'm.relates_to': { rel_type: 'm.annotation', event_id: parent, key } }, 'm.reaction')

export const edit = (user: TestUser, roomId: string, parent: string, body = 'edited') =>
  relate(user, roomId, 'm.replace', parent, {
    type: 'm.room.message',
    msgtype: 'm.text',
    body: `* ${body}`,
    'm.new_content': { msgtype: 'm.text', body },
  })

let redactions = 0

export const redact = (user: TestUser, roomId: string, eventId: string) =>
  user.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${eventId}/${`redaction${redactions++}`}`)

export const ignore = (user: TestUser, ignored: readonly TestUser[]) =>
  user.put(at`/_matrix/client/v3/user/${user.userId}/account_data/m.ignored_user_list`, {
    ignored_users: Object.fromEntries(ignored.map(({ userId }) => [userId, {}])),
  })

export const relationsPath = (roomId: string, eventId: string, relType?: string, eventType?: string) =>
  at`/_matrix/client/v1/rooms/${roomId}/relations/${eventId}` +
  [relType, eventType].map((part) => (part === undefined ? '' : `/${encodeURIComponent(part)}`)).join('')

export const threadsPath = (roomId: string) => at`/_matrix/client/v1/rooms/${roomId}/threads`

/** The ids of all pages of `/relations` or `/threads`, in their order. `between` runs after each page. */
export async function listIds(
  user: TestUser,
  path: string,
  query: Record<string, string | number | boolean> = {},
  between: () => Promise<unknown> = async () => {},
): Promise<string[]> {
  const found: string[] = []
  for (let from: string | undefined, first = true; first || from !== undefined; first = false) {
    const page = await user.get<RelationsPage>(path, { ...query, from })
    found.push(...page.chunk.map(({ event_id: id }) => id))
    from = page.next_batch
    await between()
  }
  return found
}
