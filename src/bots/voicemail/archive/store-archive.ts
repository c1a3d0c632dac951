import type { Reader } from '../../../db/database.ts'

/** Which notes and actions are meant; all of them unless something is given. Times in ms since 1970. */
export interface ArchiveFilter {
  /** Sender or receiver. */
  readonly userId?: string | undefined
  readonly roomId?: string | undefined
  readonly fromTs?: number | undefined
  /** Not included. */
  readonly toTs?: number | undefined
}

/** A page of notes in the order in which they were sent. */
export function listNotesOf(reader: Reader, filter: ArchiveFilter, { after, limit }: { after: number; limit: number }) {
  const { userId, roomId, fromTs, toTs } = filter
  return reader.qb
    .selectFrom('voicemail_notes')
    .selectAll()
    .where('note_nid', '>', after)
    .$if(userId !== undefined, (qb) =>
      qb.where((eb) => eb.or([eb('sender', '=', userId ?? ''), eb('receiver', '=', userId ?? '')])),
    )
    .$if(roomId !== undefined, (qb) => qb.where('room_id', '=', roomId ?? ''))
    .$if(fromTs !== undefined, (qb) => qb.where('sent_ts', '>=', fromTs ?? 0))
    .$if(toTs !== undefined, (qb) => qb.where('sent_ts', '<', toTs ?? 0))
    .orderBy('note_nid')
    .limit(limit)
    .execute()
}

export type ArchivedNote = Awaited<ReturnType<typeof listNotesOf>>[number]
