import type { Appservice } from '../../accounts/appservices/appservice.ts'
import type { Database, Reader, Tx } from '../../db/database.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { Receipts } from '../../rooms/ephemeral/receipts.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import { randomToken } from '../../util/random.ts'
import { type DeviceSources, listChangedDevices, takeKeyCounts, takeMessages } from './device-news.ts'
import type { EphemeralNews } from './ephemeral-news.ts'
import type { Interest } from './interest.ts'
import { listMetUsers } from './met-users.ts'
import { type EventPage, loadEvents } from './queued-events.ts'
import { takeReceipts } from './receipts.ts'
import { getProgress, type ProgressRow, updateProgress } from './store-progress.ts'
import { deleteQueuedEvents } from './store-queued-events.ts'
import { hasNews } from './store-queued-news.ts'

export interface Transaction {
  readonly id: string
  readonly body: JsonObject
}

/** What goes to an application service, one transaction at a time. */
export interface Transactions {
  /** The one under way, or the next; undefined where there is nothing to tell. A transaction never changes. */
  next(service: Appservice, ephemeral: EphemeralNews): Promise<Transaction | undefined>
  /** The service has confirmed what `next` gave. */
  done(service: Appservice): Promise<void>
}

interface Deps extends DeviceSources {
  readonly db: Database
  readonly reads: RoomReads
  readonly receipts: Pick<Receipts, 'contentWith'>
  readonly interest: Interest
}

const maxEphemeral = 100

interface Collected {
  readonly page: EventPage
  readonly progress: ProgressRow
  readonly ephemeral: { readonly events: JsonObject[]; forget(): void }
  readonly lists: { readonly changed: string[]; readonly left: string[]; readonly upTo: number }
  readonly hasMore: boolean
}

export function createTransactions(deps: Deps): Transactions {
  const { db, reads } = deps

  async function collect(reader: Reader, service: Appservice, news: EphemeralNews, progress: ProgressRow) {
    const page = await loadEvents(reads, reader, service)
    const { met, left } = service.registration.receivesDeviceNews
      ? await listMetUsers(deps, reader, service, page.members)
      : { met: [], left: [] }
    const { changed, upTo } = await listChangedDevices(deps, reader, service, progress.device_lists_pos)
    const ephemeral = service.registration.receivesEphemeral
      ? await news.collect(reader, maxEphemeral)
      : { events: [], forget: () => {} }
    const lists = { changed: [...new Set([...changed, ...met])], left: [...left], upTo }
    return { page, progress, ephemeral, lists, hasMore: await hasNews(reader, service.id) }
  }

  /** Fixes what the transaction holds; without anything to tell it only remembers how far it has looked. */
  async function open(tx: Tx, service: Appservice, collected: Collected): Promise<Transaction | undefined> {
    const { page, ephemeral, lists } = collected
    const limit = maxEphemeral - ephemeral.events.length
    const receipts = limit > 0 ? await takeReceipts(deps, tx, service, limit) : []
    const messages = await takeMessages(deps, tx, service)
    const counts = await takeKeyCounts(deps, tx, service, messages)
    const extra = extraOf({ ephemeral: [...receipts, ...ephemeral.events], messages, counts, lists })
    if (page.upTo === undefined && Object.keys(extra).length === 0) {
      await updateProgress(tx, service.id, { device_lists_pos: lists.upTo })
      return undefined
    }
    const id = randomToken(12)
    await updateProgress(tx, service.id, {
      txn_id: id,
      txn_pos: page.upTo ?? 0,
      txn_extra: JSON.stringify(extra),
      device_lists_pos: lists.upTo,
    })
    return { id, body: { events: [...page.events], ...extra } }
  }

  return {
    next: async (service, news) => {
      const found = await db.read(async (reader) => {
        const progress = await getProgress(reader, service.id)
        if (progress === undefined) return undefined
        if (progress.txn_id === null) return { collected: await collect(reader, service, news, progress) }
        const { events } = await loadEvents(reads, reader, service, progress.txn_pos)
        const extra = JSON.parse(progress.txn_extra) as JsonObject
        return { open: { id: progress.txn_id, body: { events: [...events], ...extra } } }
      })
      if (found?.open !== undefined || found === undefined) return found?.open
      const { collected } = found
      const { page, lists, ephemeral, progress, hasMore } = collected
      const isNothing = page.upTo === undefined && ephemeral.events.length === 0 && lists.left.length === 0
      if (isNothing && !hasMore && lists.upTo === progress.device_lists_pos) {
        ephemeral.forget()
        return undefined
      }
      const transaction = await db.write('open transaction', (tx) => open(tx, service, collected))
      ephemeral.forget()
      return transaction
    },
    done: ({ id }) =>
      db.write('transaction done', async (tx) => {
        const progress = await getProgress(tx, id)
        if (progress === undefined) return
        await deleteQueuedEvents(tx, id, progress.txn_pos)
        await updateProgress(tx, id, { txn_id: null, txn_extra: '{}', attempts: 0, retry_ts: 0, last_error: null })
      }),
  }
}

interface Extra {
  readonly ephemeral: JsonObject[]
  readonly messages: JsonObject[]
  readonly counts: Awaited<ReturnType<typeof takeKeyCounts>>
  readonly lists: { readonly changed: string[]; readonly left: string[] }
}

/** Everything but events; what the specification names now is still looked for under older names, too. */
function extraOf({ ephemeral, messages, counts, lists }: Extra): JsonObject {
  const deviceLists = { changed: lists.changed, left: lists.left }
  return {
    ...(ephemeral.length > 0 && { ephemeral, 'de.sorunome.msc2409.ephemeral': ephemeral }),
    ...(messages.length > 0 && { to_device: messages, 'de.sorunome.msc2409.to_device': messages }),
    ...(lists.changed.length + lists.left.length > 0 && { 'org.matrix.msc3202.device_lists': deviceLists }),
    ...(counts !== undefined && {
      'org.matrix.msc3202.device_one_time_keys_count': counts.oneTime,
      'org.matrix.msc3202.device_unused_fallback_key_types': counts.unusedFallback,
    }),
  }
}
