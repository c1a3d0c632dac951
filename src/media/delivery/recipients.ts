import type { Accounts } from '../../accounts/accounts.ts'
import type { Reader } from '../../db/database.ts'
import type { Requester } from '../../http/endpoint.ts'
import { hasUserIdShape, serverOf } from '../../matrix/ids.ts'

/**
 * Who has to have media: a user of ours, another server as a whole (`server:NAME`), because we cannot see who of its users
 * has it, or an application service with all its users (`appservice:ID`).
 */
export type Recipient = string

/** Everybody in a room, or the first `limit` of them. */
export type JoinedMembers = (reader: Reader, roomNid: number, limit: number) => Promise<string[]>

export interface Recipients {
  /** Those whom a message is for: all who are in the room now but its sender and guests. Undefined where they are too many to follow. */
  of(reader: Reader, roomNid: number, sender: string): Promise<ReadonlySet<Recipient> | undefined>
  /** Under which name a member counts; undefined for users of the server itself, who need no media. */
  nameOf(userId: string): Recipient | undefined
  /** Whether somebody in the room counts under this name. */
  isIn(reader: Reader, roomNid: number, recipient: Recipient): Promise<boolean>
}

export interface RecipientsDeps {
  readonly accounts: Pick<Accounts, 'isLocalUser' | 'appservices' | 'users'>
  readonly joined: JoinedMembers
  /** Users that the server runs itself. */
  readonly ownUsers: ReadonlySet<string>
}

/** In larger rooms nobody is waited for. */
const mostRecipients = 50
const mostMembers = 500

export function createRecipients({ accounts, joined, ownUsers }: RecipientsDeps): Recipients {
  function nameOf(userId: string): Recipient | undefined {
    if (ownUsers.has(userId) || !hasUserIdShape(userId)) return undefined
    if (!accounts.isLocalUser(userId)) return serverRecipient(serverOf(userId))
    const { appservices } = accounts
    const owner = appservices.isEmpty() ? undefined : appservices.list().find(({ reserves }) => reserves.user(userId))
    return owner ? appserviceName(owner.id) : userId
  }

  return {
    nameOf,
    of: async (reader, roomNid, sender) => {
      const members = await joined(reader, roomNid, mostMembers + 1)
      if (members.length > mostMembers) return undefined
      const names = new Set<Recipient>()
      for (const userId of members) {
        const name = userId === sender ? undefined : nameOf(userId)
        if (name !== undefined) names.add(name)
      }
      if (names.size > mostRecipients) return undefined
      for (const name of names) {
        // Guests look in and are gone.
        if (hasUserIdShape(name) && (await accounts.users.get(reader, name))?.isGuest) names.delete(name)
      }
      return names
    },
    isIn: async (reader, roomNid, recipient) => {
      const members = await joined(reader, roomNid, mostMembers + 1)
      return members.length > mostMembers || members.some((userId) => nameOf(userId) === recipient)
    },
  }
}

/** Under which name all users of another server count. */
export const serverRecipient = (server: string): Recipient => `server:${server}`

/** The server that stands behind a name; undefined for others. */
export const serverOfRecipient = (name: Recipient): string | undefined =>
  name.startsWith('server:') ? name.slice('server:'.length) : undefined

const appserviceName = (id: string): Recipient => `appservice:${id}`

/** Whoever asks for media: somebody with an access token, or another server. */
export type MediaRequester = Pick<Requester, 'userId' | 'deviceId'> | { readonly server: string }

/** Under which name, and on which device, whoever asks for media has it: that under which a message waits for them. */
export function fetcherOf(
  requester: MediaRequester,
  { nameOf }: Pick<Recipients, 'nameOf'>,
): { recipient: Recipient; device: string } {
  if ('server' in requester) return { recipient: serverRecipient(requester.server), device: '' }
  // Users of an application service count as one, also with access tokens of their own.
  const { userId, deviceId } = requester
  return { recipient: nameOf(userId) ?? userId, device: deviceId ?? '' }
}
