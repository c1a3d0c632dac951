import type { Database, Reader } from '../../../db/database.ts'
import { nestedObject } from '../../../e2ee/nested.ts'
import type { RemoteAnswer, RemoteKeys } from '../../../e2ee/ports.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import { FetchError } from '../../../util/fetch-error.ts'
import type { Log } from '../../../util/log.ts'
import { type FederationTransport, RemoteError } from '../../client/ports.ts'
import { claimUserKeys, queryUserKeys, type RemoteUserKeys } from '../../client/requests-keys.ts'
import type { RemoteDeviceLists } from './remote-device-lists.ts'
import { getRemoteList, listRemoteDevices } from './store-remote-devices.ts'

interface Deps {
  readonly db: Database
  readonly log: Log
  readonly transport: FederationTransport
  readonly lists: Pick<RemoteDeviceLists, 'follow'>
  sharesRoom(reader: Reader, userId: string): Promise<boolean>
}

type Wanted = ReadonlyMap<string, readonly string[]>

interface Kept {
  readonly answer: RemoteAnswer
  /** Those of whom the answer says all that is to be said. */
  readonly current: ReadonlySet<string>
}

/** Keys of users of other servers: from the lists that are kept, else from their servers. */
export function createRemoteKeys({ db, log, transport, lists, sharesRoom }: Deps): RemoteKeys {
  async function addKept(reader: Reader, userId: string, ids: readonly string[], { answer, current }: MutableKept) {
    const list = await getRemoteList(reader, userId)
    if (list?.is_fetched !== 1 || !(await sharesRoom(reader, userId))) return
    const devices: { [deviceId: string]: JsonObject } = {}
    for (const row of await listRemoteDevices(reader, userId)) {
      if (ids.length > 0 && !ids.includes(row.device_id)) continue
      const unsigned: JsonObject = row.display_name === null ? {} : { device_display_name: row.display_name }
      setOwn(devices, row.device_id, { ...parse(row.json), unsigned })
    }
    answer.device_keys[userId] = devices
    if (list.master_key !== null) answer.master_keys[userId] = parse(list.master_key)
    if (list.self_signing_key !== null) answer.self_signing_keys[userId] = parse(list.self_signing_key)
    if (list.is_current === 1) current.add(userId)
  }

  const readKept = (wanted: Wanted): Promise<Kept> =>
    db.read(async (reader) => {
      const kept: MutableKept = {
        answer: { device_keys: {}, master_keys: {}, self_signing_keys: {} },
        current: new Set(),
      }
      for (const [userId, ids] of wanted) await addKept(reader, userId, ids, kept)
      return kept
    })

  return {
    query: async (server, devices, timeoutMs) => {
      const { answer, current } = await readKept(devices)
      const missing = new Map([...devices].filter(([userId]) => !current.has(userId)))
      if (missing.size === 0) return answer
      try {
        merge(answer, await queryUserKeys(transport, server, missing, timeoutMs), missing)
      } catch (error) {
        if (!(error instanceof FetchError || error instanceof RemoteError)) throw error
        // What was known before is better than nothing.
        return { ...answer, failure: error }
      }
      lists
        .follow(missing.keys())
        .catch((failure: unknown) => log.error({ err: failure }, 'device lists cannot be followed'))
      return answer
    },
    claim: (server, wanted, timeoutMs) => claimUserKeys(transport, server, nestedObject(wanted), timeoutMs),
  }
}

type MutableKept = Kept & { readonly current: Set<string> }

function merge(answer: RemoteAnswer, fresh: RemoteUserKeys, asked: Wanted): void {
  for (const userId of asked.keys()) {
    for (const part of ['device_keys', 'master_keys', 'self_signing_keys'] as const) {
      const value = Object.hasOwn(fresh[part], userId) ? fresh[part][userId] : undefined
      const target: { [userId: string]: object } = answer[part]
      delete target[userId]
      if (value !== undefined) target[userId] = value
    }
  }
}

/** Other servers choose device ids; even `__proto__` becomes a key like others. */
function setOwn<T>(target: { [key: string]: T }, key: string, value: T): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
}

/** Written as canonical JSON of an object. */
const parse = (json: string) => JSON.parse(json) as JsonObject
