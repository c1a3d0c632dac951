import type { Database } from '../../../db/database.ts'
import type { ServerName } from '../../../matrix/ids.ts'
import type { Clock } from '../../../util/clock.ts'
import { FetchError } from '../../../util/fetch-error.ts'
import type { Log } from '../../../util/log.ts'
import { LruMap } from '../../../util/lru.ts'
import { RemoteError } from '../ports.ts'
import type { ServerKey } from './key-answer.ts'
import type { AskForKeys } from './key-source.ts'
import { listServerKeys, upsertKeyAnswer } from './store-server-keys.ts'

export type KeysById = ReadonlyMap<string, ServerKey>

export interface KnownKeys {
  /** What is known of a server, without asking it. */
  get(server: ServerName): Promise<KeysById>
  /** Asks the server for its keys, unless it was asked a moment ago, and answers what is known then. Never throws. */
  refresh(server: ServerName, signal?: AbortSignal): Promise<KeysById>
}

export interface KnownKeysDeps {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly ask: AskForKeys
}

const maxServers = 5000
const minIntervalMs = 60_000
/** Fetches that may follow each other at once, for a server that has just changed its keys. */
const burst = 3

/** Keys in memory over a durable store; each server is asked once at a time. */
export function createKnownKeys({ db, clock, log, ask }: KnownKeysDeps): KnownKeys {
  const cached = new LruMap<ServerName, KeysById>(maxServers)
  const askedUntil = new LruMap<ServerName, number>(maxServers)
  const underWay = new Map<ServerName, Promise<KeysById>>()

  async function get(server: ServerName): Promise<KeysById> {
    const known = cached.get(server)
    if (known) return known
    const keys = await db.read((reader) => listServerKeys(reader, server))
    return keep(server, keys)
  }

  function keep(server: ServerName, keys: readonly ServerKey[]): KeysById {
    const byId = new Map(keys.map((key) => [key.keyId, key]))
    cached.set(server, byId)
    return byId
  }

  /** Whether a server may be asked now; it counts as asked then. */
  function mayAsk(server: ServerName): boolean {
    const now = clock.now()
    const until = Math.max(askedUntil.get(server) ?? 0, now) + minIntervalMs
    if (until - now > burst * minIntervalMs) return false
    askedUntil.set(server, until)
    return true
  }

  async function fetchKeys(server: ServerName, signal: AbortSignal | undefined): Promise<KeysById> {
    if (!mayAsk(server)) return get(server)
    try {
      const answer = await ask(server, signal)
      if (!answer) {
        log.info({ server }, 'the keys of another server are not signed by itself')
        return await get(server)
      }
      const keys = await db.write('server keys', async (tx) => {
        await upsertKeyAnswer(tx, server, answer, clock.now())
        return listServerKeys(tx, server)
      })
      return keep(server, keys)
    } catch (error) {
      if (!(error instanceof FetchError || error instanceof RemoteError)) throw error
      log.debug({ server, reason: error.message }, 'the keys of another server cannot be had')
      return get(server)
    }
  }

  return {
    get,
    refresh: (server, signal) => {
      const running = underWay.get(server)
      if (running) return running
      const started = fetchKeys(server, signal).finally(() => underWay.delete(server))
      underWay.set(server, started)
      return started
    },
  }
}
