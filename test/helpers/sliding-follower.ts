import assert from 'node:assert/strict'
import { at } from './client.ts'
import type { TestUser } from './server.ts'
import { type SlidingBody, type SlidingOptions, type SlidingRoom, sliding } from './sliding.ts'
import type { SyncEvent } from './sync.ts'

/** What a client knows of one room. */
export interface KnownRoom {
  membership: string
  name: string | undefined
  joined: number | undefined
  readonly state: Map<string, string>
  /** Without a gap, oldest first. */
  timeline: string[]
}

/** A client that follows sliding sync as chat programs do: it asks on from its last position and fills the gaps. */
export class SlidingFollower {
  readonly user: TestUser
  readonly rooms = new Map<string, KnownRoom>()
  #pos: string | undefined

  constructor(user: TestUser) {
    this.user = user
  }

  /** One request; with `isLost` the answer never arrives. */
  async sync(options: SlidingOptions, isLost = false): Promise<SlidingBody> {
    const answer = await sliding(this.user, options, this.#pos)
    if (isLost) return answer
    for (const [roomId, room] of Object.entries(answer.rooms)) await this.#take(roomId, room)
    this.#pos = answer.pos
    return answer
  }

  async #take(roomId: string, room: SlidingRoom): Promise<void> {
    let known = this.rooms.get(roomId)
    if (known === undefined) assert.equal(room.initial, true, 'a room that was never sent must be initial')
    if (known === undefined || room.initial) {
      known = { membership: '', name: undefined, joined: undefined, state: new Map(), timeline: [] }
      this.rooms.set(roomId, known)
    }
    known.membership = room.membership
    if (room.joined_count !== undefined) known.joined = room.joined_count
    if (room.invite_state !== undefined) return
    for (const event of room.required_state) {
      known.state.set(`${event.type} ${event.state_key}`, event.event_id)
      if (event.type === 'm.room.name') known.name = Object(event.content).name
    }
    await this.#append(roomId, known, room)
  }

  async #append(roomId: string, known: KnownRoom, room: SlidingRoom): Promise<void> {
    const has = new Set(known.timeline)
    const missed = room.limited ? await this.#pageBack(roomId, room.prev_batch, has) : []
    const events = [...missed, ...room.timeline].map(({ event_id: id }) => id)
    const fresh = events.filter((id) => !has.has(id))
    if (!room.unstable_expanded_timeline) assert.equal(fresh.length, events.length, 'an event came twice')
    assert.deepEqual(events.slice(events.length - fresh.length), fresh, 'old events behind new ones')
    known.timeline.push(...fresh)
  }

  /** What was before a token until something known, oldest first. */
  async #pageBack(roomId: string, from: string | undefined, known: ReadonlySet<string>): Promise<SyncEvent[]> {
    const path = at`/_matrix/client/v3/rooms/${roomId}/messages`
    const missed: SyncEvent[] = []
    for (let token = from; token !== undefined; ) {
      const { chunk, end } = await this.user.get<{ chunk: SyncEvent[]; end?: string }>(path, { dir: 'b', from: token })
      for (const event of chunk) {
        if (known.has(event.event_id)) return missed
        missed.unshift(event)
      }
      token = end
    }
    return missed
  }
}
