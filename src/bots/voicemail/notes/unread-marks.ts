import type { AccountDataHook } from '../../../accounts/account-data.ts'
import type { Accounts } from '../../../accounts/accounts.ts'
import type { Database, Tx } from '../../../db/database.ts'
import type { Jobs } from '../../../jobs/jobs.ts'
import { isRoomId, isUserId, type RoomId, type UserId } from '../../../matrix/ids.ts'
import type { Clock } from '../../../util/clock.ts'
import { readSettings, settingsType } from '../settings.ts'
import { listUnplayed, type NoteRow, updateNote } from './store-notes.ts'

const markType = 'm.marked_unread'
const remindJob = 'voicemail.mark unread again'
/** So long after somebody has looked, without listening, the conversation is marked again. */
const remindMs = 30 * 60_000

/** Keeps conversations marked as unread until their notes are played: https://spec.matrix.org/v1.19/client-server-api/#unread-markers */
export interface UnreadMarks {
  arrived(tx: Tx, note: NoteRow): Promise<void>
  /** A note was played, or cannot be any more. */
  settled(tx: Tx, note: NoteRow): Promise<void>
  /** Sees when clients take a mark away; it comes back once. */
  readonly accountDataChanged: AccountDataHook
}

interface Deps {
  readonly db: Database
  readonly clock: Clock
  readonly jobs: Pick<Jobs, 'enqueue' | 'cancel' | 'handle'>
  readonly accounts: Pick<Accounts, 'accountData' | 'isLocalUser'>
}

export function createUnreadMarks({ db, clock, jobs, accounts }: Deps): UnreadMarks {
  const { accountData } = accounts

  const isMarked = async (tx: Tx, userId: UserId, roomId: RoomId) =>
    (await accountData.get(tx, userId, markType, roomId))?.unread === true

  async function mark(tx: Tx, userId: UserId, roomId: RoomId, unread: boolean): Promise<void> {
    if ((await isMarked(tx, userId, roomId)) !== unread) await accountData.set(tx, userId, markType, { unread }, roomId)
  }

  async function wantsMarks(tx: Tx, userId: UserId): Promise<boolean> {
    const { keepsUnread, takesNotes } = readSettings(await accountData.get(tx, userId, settingsType))
    return keepsUnread && takesNotes
  }

  /** Written from members' ids and those of their rooms. */
  const idsOf = ({ receiver, room_id: roomId }: NoteRow) => ({ userId: receiver as UserId, roomId: roomId as RoomId })
  const keyOf = (userId: UserId, roomId: RoomId) => `${roomId} ${userId}`

  jobs.handle(remindJob, async ({ user, room }) => {
    const [userId, roomId] = [String(user), String(room)]
    if (!isUserId(userId) || !isRoomId(roomId)) return
    await db.write('mark unread again', async (tx) => {
      const due = (await listUnplayed(tx, userId, roomId)).filter(({ reminded }) => reminded === 0)
      if (due.length === 0 || !(await wantsMarks(tx, userId))) return
      for (const { note_id: noteId } of due) await updateNote(tx, noteId, { reminded: 1 })
      await mark(tx, userId, roomId, true)
    })
  })

  return {
    arrived: async (tx, note) => {
      const { userId, roomId } = idsOf(note)
      if (await wantsMarks(tx, userId)) await mark(tx, userId, roomId, true)
    },
    settled: async (tx, note) => {
      const { userId, roomId } = idsOf(note)
      if (!accounts.isLocalUser(userId) || (await listUnplayed(tx, userId, roomId)).length > 0) return
      await jobs.cancel(tx, remindJob, keyOf(userId, roomId))
      if (await wantsMarks(tx, userId)) await mark(tx, userId, roomId, false)
    },
    accountDataChanged: async (tx, { userId, type, roomId }) => {
      if (type !== markType || roomId === undefined || (await isMarked(tx, userId, roomId))) return
      const due = (await listUnplayed(tx, userId, roomId)).filter(({ reminded }) => reminded === 0)
      if (due.length === 0) return
      const payload = { user: userId, room: roomId }
      await jobs.enqueue(tx, remindJob, payload, { key: keyOf(userId, roomId), runAt: clock.now() + remindMs })
    },
  }
}
