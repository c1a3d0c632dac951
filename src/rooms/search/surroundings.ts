import type { Reader } from '../../db/database.ts'
import { stringOf } from '../../matrix/content.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { RoomView } from '../room-view.ts'
import { listTimeline } from '../store-events.ts'
import type { StoredEvent } from '../types.ts'
import type { Visibility } from '../visibility.ts'
import type { Hit } from './hits.ts'

export interface ContextRequest {
  readonly before: number
  readonly after: number
  readonly includeProfile: boolean
}

/** What stands around a result, both lists beginning with what is nearest. */
export interface Surroundings {
  readonly before: readonly StoredEvent[]
  readonly after: readonly StoredEvent[]
  /** Stream positions to page on from. */
  readonly start: number
  readonly end: number
  readonly profiles: Readonly<Record<string, Profile>> | undefined
}

interface Profile {
  displayname?: string
  avatar_url?: string
}

interface Deps {
  readonly view: RoomView
  readonly visibility: Visibility
}

const oldest = Number.MIN_SAFE_INTEGER
/** Where the user sees next to nothing, the search for neighbours ends after so many pages. */
const maxPages = 3

export async function lookAround(
  { view, visibility }: Deps,
  reader: Reader,
  userId: UserId,
  ignored: ReadonlySet<string>,
  { event, pos, in: { room, upTo, isIn } }: Hit,
  request: ContextRequest,
): Promise<Surroundings> {
  async function neighbours(dir: 'b' | 'f', wanted: number): Promise<StoredEvent[]> {
    const found: StoredEvent[] = []
    let at = dir === 'b' ? pos - 1 : pos
    for (let pages = 0; found.length < wanted && pages < maxPages; pages += 1) {
      const limit = wanted + 5
      const range = dir === 'b' ? { after: oldest, upTo: at } : { after: at, upTo }
      const events = await listTimeline(reader, dir, { roomNid: room.nid, ...range, limit })
      const heard = events.filter(({ pdu }) => pdu.state_key !== undefined || !ignored.has(pdu.sender))
      found.push(...(await visibility.filter(reader, room, userId, heard, isIn)))
      const last = events.at(-1)?.streamPos
      if (last === undefined || events.length < limit) break
      at = dir === 'b' ? last - 1 : last
    }
    return found.slice(0, wanted)
  }

  const before = await neighbours('b', request.before)
  const after = await neighbours('f', request.after)
  const senders = [event, ...before, ...after]
  return {
    before,
    after,
    start: (before.at(-1)?.streamPos ?? pos) - 1,
    end: after.at(-1)?.streamPos ?? pos,
    profiles: request.includeProfile ? await profilesOf(view, reader, event, senders) : undefined,
  }
}

/** What the senders were called at the result; those whom the room did not know then, at their own event. */
async function profilesOf(
  view: RoomView,
  reader: Reader,
  result: StoredEvent,
  events: readonly StoredEvent[],
): Promise<Record<string, Profile>> {
  const profiles: Record<string, Profile> = {}
  for (const { pdu, stateNid } of events) {
    const { sender } = pdu
    if (Object.hasOwn(profiles, sender)) continue
    const member =
      (await view.entry(reader, result.stateNid, 'm.room.member', sender)) ??
      (await view.entry(reader, stateNid, 'm.room.member', sender))
    const name = stringOf(member?.pdu, 'displayname')
    const avatar = stringOf(member?.pdu, 'avatar_url')
    profiles[sender] = {
      ...(name === undefined ? {} : { displayname: name }),
      ...(avatar === undefined ? {} : { avatar_url: avatar }),
    }
  }
  return profiles
}
