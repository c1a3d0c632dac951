import { at } from './client.ts'
import type { TestUser } from './server.ts'

export interface SeenEvent {
  readonly type: string
  readonly event_id: string
  readonly sender: string
  readonly content: Readonly<Record<string, unknown>>
}

interface Ephemeral {
  readonly type: string
  readonly content: Readonly<Record<string, unknown>>
}

interface JoinedRoom {
  readonly timeline?: { readonly events: SeenEvent[]; readonly limited?: boolean; readonly prev_batch?: string }
  readonly ephemeral?: { readonly events: Ephemeral[] }
}

export interface SyncAnswer {
  readonly next_batch: string
  readonly rooms?: { readonly join?: Record<string, JoinedRoom> }
  readonly to_device?: { readonly events: readonly { readonly type: string; readonly content: { mark?: unknown } }[] }
}

/** One `/sync` that does not wait. */
export function syncOnce(user: TestUser, since?: string, timeout = 0): Promise<SyncAnswer> {
  return user.get<SyncAnswer>('/_matrix/client/v3/sync', { since, timeout })
}

/** All events of a room that a user may see, from the newest to the oldest, page by page. */
export async function pageBack(user: TestUser, roomId: string, from?: string, to?: string): Promise<SeenEvent[]> {
  const seen: SeenEvent[] = []
  let token = from
  do {
    const page = await user.get<{ chunk: SeenEvent[]; end?: string }>(at`/_matrix/client/v3/rooms/${roomId}/messages`, {
      dir: 'b',
      limit: 100,
      from: token,
      to,
    })
    seen.push(...page.chunk)
    token = page.end
  } while (token !== undefined)
  return seen
}

/** A client that reads on from its last token and fills the gaps, as chat programs do. */
export interface Follower {
  readonly user: TestUser
  /** Every event by room, gaps included. */
  readonly timelines: ReadonlyMap<string, readonly SeenEvent[]>
  readonly ephemeral: readonly (Ephemeral & { readonly roomId: string })[]
  /** The `mark` of each to-device message. */
  readonly marks: readonly unknown[]
  /** One sync, waiting up to `timeout` ms; resolves with false when it brought nothing. */
  poll(timeout?: number): Promise<boolean>
  /** Polls until nothing is left. */
  catchUp(): Promise<void>
}

export async function createFollower(user: TestUser): Promise<Follower> {
  let since = (await syncOnce(user)).next_batch
  const timelines = new Map<string, SeenEvent[]>()
  const ephemeral: (Ephemeral & { roomId: string })[] = []
  const marks: unknown[] = []

  async function complete(roomId: string, { timeline }: JoinedRoom): Promise<SeenEvent[]> {
    const missed = timeline?.limited ? await pageBack(user, roomId, timeline.prev_batch, since) : []
    return [...missed.reverse(), ...(timeline?.events ?? [])]
  }

  async function poll(timeout = 0): Promise<boolean> {
    const answer = await syncOnce(user, since, timeout)
    const rooms = Object.entries(answer.rooms?.join ?? {})
    const news = new Map<string, SeenEvent[]>()
    for (const [roomId, room] of rooms) news.set(roomId, await complete(roomId, room))
    // Nothing below waits, so that a lost connection leaves all of this poll undone or none of it.
    for (const [roomId, events] of news) timelines.set(roomId, [...(timelines.get(roomId) ?? []), ...events])
    for (const [roomId, room] of rooms)
      ephemeral.push(...(room.ephemeral?.events ?? []).map((event) => ({ ...event, roomId })))
    const messages = answer.to_device?.events ?? []
    marks.push(...messages.map(({ content }) => content.mark))
    const moved = answer.next_batch !== since && (rooms.length > 0 || messages.length > 0)
    since = answer.next_batch
    return moved
  }

  async function catchUp(): Promise<void> {
    while (await poll());
  }

  return { user, timelines, ephemeral, marks, poll, catchUp }
}
