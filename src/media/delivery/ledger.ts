import type { Reader, Tx } from '../../db/database.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { MediaRef } from '../../matrix/mxc.ts'
import type { Clock } from '../../util/clock.ts'
import type { ByteRange } from '../blob-store.ts'
import type { Choices } from './choices.ts'
import { addPart, isWhole } from './coverage.ts'
import type { ContentKind } from './policy.ts'
import type { Recipient, Recipients } from './recipients.ts'
import type { Settle } from './settle.ts'
import { putDelivery } from './store-deliveries.ts'
import {
  closeLinks,
  declared,
  getLinkedMedia,
  insertLink,
  type LinkedMedia,
  pinMedia,
  takeDeclared,
} from './store-links.ts'
import { dropRecipient, type Fetch, getFetch, insertRecipient, isAwaited, putFetch } from './store-recipients.ts'
import { contentKindOf, type MediaUse, mediaUses, replacedEvent, type ShowingEvent } from './uses.ts'

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
  /** The sender says that a message shows media, where we cannot see it ourselves; without an event, that one will. */
  attached(
    tx: Tx,
    media: LinkedMedia,
    message: { eventId?: string; roomNid: number; sender: string; kind?: ContentKind | undefined },
  ): Promise<void>
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
  readonly choices: Choices
  readonly settle: Settle
  /** The server whose media this is about. */
  readonly serverName: string
}

/** Waits no more for whoever has left a room. */
export const leaveJob = 'media.recipient left'

export function createLedger({ clock, jobs, recipients, choices, settle, serverName }: LedgerDeps): Ledger {
  async function link(
    tx: Tx,
    media: LinkedMedia,
    message: {
      eventId: string
      roomNid: number
      sender: string
      kind: ContentKind
      mainNid: number | null
      names: ReadonlySet<Recipient> | undefined
    },
  ): Promise<void> {
    const { names = new Set(), ...rest } = message
    const isTracked = message.mainNid === null && names.size > 0
    if (isTracked) {
      for (const recipient of names) {
        await insertRecipient(tx, {
          mediaNid: media.nid,
          eventId: message.eventId,
          roomNid: message.roomNid,
          recipient,
        })
      }
    }
    await insertLink(tx, { ...rest, mediaNid: media.nid, isTracked })
    const isUploaders = media.uploader === message.sender
    if (!isUploaders && !media.isFollowed) return
    await putDelivery(tx, media.nid, clock.now())
    await settle(tx, media.nid)
  }

  async function pin(tx: Tx, { nid, isPinned }: LinkedMedia): Promise<void> {
    if (isPinned) return
    await pinMedia(tx, nid)
    await settle(tx, nid)
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
    linked: async (tx, { shown, ...event }) => {
      const found = await findOwn(tx, mediaUses(shown))
      if (found.length > 0) {
        const { roomNid, sender } = event
        const kind = contentKindOf(shown)
        const isFollowed = found.some(({ media }) => media.isFollowed)
        const matters = isFollowed || (await choices.rule(tx, { kind, roomNid, uploader: sender })).isDeleted
        const names = matters ? await recipients.of(tx, roomNid, sender) : undefined
        const mainNid = found.find(({ use }) => use.kind === 'message')?.media.nid ?? null
        for (const { use, media } of found) {
          if (use.kind === 'pinned') await pin(tx, media)
          else {
            if (media.uploader === event.sender) await takeDeclared(tx, media.nid)
            await link(tx, media, { ...event, kind, names, mainNid: use.kind === 'thumbnail' ? mainNid : null })
          }
        }
      }
      const replaced = replacedEvent(shown)
      if (replaced === undefined) return
      const { roomNid, sender } = event
      for (const nid of await closeLinks(tx, { eventId: replaced, roomNid, sender })) await settle(tx, nid)
    },
    attached: async (tx, media, { eventId = declared, roomNid, sender, kind }) => {
      const known = await takeDeclared(tx, media.nid)
      const names = await recipients.of(tx, roomNid, sender)
      await link(tx, media, { eventId, roomNid, sender, kind: known ?? kind ?? 'file', mainNid: null, names })
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
