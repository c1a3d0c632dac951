import type { Reader } from '../../db/database.ts'
import { objectOf } from '../../matrix/content.ts'
import type { Json, JsonObject } from '../../matrix/event.ts'
import { parseDuration } from '../../util/duration.ts'
import { type Choice, type ContentKind, type DeliveryPolicy, type Rule, ruleFor } from './policy.ts'
import { getPolicy } from './store-policies.ts'

/** The state event of rooms, and the account data of people, that say what becomes of media. */
export const policyType = 'io.ringback.media_policy'

function readChoice(content: JsonObject | undefined): Choice {
  const { kind, grace, max_lifetime: maxLifetime } = content ?? {}
  return {
    kind: kind === 'keep' || kind === 'after_delivery' ? kind : undefined,
    grace: readDuration(grace),
    maxLifetime: readDuration(maxLifetime),
  }
}

const readDuration = (value: Json | undefined): number | undefined =>
  typeof value === 'string' || typeof value === 'number' ? parseDuration(value) : undefined

/** What a content says about a kind: for itself under `media`, or else for all. */
function choiceFor(content: JsonObject | undefined, kind: ContentKind, isForAll: boolean): Choice {
  if (content === undefined) return {}
  const own = objectOf({ content: objectOf({ content }, 'media') ?? {} }, kind)
  return own ? readChoice(own) : isForAll ? readChoice(content) : {}
}

export interface SentMedia {
  readonly kind: ContentKind
  readonly roomNid: number
  readonly uploader: string
  /** Whether a recipient wants to keep it. */
  readonly isKept?: boolean
}

export interface Choices {
  /** The rule for media of a kind that somebody has sent to a room. */
  rule(reader: Reader, message: SentMedia): Promise<Rule>
}

export function createChoices(policy: DeliveryPolicy): Choices {
  return {
    rule: async (reader, { kind, roomNid, uploader, isKept }) => {
      const room = await getPolicy(reader, `room:${roomNid}`)
      const user = await getPolicy(reader, `user:${uploader}`)
      // What people say for all is about what they have spoken: notes and voice messages.
      const isSpoken = kind === 'note' || kind === 'voice'
      return ruleFor(policy, kind, {
        room: choiceFor(room, kind, true),
        user: choiceFor(user, kind, isSpoken),
        recipient: isKept ? { kind: 'keep' } : {},
      })
    },
  }
}
