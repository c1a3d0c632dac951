import { errors } from '../../matrix/errors.ts'
import type { Json, Pdu } from '../../matrix/event.ts'
import { contentHashMatches, eventIdOf } from '../../matrix/event-hash.ts'
import { signedText } from '../../matrix/event-signing.ts'
import { matchesGlob } from '../../matrix/glob.ts'
import { serverOf } from '../../matrix/ids.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'
import type { SigningKey } from '../../matrix/signing.ts'
import type { Clock } from '../../util/clock.ts'
import { LruMap } from '../../util/lru.ts'

export interface PolicyRules {
  /** Globs. */
  readonly deniedUsers: readonly string[]
  readonly deniedServers: readonly string[]
  /** Parts of texts, whatever their case. */
  readonly deniedWords: readonly string[]
  /** Events of one user in a minute; undefined: any number. */
  readonly perMinute: number | undefined
}

/** This server as the policy server of rooms that choose it. */
export interface OwnPolicy {
  /** Base64. */
  readonly publicKey: string
  /**
   * The signature (Base64) on an event that it recommends. Throws `400 M_FORBIDDEN` for others, `400 M_BAD_JSON` where the
   * content is not what was hashed. The same event is judged once, as far as memory reaches.
   */
  sign(rules: RoomVersionRules, pdu: Pdu): string
}

const minute = 60_000
const deepest = 20

export function createOwnPolicy(key: SigningKey, policy: PolicyRules, clock: Clock): OwnPolicy {
  const verdicts = new LruMap<string, string | undefined>(50_000)
  const sent = new LruMap<string, { readonly from: number; count: number }>(50_000)
  const words = policy.deniedWords.map((word) => word.toLowerCase())
  const servers = policy.deniedServers.map((glob) => glob.toLowerCase())

  function isTooMuch(sender: string): boolean {
    if (policy.perMinute === undefined) return false
    const now = clock.now()
    const last = sent.get(sender)
    const turn = last !== undefined && now - last.from < minute ? last : { from: now, count: 0 }
    turn.count += 1
    sent.set(sender, turn)
    return turn.count > policy.perMinute
  }

  /** Why an event is not recommended. */
  function findReason({ sender, content }: Pdu): string | undefined {
    const server = serverOf(sender).toLowerCase()
    if (policy.deniedUsers.some((glob) => matchesGlob(glob, sender))) return 'The sender may not write here'
    if (servers.some((glob) => matchesGlob(glob, server))) return 'The server of the sender may not take part here'
    if (words.length > 0 && hasText(content, (text) => words.some((word) => text.includes(word)))) {
      return 'The event has words that are not wanted here'
    }
    return isTooMuch(sender) ? 'The sender writes too much' : undefined
  }

  return {
    publicKey: key.publicKey,
    sign: (rules, pdu) => {
      // The signature covers the hash: without this check anything could stand behind it.
      if (!contentHashMatches(pdu)) throw errors.badJson('The hash of the event is wrong')
      const eventId = eventIdOf(pdu, rules)
      // Of the first two versions servers choose the ids themselves.
      const name = `${eventId} ${pdu.hashes?.sha256}`
      const reason = verdicts.has(name) ? verdicts.get(name) : findReason(pdu)
      verdicts.set(name, reason)
      if (reason !== undefined) throw errors.policyRefused(reason)
      return key.sign(signedText(pdu, rules))
    },
  }
}

function hasText(value: Json, matches: (text: string) => boolean, depth = 0): boolean {
  if (typeof value === 'string') return matches(value.toLowerCase())
  if (typeof value !== 'object' || value === null || depth > deepest) return false
  return Object.values(value).some((part) => hasText(part, matches, depth + 1))
}
