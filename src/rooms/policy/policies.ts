import type { Reader } from '../../db/database.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { IdentifiedPdu } from '../../matrix/event.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'
import type { Log } from '../../util/log.ts'
import { LruMap } from '../../util/lru.ts'
import type { Room } from '../types.ts'
import type { FindPolicy } from './find-policy.ts'
import { isRecommended, needsPolicy, type PolicyServer } from './policy-server.ts'
import type { AskPolicyServer } from './signatures.ts'

/** An event for which a policy server has to be asked. */
export interface Unsigned {
  readonly event: IdentifiedPdu
  readonly policy: PolicyServer
}

/** What the policy servers of rooms make of events of other servers. */
export interface RoomPolicies {
  readonly find: FindPolicy
  readonly ask: AskPolicyServer
  /**
   * A received event as the policy server of its room recommends it, with its signature; `refused`; or whom has to be
   * asked first, with `settle`. https://spec.matrix.org/v1.19/server-server-api/#validating-policy-server-signatures
   */
  judge(reader: Reader, room: Room, event: IdentifiedPdu): Promise<IdentifiedPdu | 'refused' | Unsigned>
  /** Asks for the signature, so that `judge` knows; a server that cannot be reached recommends nothing. */
  settle(rules: RoomVersionRules, unsigned: Unsigned): Promise<void>
}

interface Deps {
  readonly find: FindPolicy
  readonly ask: AskPolicyServer
  readonly log: Log
}

const nameOf = ({ event, policy }: Unsigned) => `${event.eventId} ${policy.server} ${policy.publicKey}`

export function createRoomPolicies({ find, ask, log }: Deps): RoomPolicies {
  const settled = new LruMap<string, IdentifiedPdu | 'refused'>(1_000)

  return {
    find,
    ask,
    judge: async (reader, room, event) => {
      if (!needsPolicy(event.pdu)) return event
      const policy = await find(reader, room)
      if (policy === undefined || isRecommended(event.pdu, room.rules, policy)) return event
      const unsigned = { event, policy }
      return settled.get(nameOf(unsigned)) ?? unsigned
    },
    settle: async (rules, unsigned) => {
      const { event, policy } = unsigned
      try {
        const pdu = await ask(policy, rules, event.pdu)
        settled.set(nameOf(unsigned), { eventId: event.eventId, pdu })
      } catch (error) {
        if (!(error instanceof MatrixError)) throw error
        log.info(
          { eventId: event.eventId, server: policy.server, reason: error.message },
          'an event was not recommended',
        )
        settled.set(nameOf(unsigned), 'refused')
      }
    },
  }
}
