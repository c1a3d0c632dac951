import { LruMap } from '../util/lru.ts'
import { authStateKeys } from './auth-rules.ts'
import type { IdentifiedPdu, Pdu } from './event.ts'
import { authEventIds } from './event-references.ts'
import type { EventId } from './ids.ts'
import type { RoomVersionRules } from './room-versions.ts'
import { stateMapKey } from './state-map.ts'

/** What a resolution wants to know of an event, most of which is the same for each. */
export interface Facts {
  readonly eventId: EventId
  readonly sentAt: number
  /** Where it stands in a state; undefined where it is no state event. */
  readonly key: string | undefined
  /** The entries of a state that the rules may look at for it; the same list where they are the same. */
  readonly asked: readonly string[]
  /** The same list for all events that cite the same, without one twice. */
  readonly authIds: readonly EventId[]
  /** Whether it may take somebody's ability to do something; these are tried before all others. */
  readonly isPower: boolean
  /** The power of its sender by what it cites; undefined until somebody has looked. */
  power?: number
  /** The power levels that it cites, null where it cites none; undefined until somebody has looked. */
  levelsId?: EventId | null
  /** What the rules have said last, and of which entries. */
  verdict?: { readonly entries: readonly (EventId | undefined)[]; readonly allowed: boolean }
}

const mostEvents = 50_000
const mostMainlines = 64

/**
 * What one resolution finds out and the next need not: as a branch grows event by event, its conflicts are resolved again
 * and again, and nearly all is as it was. It holds as long as no event becomes a rejected one; then it must be forgotten.
 */
export class ResolutionMemo {
  readonly #facts = new LruMap<EventId, Facts>(mostEvents)
  readonly #authIds = new SharedLists<EventId>()
  readonly #asked = new SharedLists<string>()
  readonly #mainlines = new LruMap<EventId, Map<EventId, number>>(mostMainlines)

  facts(id: EventId): Facts | undefined {
    return this.#facts.get(id)
  }

  note({ eventId, pdu }: IdentifiedPdu, rules: RoomVersionRules): Facts {
    const known = this.#facts.get(eventId)
    if (known !== undefined) return known
    const facts: Facts = {
      eventId,
      sentAt: pdu.origin_server_ts,
      key: pdu.state_key === undefined ? undefined : stateMapKey(pdu.type, pdu.state_key),
      asked: this.#asked.share(authStateKeys(pdu, rules).map(([type, stateKey]) => stateMapKey(type, stateKey))),
      authIds: this.#authIds.share([...new Set(authEventIds(pdu))]),
      isPower: isPowerEvent(pdu),
    }
    this.#facts.set(eventId, facts)
    return facts
  }

  /** Positions on the line that leads to these power levels, of those from which somebody has looked. */
  mainline(levelsId: EventId): Map<EventId, number> | undefined {
    return this.#mainlines.get(levelsId)
  }

  keepMainline(levelsId: EventId, positions: Map<EventId, number>): void {
    this.#mainlines.set(levelsId, positions)
  }

  forget(): void {
    this.#facts.clear()
    this.#mainlines.clear()
  }
}

/** Gives the same list for the same items, so that much about it need be found out only once. */
class SharedLists<T extends string> {
  readonly #lists = new LruMap<string, readonly T[]>(mostEvents)

  share(list: readonly T[]): readonly T[] {
    const name = list.join('\0')
    const known = this.#lists.get(name)
    if (known === undefined) this.#lists.set(name, list)
    return known ?? list
  }
}

function isPowerEvent(pdu: Pdu): boolean {
  if (pdu.type === 'm.room.member') {
    const { membership } = pdu.content
    return (membership === 'leave' || membership === 'ban') && pdu.state_key !== pdu.sender
  }
  return pdu.state_key !== undefined && (pdu.type === 'm.room.power_levels' || pdu.type === 'm.room.join_rules')
}
