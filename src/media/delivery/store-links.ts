import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import { prepareList } from '../../db/prepare-list.ts'
import type { MediaState } from '../../db/schema/media.ts'
import type { MediaRef } from '../../matrix/mxc.ts'
import { type ContentKind, contentKinds } from './policy.ts'

/** Media of ours, as far as messages are concerned. */
export interface LinkedMedia {
  readonly nid: number
  readonly uploader: string | null
  readonly isPinned: boolean
  readonly isFollowed: boolean
}

const byRef = prepare((qb, p: MediaRef) =>
  qb
    .selectFrom('media as m')
    .leftJoin('media_deliveries as d', 'd.media_nid', 'm.media_nid')
    .select(['m.media_nid as nid', 'm.uploader', 'm.state', 'm.is_pinned', 'd.linked_ts'])
    .where('m.origin', '=', p.origin)
    .where('m.media_id', '=', p.mediaId),
)

/** Undefined where there is none, or none any more. */
export async function getLinkedMedia(reader: Reader, ref: MediaRef): Promise<LinkedMedia | undefined> {
  const row = await byRef.first(reader, ref)
  if (!row || row.state === ('deleted' satisfies MediaState)) return undefined
  return { nid: row.nid, uploader: row.uploader, isPinned: row.is_pinned === 1, isFollowed: row.linked_ts !== null }
}

export interface NewLink {
  readonly mediaNid: number
  readonly eventId: string
  readonly roomNid: number
  readonly sender: string
  readonly kind: ContentKind
  readonly mainNid: number | null
  readonly isTracked: boolean
}

/** The event of links that were declared at the upload, before there was one. */
export const declared = ''

export async function insertLink(tx: Tx, link: NewLink): Promise<void> {
  await tx.qb
    .insertInto('media_links')
    .values({
      media_nid: link.mediaNid,
      event_id: link.eventId,
      room_nid: link.roomNid,
      sender: link.sender,
      kind: link.kind,
      main_nid: link.mainNid,
      is_open: 1,
      is_tracked: link.isTracked ? 1 : 0,
    })
    .onConflict((conflict) => conflict.columns(['media_nid', 'event_id']).doNothing())
    .execute()
}

/** Ends the links of a message, if it is this sender's where one is given; returns the media. */
export async function closeLinks(
  tx: Tx,
  event: { eventId: string; roomNid: number; sender?: string },
): Promise<number[]> {
  const { eventId, roomNid, sender } = event
  const rows = await tx.qb
    .selectFrom('media_links')
    .select('media_nid as nid')
    .where('event_id', '=', eventId)
    .where('room_nid', '=', roomNid)
    .where('is_open', '=', 1)
    .$if(sender !== undefined, (query) => query.where('sender', '=', sender ?? ''))
    .execute()
  const numbers = rows.map(({ nid }) => nid)
  if (numbers.length > 0) {
    await tx.qb
      .updateTable('media_links')
      .set({ is_open: 0 })
      .where('event_id', '=', eventId)
      .where('media_nid', 'in', numbers)
      .execute()
  }
  return numbers
}

const showing = prepareList((qb, ids: readonly string[]) =>
  qb.selectFrom('media_links').select(['event_id', 'room_nid']).where('event_id', 'in', ids).where('is_open', '=', 1),
)

/** Those of the messages that show media. */
export async function listShowing(reader: Reader, roomNid: number, ids: readonly string[]): Promise<string[]> {
  const rows = await showing(reader, ids)
  return [...new Set(rows.flatMap((row) => (row.room_nid === roomNid ? row.event_id : [])))]
}

const shapes = prepare((qb, p: { mediaNid: number }) =>
  qb
    .selectFrom('media_links as l')
    .innerJoin('media as m', 'm.media_nid', 'l.media_nid')
    .select(['l.room_nid', 'l.kind', 'l.is_open', 'l.is_tracked'])
    .select(({ eb }) => eb.case().when('l.sender', '=', eb.ref('m.uploader')).then(1).else(0).end().as('is_own'))
    .distinct()
    .where('l.media_nid', '=', p.mediaNid),
)

/** What there is of messages that show media: those that are alike in all this are one. */
export interface LinkShape {
  readonly roomNid: number
  readonly kind: ContentKind
  readonly isOpen: boolean
  /** Whether those whom it was for are followed. */
  readonly isTracked: boolean
  /** Whether its uploader sent it. */
  readonly isOwn: boolean
}

export async function listLinkShapes(reader: Reader, mediaNid: number): Promise<LinkShape[]> {
  return (await shapes.all(reader, { mediaNid })).map((row) => ({
    roomNid: row.room_nid,
    kind: kindOf(row.kind),
    isOpen: row.is_open === 1,
    isTracked: row.is_tracked === 1,
    isOwn: row.is_own === 1,
  }))
}

const kindOf = (text: string): ContentKind => contentKinds.find((kind) => kind === text) ?? 'file'

/** The declaration made at the upload for a room; the message that keeps it takes its place. */
export async function takeDeclared(tx: Tx, mediaNid: number): Promise<ContentKind | undefined> {
  const row = await tx.qb
    .deleteFrom('media_links')
    .where('media_nid', '=', mediaNid)
    .where('event_id', '=', declared)
    .returning('kind')
    .executeTakeFirst()
  return row && kindOf(row.kind)
}

/** Media that a message is known to show. */
export async function listMediaOfEvent(reader: Reader, roomNid: number, eventId: string): Promise<number[]> {
  const query = reader.qb.selectFrom('media_links').select('media_nid as nid')
  const rows = await query.where('event_id', '=', eventId).where('room_nid', '=', roomNid).execute()
  return rows.map(({ nid }) => nid)
}

/** Thumbnails of some media, as far as they are shown for nothing else. */
export async function listThumbnailsOf(reader: Reader, mainNids: readonly number[]): Promise<number[]> {
  if (mainNids.length === 0) return []
  const rows = await reader.qb
    .selectFrom('media_links as l')
    .select('l.media_nid as nid')
    .distinct()
    .where('l.main_nid', 'in', mainNids)
    .where('l.is_open', '=', 1)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('media_links as other')
            .select('other.media_nid')
            .whereRef('other.media_nid', '=', 'l.media_nid')
            .where('other.is_open', '=', 1)
            .where((eb) => eb.or([eb('other.main_nid', 'is', null), eb('other.main_nid', 'not in', mainNids)])),
        ),
      ),
    )
    .execute()
  return rows.map(({ nid }) => nid)
}

export async function pinMedia(tx: Tx, mediaNid: number): Promise<void> {
  await tx.qb.updateTable('media').set({ is_pinned: 1 }).where('media_nid', '=', mediaNid).execute()
}

/** What is in those of some media that have content, as SHA-256 in hex. */
export async function listHashes(
  reader: Reader,
  numbers: readonly number[],
): Promise<{ nid: number; sha256: string }[]> {
  if (numbers.length === 0) return []
  return reader.qb
    .selectFrom('media as m')
    .innerJoin('media_blobs as b', 'b.blob_nid', 'm.blob_nid')
    .select(['m.media_nid as nid', 'b.sha256'])
    .where('m.media_nid', 'in', numbers)
    .execute()
}
