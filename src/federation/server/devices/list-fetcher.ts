import type { Database } from '../../../db/database.ts'
import type { E2ee } from '../../../e2ee/e2ee.ts'
import { isServerName, type ServerName } from '../../../matrix/ids.ts'
import type { TimerClock } from '../../../util/clock.ts'
import { FetchError } from '../../../util/fetch-error.ts'
import { createLanes, type Outcome } from '../../../util/lanes.ts'
import type { Log } from '../../../util/log.ts'
import type { Part } from '../../../util/part.ts'
import { type FederationTransport, RemoteError } from '../../client/ports.ts'
import { getUserDevices, type RemoteDeviceList } from '../../client/requests-keys.ts'
import { contentOf, isSameContent } from './list-content.ts'
import {
  deleteRemoteDevice,
  deleteRemoteList,
  getRemoteList,
  listRemoteDevices,
  listServersOfStaleLists,
  listStaleLists,
  postponeLists,
  type RemoteListRow,
  updateRemoteList,
  upsertRemoteDevice,
} from './store-remote-devices.ts'

/** Fetches device lists that have gaps, one after another from each server, as often as it takes. */
export interface ListFetcher {
  fetchNow(servers: Iterable<ServerName>): void
  /** Resolves when all lists are fetched, or wait for another try. */
  drain(): Promise<void>
  readonly part: Part
}

interface Deps {
  readonly db: Database
  readonly clock: TimerClock
  readonly log: Log
  readonly transport: FederationTransport
  readonly e2ee: Pick<E2ee, 'markChanged'>
}

const maxServers = 20
const page = 50
const firstDelay = 5_000
const longestDelay = 3_600_000
const errorDelay = 30_000

export function createListFetcher({ db, clock, log, transport, e2ee }: Deps): ListFetcher {
  const stopping = new AbortController()

  async function store({ user_id: userId, version }: RemoteListRow, fresh: RemoteDeviceList): Promise<void> {
    await db.write('device list', async (tx) => {
      const list = await getRemoteList(tx, userId)
      if (list === undefined) return
      const content = contentOf(userId, fresh)
      const before = await listRemoteDevices(tx, userId)
      const kept = new Set(content.devices.map((row) => row.device_id))
      for (const row of before) if (!kept.has(row.device_id)) await deleteRemoteDevice(tx, userId, row.device_id)
      for (const row of content.devices) await upsertRemoteDevice(tx, row)
      await updateRemoteList(tx, userId, {
        stream_id: fresh.stream_id,
        is_current: list.version === version ? 1 : 0,
        is_fetched: 1,
        untold: 0,
        master_key: content.masterKey,
        self_signing_key: content.selfSigningKey,
        attempts: 0,
        retry_ts: 0,
      })
      const isNews = list.is_fetched === 1 && !isSameContent(list, before, content)
      if (list.untold === 1 || isNews) await e2ee.markChanged(tx, userId)
    })
  }

  /** Clients hear of the change all the same: they ask again until they have the keys. */
  async function failed(row: RemoteListRow, error: FetchError | RemoteError): Promise<number | undefined> {
    const isHopeless = error instanceof RemoteError && error.status < 500 && error.status !== 429
    const retryTs = clock.now() + Math.min(firstDelay * 2 ** row.attempts, longestDelay)
    await db.write('device list failed', async (tx) => {
      if (isHopeless) await deleteRemoteList(tx, row.user_id)
      else await updateRemoteList(tx, row.user_id, { attempts: row.attempts + 1, untold: 0 })
      if (row.untold === 1) await e2ee.markChanged(tx, row.user_id)
      if (!isHopeless) await postponeLists(tx, row.server, retryTs)
    })
    log.debug({ server: row.server, reason: error.message }, 'a device list could not be fetched')
    return isHopeless ? undefined : retryTs
  }

  async function fetchAll(server: ServerName): Promise<Outcome> {
    for (;;) {
      const rows = await db.read((reader) => listStaleLists(reader, server, page))
      if (rows.length === 0 || stopping.signal.aborted) return {}
      for (const row of rows) {
        if (row.retry_ts > clock.now()) return { retryTs: row.retry_ts }
        try {
          await store(row, await getUserDevices(transport, server, row.user_id, stopping.signal))
        } catch (error) {
          if (stopping.signal.aborted) return {}
          if (!(error instanceof FetchError || error instanceof RemoteError)) throw error
          const retryTs = await failed(row, error)
          if (retryTs !== undefined) return { retryTs }
        }
      }
    }
  }

  const lanes = createLanes<ServerName>(clock, { perLane: 1, total: maxServers }, async (server) => {
    try {
      return await fetchAll(server)
    } catch (error) {
      log.error({ err: error, server }, 'device lists could not be stored')
      return { retryTs: clock.now() + errorDelay }
    }
  })
  let starting: Promise<void> | undefined

  async function resume(): Promise<void> {
    for (const server of await db.read(listServersOfStaleLists)) {
      if (isServerName(server)) lanes.wake(server, server, server)
    }
  }

  return {
    fetchNow: (servers) => {
      for (const server of servers) lanes.wakeNow(server, server, server)
    },
    drain: async () => {
      await starting
      await lanes.idle()
    },
    part: {
      name: 'device lists',
      start: () => {
        starting = resume().catch((error: unknown) => log.error({ err: error }, 'device lists cannot be read'))
      },
      stop: async () => {
        stopping.abort()
        await starting
        await lanes.stop()
      },
    },
  }
}
