import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import type { MediaState } from '../../db/schema/media.ts'
import type { MediaRef } from '../../matrix/mxc.ts'

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
  readonly mainNid: number | null
  readonly isTracked: boolean
}

export async function insertLink(tx: Tx, link: NewLink): Promise<void> {
  await tx.qb
    .insertInto('media_links')
    .values({
      media_nid: link.mediaNid,
      event_id: link.eventId,
      room_nid: link.roomNid,
      sender: link.sender,
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

/** Thumbnails of media, of those that are shown for nothing else. */
export async function listThumbnailsOf(reader: Reader, mainNid: number): Promise<number[]> {
  const rows = await reader.qb
    .selectFrom('media_links as l')
    .select('l.media_nid as nid')
    .distinct()
    .where('l.main_nid', '=', mainNid)
    .where('l.is_open', '=', 1)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('media_links as other')
            .select('other.media_nid')
            .whereRef('other.media_nid', '=', 'l.media_nid')
            .where('other.is_open', '=', 1)
            .where((eb) => eb.or([eb('other.main_nid', 'is', null), eb('other.main_nid', '<>', mainNid)])),
        ),
      ),
    )
    .execute()
  return rows.map(({ nid }) => nid)
}

export async function pinMedia(tx: Tx, mediaNid: number): Promise<void> {
  await tx.qb.updateTable('media').set({ is_pinned: 1 }).where('media_nid', '=', mediaNid).execute()
}
