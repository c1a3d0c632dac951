import type { Reader, Tx } from '../../db/database.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { MediaRef } from '../../matrix/mxc.ts'
import type { Clock } from '../../util/clock.ts'
import type { ByteRange } from '../blob-store.ts'
import { addPart, isWhole } from './coverage.ts'
import { type DeliveryPolicy, isInScope } from './policy.ts'
import type { Recipient, Recipients } from './recipients.ts'
import { type DeliveryKind, getDelivery, putDelivery, setDelivery } from './store-deliveries.ts'
import { closeLinks, getLinkedMedia, insertLink, type LinkedMedia, pinMedia } from './store-links.ts'
import { dropRecipient, type Fetch, getFetch, insertRecipient, isAwaited, putFetch } from './store-recipients.ts'
import { isNote, type MediaUse, mediaUses, replacedEvent, type ShowingEvent } from './uses.ts'

/** A message, as far as its media is concerned. */
export interface LinkingEvent {
  readonly eventId: string
  readonly roomNid: number
  readonly sender: string
  readonly shown: ShowingEvent
}

/**
 * Knows what messages show which media, whom these were for, and who has it. Only messages that the uploader has sent
 * let media be deleted one day; those of others only add people who must have it before.
 */
export interface Ledger {
  /** A new event. */
  linked(tx: Tx, event: LinkingEvent): Promise<void>
  /** An event shows nothing any more. */
  unlinked(tx: Tx, event: Pick<LinkingEvent, 'eventId' | 'roomNid'>): Promise<void>
  /** Somebody has left a room, or a group of users has: soon nobody waits for them any more. */
  left(tx: Tx, roomNid: number, recipient: Recipient): Promise<void>
  /** Nobody waits any more for those who have left, for at most `limit` pieces of media; returns for how many. */
  dropped(tx: Tx, roomNid: number, recipient: Recipient, limit: number): Promise<number>
  /** Media that is never deleted because it has been delivered. */
  pinned(tx: Tx, ref: MediaRef): Promise<void>
  /** Somebody has received a part of a file, to its last byte; true when that completes the file. */
  fetched(tx: Tx, fetch: Fetch & { part: ByteRange; size: number }): Promise<boolean>
  /** Whether the ledger still wants to hear of a download. */
  wantsFetch(reader: Reader, fetch: Fetch): Promise<boolean>
}

export interface LedgerDeps {
  readonly clock: Clock
  readonly jobs: Pick<Jobs, 'enqueue'>
  readonly recipients: Recipients
  readonly policy: DeliveryPolicy
  /** The server whose media this is about. */
  readonly serverName: string
}

/** Deletes what is due now. */
export const sweepJob = 'media.delete due'
/** Waits no more for whoever has left a room. */
export const leaveJob = 'media.recipient left'

export function createLedger({ clock, jobs, recipients, policy, serverName }: LedgerDeps): Ledger {
  /** Looks again whether everybody has it, and whether a message shows it. */
  async function settle(tx: Tx, mediaNid: number): Promise<void> {
    const state = await getDelivery(tx, mediaNid)
    if (!state) return
    const now = clock.now()
    const { kind, open, untracked, lacking } = state
    const deliveredTs = open > 0 && untracked === 0 && lacking === 0 ? (state.deliveredTs ?? now) : null
    const unlinkedTs = open > 0 ? null : (state.unlinkedTs ?? now)
    if (deliveredTs === state.deliveredTs && unlinkedTs === state.unlinkedTs) return
    await setDelivery(tx, mediaNid, { deliveredTs, unlinkedTs })
    const isDue = deliveredTs !== null && policy.grace === 0 && isInScope(policy, kind)
    const isGone = unlinkedTs !== null && (kind === 'note' || policy.redactedGrace === 0)
    if (isDue || isGone) await jobs.enqueue(tx, sweepJob, {})
  }

  /** Notes who must have what a message shows; false where they are nobody, or too many. */
  async function track(tx: Tx, media: LinkedMedia, names: ReadonlySet<Recipient> | undefined, roomNid: number) {
    for (const recipient of names ?? []) await insertRecipient(tx, { mediaNid: media.nid, roomNid, recipient })
    return names !== undefined && names.size > 0
  }

  async function link(
    tx: Tx,
    event: LinkingEvent,
    shown: { media: LinkedMedia; mainNid: number | null; names: ReadonlySet<Recipient> | undefined },
  ): Promise<void> {
    const { eventId, roomNid, sender } = event
    const { media, mainNid, names } = shown
    const kind: DeliveryKind = isNote(event.shown) ? 'note' : 'message'
    const isTracked = mainNid === null && (await track(tx, media, names, roomNid))
    await insertLink(tx, { mediaNid: media.nid, eventId, roomNid, sender, mainNid, isTracked })
    const isUploaders = media.uploader === sender
    if (!isUploaders && !media.isFollowed) return
    // What others make of a note leaves it a note.
    await putDelivery(tx, media.nid, isUploaders ? kind : 'note', clock.now())
    await settle(tx, media.nid)
  }

  async function pin(tx: Tx, { nid, isPinned }: LinkedMedia): Promise<void> {
    if (!isPinned) await pinMedia(tx, nid)
  }

  async function findOwn(tx: Tx, uses: readonly MediaUse[]): Promise<{ use: MediaUse; media: LinkedMedia }[]> {
    const found: { use: MediaUse; media: LinkedMedia }[] = []
    for (const use of uses) {
      const media = use.ref.origin === serverName ? await getLinkedMedia(tx, use.ref) : undefined
      if (media) found.push({ use, media })
    }
    return found
  }

  return {
    linked: async (tx, event) => {
      const found = await findOwn(tx, mediaUses(event.shown))
      if (found.length > 0) {
        const isFollowed = found.some(({ media }) => media.isFollowed)
        const matters = isFollowed || isInScope(policy, isNote(event.shown) ? 'note' : 'message')
        const names = matters ? await recipients.of(tx, event.roomNid, event.sender) : undefined
        const mainNid = found.find(({ use }) => use.kind === 'message')?.media.nid ?? null
        for (const { use, media } of found) {
          if (use.kind === 'pinned') await pin(tx, media)
          else await link(tx, event, { media, names, mainNid: use.kind === 'thumbnail' ? mainNid : null })
        }
      }
      const replaced = replacedEvent(event.shown)
      if (replaced === undefined) return
      const { roomNid, sender } = event
      for (const nid of await closeLinks(tx, { eventId: replaced, roomNid, sender })) await settle(tx, nid)
    },
    unlinked: async (tx, event) => {
      for (const nid of await closeLinks(tx, event)) await settle(tx, nid)
    },
    left: async (tx, roomNid, recipient) => {
      if (await isAwaited(tx, roomNid, recipient)) await jobs.enqueue(tx, leaveJob, { room: roomNid, recipient })
    },
    dropped: async (tx, roomNid, recipient, limit) => {
      const numbers = await dropRecipient(tx, { roomNid, recipient, limit })
      for (const nid of numbers) await settle(tx, nid)
      return numbers.length
    },
    pinned: async (tx, ref) => {
      const media = ref.origin === serverName ? await getLinkedMedia(tx, ref) : undefined
      if (media) await pin(tx, media)
    },
    wantsFetch: async (reader, fetch) => {
      const known = await getFetch(reader, fetch)
      return known === undefined || known.completeTs === null
    },
    fetched: async (tx, { part, size, ...fetch }) => {
      const known = await getFetch(tx, fetch)
      if (known && known.completeTs !== null) return false
      const parts = addPart(known?.parts ?? [], part)
      const isComplete = isWhole(parts, size)
      await putFetch(tx, fetch, parts, isComplete ? clock.now() : null)
      if (isComplete) await settle(tx, fetch.mediaNid)
      return isComplete
    },
  }
}
