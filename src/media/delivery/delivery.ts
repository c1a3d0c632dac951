import type { AccountDataHook } from '../../accounts/account-data.ts'
import type { Accounts } from '../../accounts/accounts.ts'
import type { Database, Tx } from '../../db/database.ts'
import type { Requester } from '../../http/endpoint.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { ServerName } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { ByteRange } from '../blob-store.ts'
import type { Blobs } from '../blobs.ts'
import type { LiveMedia } from '../downloads.ts'
import { createDeleter, type Deleter } from './deleter.ts'
import { createLedger, leaveJob } from './ledger.ts'
import { createLedgerHook, type SeenBatch } from './persist-hook.ts'
import type { DeliveryPolicy } from './policy.ts'
import { createRecipients, fetcherOf, type JoinedMembers } from './recipients.ts'
import { mediaUses } from './uses.ts'

export interface Delivery extends Deleter {
  /** Follows what messages show, from the transaction of each batch of events on. */
  followRooms(joined: JoinedMembers): (tx: Tx, batch: SeenBatch) => Promise<void>
  /** Somebody has received a part of a file, to its last byte. It is written down in the background. */
  fetched(media: LiveMedia, requester: Requester, part: ByteRange): void
  /** Resolves when everything that was downloaded so far is written down. */
  idle(): Promise<void>
  /** What somebody looks like is never deleted because it has been seen. */
  profileChanged(change: { fields: JsonObject }): Promise<void>
  /** The same for packs of emotes and stickers in account data. */
  accountDataChanged: AccountDataHook
}

export interface DeliveryDeps {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly jobs: Pick<Jobs, 'enqueue' | 'handle'>
  readonly accounts: Pick<Accounts, 'isLocalUser' | 'appservices' | 'accountData'>
  readonly blobs: Pick<Blobs, 'release'>
  readonly options: {
    readonly serverName: ServerName
    readonly delivery: DeliveryPolicy
    /** Users that the server runs itself: nobody waits for them. */
    readonly ownUsers: ReadonlySet<string>
  }
}

const pageSize = 200
const packs = /emote|image_pack|sticker/

/** Composes the ledger of deliveries, and the deletion of what has been delivered. */
export function createDelivery({ db, clock, log, jobs, accounts, blobs, options }: DeliveryDeps): Delivery {
  const { serverName, delivery: policy, ownUsers } = options
  const underWay = new Set<Promise<void>>()
  let joined: JoinedMembers = async () => []
  const recipients = createRecipients({ accounts, ownUsers, joined: (...question) => joined(...question) })
  const ledger = createLedger({ clock, jobs, recipients, policy, serverName })

  jobs.handle(leaveJob, async ({ room, recipient }, signal) => {
    // The payload is ours.
    const [roomNid, name] = [Number(room), String(recipient)]
    do signal.throwIfAborted()
    while ((await db.write('media: left', (tx) => ledger.dropped(tx, roomNid, name, pageSize))) === pageSize)
  })

  async function pinAll(tx: Tx, content: JsonObject): Promise<void> {
    for (const { ref } of mediaUses({ type: 'looks', content, state_key: '' })) await ledger.pinned(tx, ref)
  }

  async function noteFetch({ nid, blob }: LiveMedia, requester: Requester, part: ByteRange): Promise<void> {
    const fetch = { mediaNid: nid, ...fetcherOf(requester) }
    if (!(await db.read((reader) => ledger.wantsFetch(reader, fetch)))) return
    await db.write('media: fetched', (tx) => ledger.fetched(tx, { ...fetch, part, size: blob.size }))
  }

  return {
    ...createDeleter({ db, clock, log, jobs, blobs, policy }),
    followRooms: (members) => {
      joined = members
      return createLedgerHook({ ledger, recipients })
    },
    fetched: (media, requester, part) => {
      const writing = noteFetch(media, requester, part)
        .catch((err: unknown) => log.warn({ err }, 'a download was not written down'))
        .finally(() => underWay.delete(writing))
      underWay.add(writing)
    },
    idle: async () => {
      await Promise.all(underWay)
    },
    profileChanged: async ({ fields }) => {
      if (mediaUses({ type: 'looks', content: fields, state_key: '' }).length === 0) return
      await db.write('media: profile', (tx) => pinAll(tx, fields))
    },
    accountDataChanged: async (tx, { userId, type, roomId }) => {
      if (!packs.test(type)) return
      const content = await accounts.accountData.get(tx, userId, type, roomId)
      if (content) await pinAll(tx, content)
    },
  }
}
