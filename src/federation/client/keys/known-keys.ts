import type { Database } from '../../../db/database.ts'
import type { ServerName } from '../../../matrix/ids.ts'
import type { Clock } from '../../../util/clock.ts'
import { FetchError } from '../../../util/fetch-error.ts'
import type { Log } from '../../../util/log.ts'
import { LruMap } from '../../../util/lru.ts'
import { createSemaphore } from '../../../util/semaphore.ts'
import { RemoteError } from '../ports.ts'
import type { ServerKey } from './key-answer.ts'
import type { AskOptions, KeySource } from './key-source.ts'
import { getKeyAnswer, listServerKeys, type StoredKeyAnswer, upsertKeyAnswer } from './store-server-keys.ts'

export type KeysById = ReadonlyMap<string, ServerKey>

export interface KnownKeys {
  /** What is known of a server, without asking anybody. */
  get(server: ServerName): Promise<KeysById>
  /**
   * Asks the server for its keys, and then the notaries, until what is known suffices; nobody is asked again who was a moment
   * ago. Resolves with what is known then, also where nobody answers.
   */
  find(server: ServerName, isEnough: (keys: KeysById) => boolean, options?: AskOptions): Promise<KeysById>
  /** Asks the server itself, unless it was asked a moment ago. */
  refresh(server: ServerName, options?: AskOptions): Promise<void>
  /** The last that the server said about its keys, as it was signed. */
  lastAnswer(server: ServerName): Promise<StoredKeyAnswer | undefined>
}

export interface KnownKeysDeps {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly firsthand: KeySource
  /** In the order in which they are asked. */
  readonly notaries: readonly KeySource[]
}

const maxServers = 5000
const minIntervalMs = 60_000
/** Where nobody answered. */
const retryIntervalMs = 10_000
/** So often a server may be asked at once, since it may just have changed its keys. */
const burst = 3
const maxUnderWay = 100

/** Keys in memory over a durable store; each server is asked once at a time. */
export function createKnownKeys({ db, clock, log, firsthand, notaries }: KnownKeysDeps): KnownKeys {
  const cached = new LruMap<ServerName, KeysById>(maxServers)
  const nextAsks = new LruMap<string, number>(2 * maxServers)
  const underWay = new Map<string, Promise<KeysById>>()
  const turns = createSemaphore(maxUnderWay)

  async function get(server: ServerName): Promise<KeysById> {
    const known = cached.get(server)
    if (known) return known
    const keys = await db.read((reader) => listServerKeys(reader, server))
    // A fetch may have brought more meanwhile.
    return cached.get(server) ?? keep(server, keys)
  }

  function keep(server: ServerName, keys: readonly ServerKey[]): KeysById {
    const byId = new Map(keys.map((key) => [key.keyId, key]))
    cached.set(server, byId)
    return byId
  }

  /** Whether somebody may be asked now about a server; it counts as asked then. */
  function mayAsk(question: string): boolean {
    const now = clock.now()
    const next = Math.max(nextAsks.get(question) ?? 0, now) + minIntervalMs
    if (next - now > burst * minIntervalMs) return false
    nextAsks.set(question, next)
    return true
  }

  async function fetchKeys(source: KeySource, server: ServerName, options: AskOptions): Promise<KeysById> {
    const { signal } = options
    try {
      const answers = await turns.run(() => source.ask(server, options), signal)
      if (answers.length === 0) return await get(server)
      const keys = await db.write('server keys', async (tx) => {
        for (const answer of answers) {
          await upsertKeyAnswer(tx, server, answer, { isFirsthand: source.isFirsthand, now: clock.now() })
        }
        return listServerKeys(tx, server)
      })
      return keep(server, keys)
    } catch (error) {
      if (!(error instanceof FetchError || error instanceof RemoteError || signal?.aborted)) throw error
      log.debug({ server, source: source.name, err: error }, 'the keys of another server cannot be had')
      const question = questionOf(source, server)
      nextAsks.set(question, (nextAsks.get(question) ?? 0) - minIntervalMs + retryIntervalMs)
      return get(server)
    }
  }

  function askOnce(source: KeySource, server: ServerName, options: AskOptions): Promise<KeysById> {
    const question = questionOf(source, server)
    const running = underWay.get(question)
    if (running) return running
    if (!mayAsk(question)) return get(server)
    const started = fetchKeys(source, server, options).finally(() => underWay.delete(question))
    underWay.set(question, started)
    return started
  }

  return {
    get,
    find: async (server, isEnough, options = {}) => {
      let keys = await get(server)
      for (const source of [firsthand, ...notaries]) {
        if (isEnough(keys) || options.signal?.aborted) break
        keys = await askOnce(source, server, options)
      }
      return keys
    },
    refresh: async (server, options = {}) => void (await askOnce(firsthand, server, options)),
    lastAnswer: (server) => db.read((reader) => getKeyAnswer(reader, server)),
  }
}

function questionOf(source: KeySource, server: ServerName): string {
  return `${server} ${source.name}`
}
