import type { Accounts } from '../../../accounts/accounts.ts'
import type { Database } from '../../../db/database.ts'
import { stringsOf } from '../../../matrix/content.ts'
import type { RoomId, UserId } from '../../../matrix/ids.ts'
import type { InboxNote } from '../notes/inbox.ts'

/** Account data of the bot for a chat. */
const type = 'io.ringback.inbox'

/** The list that was last shown in a chat: its numbers count until the next one, whatever is played or comes meanwhile. */
export interface ShownList {
  put(botId: UserId, chatId: RoomId, notes: readonly InboxNote[]): Promise<void>
  /** The note with that number, among those that there are now. */
  find(botId: UserId, chatId: RoomId, notes: readonly InboxNote[], number: number): Promise<InboxNote | undefined>
}

export function createShownList({
  db,
  accounts: { accountData },
}: {
  db: Database
  accounts: Pick<Accounts, 'accountData'>
}): ShownList {
  return {
    put: async (botId, chatId, notes) => {
      const content = { notes: notes.map(({ noteId }) => noteId) }
      await db.write('inbox shown', (tx) => accountData.set(tx, botId, type, content, chatId))
    },
    find: async (botId, chatId, notes, number) => {
      const content = await db.read((reader) => accountData.get(reader, botId, type, chatId))
      if (content === undefined) return notes[number - 1]
      const noteId = stringsOf({ content }, 'notes')[number - 1]
      return notes.find((note) => note.noteId === noteId)
    },
  }
}
