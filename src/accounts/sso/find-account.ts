import type { SsoProviderConfig } from '../../config/schema-sso.ts'
import type { Database } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import { makeUserId, type ServerName, type UserId } from '../../matrix/ids.ts'
import type { Accounts } from '../accounts.ts'
import type { Person } from './person.ts'

export interface FindAccountDeps {
  readonly db: Database
  readonly serverName: ServerName
  readonly accounts: Pick<Accounts, 'externalIds' | 'users'>
}

/** The account of somebody who logged in at a provider; undefined where they have none. Throws `403` where it is closed. */
export async function findAccount(
  { db, serverName, accounts }: FindAccountDeps,
  { id: providerId, link_existing_users: linksExisting }: SsoProviderConfig,
  person: Person,
): Promise<UserId | undefined> {
  const { externalIds, users } = accounts
  const known = await db.read((reader) => externalIds.ownerOf(reader, providerId, person.subject))
  if (known !== undefined) return requireOpen(known)
  if (!linksExisting || !person.isExact) return undefined
  const candidate = makeUserId(person.localpart, serverName)
  const existing = await db.read((reader) => users.get(reader, candidate))
  if (!existing || existing.isGuest || existing.appserviceId !== undefined) return undefined
  await requireOpen(existing.userId)
  const { userId } = existing
  await db.write('link account', (tx) => externalIds.link(tx, { providerId, subject: person.subject, userId }))
  return userId

  async function requireOpen(userId: UserId): Promise<UserId> {
    const user = await db.read((reader) => users.get(reader, userId))
    if (!user || user.isDeactivated) throw errors.userDeactivated()
    if (user.isLocked) throw errors.forbidden('This account has been locked')
    return userId
  }
}
