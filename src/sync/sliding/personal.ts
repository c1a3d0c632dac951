import type { AccountData } from '../../accounts/account-data.ts'
import type { Reader } from '../../db/database.ts'
import { fieldOf } from '../../matrix/content.ts'
import type { Json, JsonObject } from '../../matrix/event.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { InviteSettings } from '../../matrix/invite-permission.ts'
import { LruMap } from '../../util/lru.ts'
import type { UserNews } from '../user-news.ts'

/** What a user's account data says about rooms and people. */
export interface Personal {
  /** Stream position of the last change of the account data. */
  readonly revision: number
  readonly ignored: ReadonlySet<string>
  /** Which invitations the user wants to hear of. */
  readonly invites: InviteSettings
  /** Ids of the rooms for direct chats. */
  readonly dms: ReadonlySet<string>
}

export interface PersonalReads {
  /** `at` is the position of the snapshot. */
  get(reader: Reader, userId: UserId, at: number): Promise<Personal>
  /** The tags of each room that has some. */
  tags(reader: Reader, userId: UserId, revision: number): Promise<ReadonlyMap<string, ReadonlySet<string>>>
}

export function createPersonalReads(
  accountData: Pick<AccountData, 'get' | 'ofRooms' | 'lastChange' | 'inviteSettings'>,
  userNews: UserNews,
): PersonalReads {
  const known = new LruMap<string, Personal>(10_000)
  const tagged = new LruMap<string, ReadonlyMap<string, ReadonlySet<string>>>(200_000, (tags) => tags.size + 1)
  return {
    get: async (reader, userId, at) => {
      const { revision } = await userNews.remember(userId, 'account data', at, async () => ({
        revision: await accountData.lastChange(reader, userId),
      }))
      const cached = known.get(userId)
      if (cached?.revision === revision) return cached
      const direct = await accountData.get(reader, userId, 'm.direct')
      const invites = await accountData.inviteSettings(reader, userId)
      const personal = {
        revision,
        ignored: invites.ignoredUsers,
        invites,
        dms: new Set(Object.values(direct ?? {}).flatMap(strings)),
      }
      known.set(userId, personal)
      return personal
    },
    tags: async (reader, userId, revision) => {
      const name = `${userId} ${revision}`
      const cached = tagged.get(name)
      if (cached !== undefined) return cached
      const contents = await accountData.ofRooms(reader, userId, 'm.tag')
      const tags = new Map([...contents].map(([roomId, content]) => [roomId, new Set(tagsOf(content))]))
      tagged.set(name, tags)
      return tags
    },
  }
}

const strings = (value: Json): string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []

function tagsOf(content: JsonObject): string[] {
  const tags = fieldOf({ content }, 'tags')
  return typeof tags === 'object' && tags !== null && !Array.isArray(tags) ? Object.keys(tags) : []
}
