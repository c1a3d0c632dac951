import type { Database } from '../../../db/database.ts'
import { errors } from '../../../matrix/errors.ts'
import type { UserId } from '../../../matrix/ids.ts'
import { parseMxc } from '../../../matrix/mxc.ts'
import type { Delivery } from '../../../media/delivery/delivery.ts'
import { getNote } from './store-notes.ts'
import type { NoteViews } from './views.ts'

export interface Keeping {
  /** When the recording is deleted all the same, in ms since 1970; undefined: not as things are. */
  readonly expiresTs: number | undefined
}

/**
 * The receiver of a note wants to keep its recording beyond its delivery, or does not any more. What the sender or the room
 * has chosen goes before that. Throws `404 M_NOT_FOUND` for notes that are not theirs, and `403 M_FORBIDDEN` where the
 * recording is not kept here.
 */
export type KeepNote = (userId: UserId, noteId: string, isKept: boolean) => Promise<Keeping>

interface Deps {
  readonly db: Database
  readonly media: { readonly delivery: Pick<Delivery, 'fate' | 'keep'> }
  readonly views: Pick<NoteViews, 'publish'>
}

export function createKeepNote({ db, media, views }: Deps): KeepNote {
  return (userId, noteId, isKept) =>
    db.write('note kept', async (tx) => {
      const note = await getNote(tx, noteId)
      if (note === undefined || note.receiver !== userId) throw errors.notFound('There is no such note to you')
      const ref = note.mxc === null ? undefined : parseMxc(note.mxc)
      const fate = ref && (await media.delivery.fate(tx, ref))
      if (note.state === 'deleted' || fate?.isDeleted) throw errors.notFound('That note has been deleted')
      const wish = { userId, uploader: note.sender, isKept }
      if (!ref || !(await media.delivery.keep(tx, ref, wish))) {
        throw errors.forbidden('This recording is not for you to keep here. Save it to have it for ever')
      }
      await views.publish(tx, note, 'receiver')
      return { expiresTs: (await media.delivery.fate(tx, ref))?.dueTs }
    })
}
