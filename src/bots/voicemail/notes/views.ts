import type { Reader, Tx } from '../../../db/database.ts'
import type { NoteState } from '../../../db/schema/bots.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import { isUserId } from '../../../matrix/ids.ts'
import { parseMxc } from '../../../matrix/mxc.ts'
import type { Delivery, Fate } from '../../../media/delivery/delivery.ts'
import type { Live } from '../../../voip/live/live.ts'
import { noteJson } from './note-json.ts'
import { type SharingDeps, sharesPlayed } from './sharing.ts'
import type { NoteRow } from './store-notes.ts'

/** Notes as those see them whom they are of and for. */
export interface NoteViews {
  json(reader: Reader, note: NoteRow, viewer: string): Promise<JsonObject>
  /**
   * Tells both, as far as they are here. What the receiver did is told to the sender only where the receiver shares that:
   * otherwise that there is news would say it.
   */
  publish(tx: Tx, note: NoteRow, by: 'anybody' | 'receiver'): Promise<void>
  /** What became of a note, its media having been looked at. */
  look(reader: Reader, note: NoteRow): Promise<{ state: NoteState; isKept: boolean }>
  /** Whom a user ignores does not exist for them; the sender sees no difference. */
  isIgnored(reader: Reader, note: Pick<NoteRow, 'receiver' | 'sender'>): Promise<boolean>
}

interface Deps extends SharingDeps {
  readonly live: Pick<Live, 'publish'>
  readonly media: { readonly delivery: Pick<Delivery, 'fate'> }
}

export function createNoteViews(deps: Deps): NoteViews {
  const { accounts, live, media } = deps

  /** What becomes of the recording; undefined where that is not for this server to decide. */
  async function fateOf(reader: Reader, { mxc }: NoteRow): Promise<Fate | undefined> {
    const ref = mxc === null ? undefined : parseMxc(mxc)
    return ref && media.delivery.fate(reader, ref)
  }

  async function json(reader: Reader, note: NoteRow, viewer: string): Promise<JsonObject> {
    const isShared = viewer === note.receiver || (await sharesPlayed(deps, reader, note))
    const fate = await fateOf(reader, note)
    const state = fate?.isDeleted ? 'deleted' : note.state
    return noteJson({ ...note, state }, { viewer, isShared, expiresTs: fate?.dueTs, isKept: fate?.isKept === true })
  }

  const isIgnored: NoteViews['isIgnored'] = async (reader, { receiver, sender }) =>
    isUserId(receiver) &&
    accounts.isLocalUser(receiver) &&
    (await accounts.accountData.ignoredUsers(reader, receiver)).has(sender)

  return {
    json,
    isIgnored,
    look: async (reader, note) => {
      const fate = await fateOf(reader, note)
      return { state: fate?.isDeleted ? 'deleted' : note.state, isKept: fate?.isKept === true }
    },
    publish: async (tx, note, by) => {
      const isTold = {
        [note.sender]: by === 'anybody' || (await sharesPlayed(deps, tx, note)),
        [note.receiver]: !(await isIgnored(tx, note)),
      }
      for (const [userId, isWanted] of Object.entries(isTold)) {
        if (!isWanted || !isUserId(userId) || !accounts.isLocalUser(userId)) continue
        await live.publish(tx, userId, { type: 'note', ...(await json(tx, note, userId)) })
      }
    },
  }
}
