import type { IdentifiedPdu } from '../../matrix/event.ts'
import type { EventId } from '../../matrix/ids.ts'
import type { Unsigned } from '../policy/policies.ts'
import type { StoredEvent } from '../types.ts'
import type { Place } from './store-places.ts'

export interface Candidate {
  readonly event: IdentifiedPdu
  /** The state before it, as other servers told it, for what comes before it and is not here. */
  readonly claimedNid?: number | undefined
  /** Instead, while the room lacks members: the state before our join is taken for it, until these are here. */
  readonly isRough?: boolean
  /** `entry`: the room begins anew with it, at the claimed state. A number: its place in history that is fetched later. */
  readonly place?: 'entry' | number
  /** Whether it is written only where it is accepted. */
  readonly isStrict?: boolean
  /** Of an entry: whether members are missing in the claimed state. */
  readonly isPartial?: boolean
}

export type Outcome =
  | { readonly kind: 'known'; readonly place: Place }
  | { readonly kind: 'placed'; readonly event: StoredEvent }
  | { readonly kind: 'refused'; readonly reason: string }
  /** Events that have to be fetched first. */
  | { readonly kind: 'missing'; readonly prevs: readonly EventId[]; readonly auths: readonly EventId[] }
  /** States that have to be resolved first. */
  | { readonly kind: 'unresolved'; readonly stateNids: readonly number[] }
  /** The policy server of the room has to be asked first. */
  | { readonly kind: 'unsigned'; readonly unsigned: Unsigned }
