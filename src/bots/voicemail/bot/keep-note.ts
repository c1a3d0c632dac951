import { MatrixError } from '../../../matrix/errors.ts'
import type { UserId } from '../../../matrix/ids.ts'
import { isoTime } from '../../../util/clock.ts'
import type { Inbox, InboxNote } from '../notes/inbox.ts'

/** Keeps a note, or does not any more; returns what there is to say of it. */
export async function keepNote(
  inbox: Pick<Inbox, 'keep'>,
  userId: UserId,
  { noteId, senderName }: InboxNote,
  isKept: boolean,
): Promise<string> {
  try {
    const { expiresTs } = await inbox.keep(userId, noteId, isKept)
    const day = expiresTs === undefined ? undefined : isoTime(expiresTs).slice(0, 10)
    if (!isKept)
      return `I do not keep the note from ${senderName} any more.${day ? ` It is deleted on ${day} as things are.` : ''}`
    if (day === undefined) return `I keep the note from ${senderName} until you say “keep N off” or it is deleted.`
    return `The note from ${senderName} is deleted on ${day} all the same: the sender, the room or this server wants it so.`
  } catch (error) {
    if (!(error instanceof MatrixError) || error.status >= 500) throw error
    return `${error.message}.`
  }
}
