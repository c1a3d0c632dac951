import { MatrixError } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import { isServerName, type ServerName } from '../../../matrix/ids.ts'
import { type SigningKey, signJson } from '../../../matrix/signing.ts'
import { mapLimit } from '../../../util/async.ts'
import type { Clock } from '../../../util/clock.ts'
import type { KnownKeys } from './known-keys.ts'
import type { OwnKeys } from './own-keys.ts'
import type { StoredKeyAnswer } from './store-server-keys.ts'

export interface KeyCriteria {
  /** None: whatever keys there are. */
  readonly keyIds: readonly string[]
  /** Until when (ms) they should be valid; undefined: now. */
  readonly minimum: number | undefined
}

/** Passes on what other servers say about their keys: https://spec.matrix.org/v1.19/server-server-api/#querying-keys-through-another-server */
export interface Notary {
  /** The answers of the servers that are known or can be reached, with our signature added. */
  query(wanted: ReadonlyMap<string, KeyCriteria>): Promise<JsonObject[]>
}

export interface NotaryDeps {
  readonly serverName: ServerName
  readonly signingKey: SigningKey
  readonly clock: Clock
  readonly known: KnownKeys
  readonly ownKeys: OwnKeys
  readonly isAllowed: (server: ServerName) => boolean
}

/** Of longer questions the rest stays unanswered. */
const maxServers = 100
const parallel = 20
const patienceMs = 20_000

export function createNotary({ serverName, signingKey, clock, known, ownKeys, isAllowed }: NotaryDeps): Notary {
  async function find(server: string, criteria: KeyCriteria, signal: AbortSignal): Promise<JsonObject | undefined> {
    if (server === serverName) return ownKeys.document()
    if (!isServerName(server) || !isAllowed(server)) return undefined
    const last = await known.lastAnswer(server)
    const suffices = last !== undefined && isFresh(last, clock.now()) && satisfies(last, criteria, clock.now())
    if (!suffices) await known.refresh(server, { signal })
    const answer = suffices ? last : await known.lastAnswer(server)
    return answer && withOurSignature(answer.json)
  }

  function withOurSignature(json: JsonObject): JsonObject | undefined {
    try {
      return signJson(json, serverName, signingKey)
    } catch (error) {
      // The server has put something in that is not canonical.
      if (error instanceof MatrixError) return undefined
      throw error
    }
  }

  return {
    query: async (wanted) => {
      const signal = AbortSignal.timeout(patienceMs)
      const found = await mapLimit([...wanted].slice(0, maxServers), parallel, ([server, criteria]) =>
        find(server, criteria, signal),
      )
      return found.filter((answer) => answer !== undefined)
    },
  }
}

/** An answer is passed on for half of its lifetime. */
function isFresh({ fetchedAt, validUntil }: StoredKeyAnswer, now: number): boolean {
  return now < fetchedAt + (validUntil - fetchedAt) / 2
}

function satisfies({ json, validUntil }: StoredKeyAnswer, { keyIds, minimum }: KeyCriteria, now: number): boolean {
  const names = new Set([json.verify_keys, json.old_verify_keys].flatMap((keys) => Object.keys(Object(keys))))
  return validUntil >= (minimum ?? now) && keyIds.every((keyId) => names.has(keyId))
}
