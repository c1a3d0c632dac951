import type { Accounts } from '../../accounts/accounts.ts'
import type { DeactivateHook, ProfileChangeHook } from '../../accounts/hooks.ts'
import type { Database, Tx } from '../../db/database.ts'
import { historyVisibilityOf, joinRuleOf } from '../../matrix/content.ts'
import type { Json } from '../../matrix/event.ts'
import { hasUserIdShape, localpartOf, type UserId } from '../../matrix/ids.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import { foldText, wordsOf } from '../../util/words.ts'
import type { RoomView } from '../room-view.ts'
import type { PersistHook } from '../types.ts'
import { deleteDirectoryEntry, getDirectoryEntry, putDirectoryEntry, putOpenRoom } from './store-user-directory.ts'

/** Keeps the user directory as the profiles and rooms are. */
export interface DirectoryEntries {
  readonly onPersist: PersistHook
  readonly onProfileChange: ProfileChangeHook
  readonly onDeactivate: DeactivateHook
}

interface Deps {
  readonly db: Database
  readonly view: RoomView
  readonly accounts: Pick<Accounts, 'isLocalUser' | 'getProfile'>
}

const maxWords = 30
const textOrNull = (value: Json | undefined) => (typeof value === 'string' ? value : null)

function findableBy(userId: UserId, displayName: string | null): string[] {
  const words = [...wordsOf(localpartOf(userId)), ...wordsOf(displayName ?? '', maxWords)]
  return [...new Set([foldText(userId), ...words.map(({ text }) => text)])]
}

export function createDirectoryEntries({ db, view, accounts }: Deps): DirectoryEntries {
  /** The account's own name: what a user is called in one room stays there. */
  async function refresh(tx: Tx, userId: UserId): Promise<void> {
    const profile = (await accounts.getProfile(tx, userId)) ?? {}
    const [name, avatar] = [textOrNull(profile.displayname), textOrNull(profile.avatar_url)]
    const known = await getDirectoryEntry(tx, userId)
    if (known !== undefined && known.display_name === name && known.avatar_url === avatar) return
    await putDirectoryEntry(tx, { user_id: userId, display_name: name, avatar_url: avatar }, findableBy(userId, name))
  }

  return {
    onPersist: async (tx, { room, currentChanges }) => {
      let mayOpen = false
      for (const { pdu } of currentChanges) {
        const { type, state_key: key = '' } = pdu
        if (type === 'm.room.member' && membershipOf(pdu) === 'join') {
          if (hasUserIdShape(key) && accounts.isLocalUser(key)) await refresh(tx, key)
        } else if (type === 'm.room.join_rules' || type === 'm.room.history_visibility') mayOpen = true
      }
      if (!mayOpen) return
      const rules = await view.entry(tx, room.stateNid, 'm.room.join_rules', '')
      const visibility = await view.entry(tx, room.stateNid, 'm.room.history_visibility', '')
      const isOpen = joinRuleOf(rules?.pdu) === 'public' || historyVisibilityOf(visibility?.pdu) === 'world_readable'
      await putOpenRoom(tx, room.nid, isOpen)
    },
    onProfileChange: ({ userId, fields }) =>
      'displayname' in fields || 'avatar_url' in fields
        ? db.write('user directory', async (tx) => {
            // Who was never in a room is found by nobody.
            if ((await getDirectoryEntry(tx, userId)) !== undefined) await refresh(tx, userId)
          })
        : Promise.resolve(),
    onDeactivate: (tx, { userId }) => deleteDirectoryEntry(tx, userId),
  }
}
