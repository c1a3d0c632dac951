import { at } from './client.ts'
import type { TestUser } from './server.ts'
import { type SyncBody, type SyncEvent, sync } from './sync.ts'

type Room = NonNullable<NonNullable<SyncBody['rooms']>['join']>[string]
type Ephemeral = NonNullable<Room['ephemeral']>['events'][number]

/** All events of a room that a user may see, from the newest to the oldest, page by page. */
export async function pageBack(user: TestUser, roomId: string, from?: string, to?: string): Promise<SyncEvent[]> {
  const seen: SyncEvent[] = []
  let token = from
  do {
    const page = await user.get<{ chunk: SyncEvent[]; end?: string }>(at`/_matrix/client/v3/rooms/${roomId}/messages`, {
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
  readonly timelines: ReadonlyMap<string, readonly SyncEvent[]>
  readonly ephemeral: readonly (Ephemeral & { readonly roomId: string })[]
  /** The `mark` of each to-device message. */
  readonly marks: readonly unknown[]
  /** One sync, waiting up to `timeout` ms; resolves with false when it brought nothing. */
  poll(timeout?: number): Promise<boolean>
  /** Polls until nothing is left. */
  catchUp(): Promise<void>
}

export async function createFollower(user: TestUser): Promise<Follower> {
  let since = (await sync(user)).next_batch
  const timelines = new Map<string, SyncEvent[]>()
  const ephemeral: (Ephemeral & { roomId: string })[] = []
  const marks: unknown[] = []

  async function complete(roomId: string, { timeline }: Room): Promise<SyncEvent[]> {
    const missed = timeline?.limited ? await pageBack(user, roomId, timeline.prev_batch, since) : []
    return [...missed.reverse(), ...(timeline?.events ?? [])]
  }

  async function poll(timeout = 0): Promise<boolean> {
    const answer = await sync(user, { since, timeout })
    const rooms = Object.entries(answer.rooms?.join ?? {})
    const news = new Map<string, SyncEvent[]>()
    for (const [roomId, room] of rooms) news.set(roomId, await complete(roomId, room))
    // Nothing below waits, so that a lost connection leaves all of this poll undone or none of it.
    for (const [roomId, events] of news) timelines.set(roomId, [...(timelines.get(roomId) ?? []), ...events])
    for (const [roomId, room] of rooms)
      ephemeral.push(...(room.ephemeral?.events ?? []).map((event) => ({ ...event, roomId })))
    const messages = answer.to_device?.events ?? []
    marks.push(...messages.map(({ content }) => Object(content).mark))
    const moved = answer.next_batch !== since && (rooms.length > 0 || messages.length > 0)
    since = answer.next_batch
    return moved
  }

  async function catchUp(): Promise<void> {
    while (await poll());
  }

  return { user, timelines, ephemeral, marks, poll, catchUp }
}
