import type { AccountDataHook } from '../../accounts/account-data.ts'
import type { Accounts } from '../../accounts/accounts.ts'
import type { Database, Reader, Tx } from '../../db/database.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { ServerName } from '../../matrix/ids.ts'
import type { MediaRef } from '../../matrix/mxc.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { ByteRange } from '../blob-store.ts'
import type { Blobs } from '../blobs.ts'
import type { LiveMedia } from '../downloads.ts'
import { getMedia } from '../store-media.ts'
import { createChoices, policyType } from './choices.ts'
import { createDeclarations, type Declarations } from './declarations.ts'
import { createDeleter, type Deleter } from './deleter.ts'
import { createHolds, type Holds } from './holds.ts'
import { createKeeps, type Keeps } from './keeps.ts'
import { createLedger, leaveJob } from './ledger.ts'
import { createLedgerHook } from './persist-hook.ts'
import type { DeliveryPolicy } from './policy.ts'
import { createMediaPurgeHook, type MediaPurgeHook } from './purge-hook.ts'
import { createRecipients, fetcherOf, type MediaRequester, type Recipient } from './recipients.ts'
import { handleResettling, resettleJob } from './resettle.ts'
import { createRoomPolicies } from './room-policies.ts'
import { noRooms, type RoomsOfMedia, type SeenBatch } from './rooms-port.ts'
import { createSettle, type Outages } from './settle.ts'
import { getDelivery } from './store-deliveries.ts'
import { listRefs } from './store-due.ts'
import { putPolicy } from './store-policies.ts'
import { mediaUses } from './uses.ts'

export interface Delivery extends Deleter, Holds, Declarations, Keeps {
  /** Follows what messages show, from the transaction of each batch of events on. */
  followRooms(rooms: RoomsOfMedia): (tx: Tx, batch: SeenBatch) => Promise<void>
  readonly purgeHook: MediaPurgeHook
  /** How it is known which servers are away; without it all are there. */
  useOutages(outages: Outages): void
  /** Whether it matters who has downloaded the media. */
  wantsFetches(media: LiveMedia, requester: MediaRequester): boolean
  /** Somebody has received a part of a file, to its last byte. It is written down in the background. */
  fetched(media: LiveMedia, requester: MediaRequester, part: ByteRange): void
  /** Runs when somebody has received a file as a whole on a device, in the transaction that writes it down. */
  onFetched(hook: FetchedHook): void
  /** Runs when files have been deleted because they were delivered, or too old, in the transaction of that. */
  onDeleted(hook: DeletedHook): void
  /** What becomes of a file of ours; undefined for what is not known here. */
  fate(reader: Reader, ref: MediaRef): Promise<Fate | undefined>
  /** Resolves when everything that was downloaded so far is written down. */
  idle(): Promise<void>
  /** What somebody looks like is never deleted because it has been seen. */
  profileChanged(change: { fields: JsonObject }): Promise<void>
  /** The same for packs of emotes and stickers in account data; and what people want to become of what they send. */
  accountDataChanged: AccountDataHook
}

export interface FetchedFile {
  readonly ref: MediaRef
  /** A user of ours, or another name as in `Recipient`. */
  readonly recipient: Recipient
  readonly device: string
}

export type FetchedHook = (tx: Tx, file: FetchedFile) => Promise<void>

export type DeletedHook = (tx: Tx, files: readonly MediaRef[]) => Promise<void>

export interface Fate {
  readonly isDeleted: boolean
  /** When it is deleted as things are, in ms since 1970; undefined: never. */
  readonly dueTs: number | undefined
  /** Whether somebody whom it was for wants to keep it. */
  readonly isKept: boolean
}

export interface DeliveryDeps {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly jobs: Pick<Jobs, 'enqueue' | 'handle'>
  readonly accounts: Pick<Accounts, 'isLocalUser' | 'appservices' | 'accountData' | 'users'>
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
  const fetchedHooks: FetchedHook[] = []
  const deletedHooks: DeletedHook[] = []
  const deleted = async (tx: Tx, numbers: readonly number[]) => {
    const files = deletedHooks.length > 0 ? await listRefs(tx, numbers) : []
    if (files.length > 0) for (const hook of deletedHooks) await hook(tx, files)
  }
  let rooms = noRooms
  let outages: Outages = async () => undefined
  const recipients = createRecipients({ accounts, ownUsers, joined: (...question) => rooms.joined(...question) })
  const choices = createChoices(policy)
  const settle = createSettle({ clock, jobs, policy, choices, outages: (...question) => outages(...question) })
  const ledger = createLedger({ clock, jobs, recipients, choices, settle, serverName })
  handleResettling({ db, jobs, settle })

  jobs.handle(leaveJob, async ({ room, recipient }, signal) => {
    // The payload is ours.
    const [roomNid, name] = [Number(room), String(recipient)]
    do signal.throwIfAborted()
    while ((await db.write('media: left', (tx) => ledger.dropped(tx, roomNid, name, pageSize))) === pageSize)
  })

  async function pinAll(tx: Tx, content: JsonObject): Promise<void> {
    for (const { ref } of mediaUses({ type: 'looks', content, state_key: '' })) await ledger.pinned(tx, ref)
  }

  async function noteFetch(media: LiveMedia, requester: MediaRequester, part: ByteRange): Promise<void> {
    const { nid, blob, origin, mediaId } = media
    const fetch = { mediaNid: nid, ...fetcherOf(requester, recipients) }
    if (!(await db.read((reader) => ledger.wantsFetch(reader, fetch)))) return
    await db.write('media: fetched', async (tx) => {
      if (!(await ledger.fetched(tx, { ...fetch, part, size: blob.size }))) return
      for (const hook of fetchedHooks) await hook(tx, { ref: { origin, mediaId }, ...fetch })
    })
  }

  return {
    ...createDeleter({ db, clock, log, jobs, blobs, policy, settle, deleted }),
    ...createHolds({ clock, log, jobs, settle }),
    ...createDeclarations({ ledger, rooms: () => rooms, serverName }),
    ...createKeeps({ jobs, settle, serverName }),
    followRooms: (next) => {
      rooms = next
      return createLedgerHook({ ledger, recipients, policies: createRoomPolicies({ jobs, view: next.view }) })
    },
    purgeHook: createMediaPurgeHook(ledger),
    useOutages: (next) => {
      outages = next
    },
    // Servers are told when it is gone, whoever it was for.
    wantsFetches: (media, requester) => media.isFollowed || ('server' in requester && media.origin === serverName),
    fetched: (media, requester, part) => {
      const writing = noteFetch(media, requester, part)
        .catch((err: unknown) => log.warn({ err }, 'a download was not written down'))
        .finally(() => underWay.delete(writing))
      underWay.add(writing)
    },
    onDeleted: (hook) => void deletedHooks.push(hook),
    onFetched: (hook) => void fetchedHooks.push(hook),
    fate: async (reader, ref) => {
      const media = await getMedia(reader, ref)
      if (media === undefined) return undefined
      const state = await getDelivery(reader, media.nid)
      return { isDeleted: media.state === 'deleted', dueTs: state?.due_ts ?? undefined, isKept: state?.is_kept === 1 }
    },
    idle: async () => {
      await Promise.all(underWay)
    },
    profileChanged: async ({ fields }) => {
      if (mediaUses({ type: 'looks', content: fields, state_key: '' }).length === 0) return
      await db.write('media: profile', (tx) => pinAll(tx, fields))
    },
    accountDataChanged: async (tx, { userId, type, roomId }) => {
      const isPolicy = type === policyType && !roomId
      if (!isPolicy && !packs.test(type)) return
      const content = await accounts.accountData.get(tx, userId, type, roomId)
      if (isPolicy) {
        await putPolicy(tx, `user:${userId}`, content)
        await jobs.enqueue(tx, resettleJob, { user: userId })
      } else if (content) await pinAll(tx, content)
    },
  }
}
