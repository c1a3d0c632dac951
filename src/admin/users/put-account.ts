import { z } from 'zod'
import type { Accounts } from '../../accounts/accounts.ts'
import { checkProfileField } from '../../accounts/profile-fields.ts'
import type { User } from '../../accounts/types.ts'
import type { Database, Tx } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import { isStrictLocalpart, localpartOf, type UserId } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import { canonicalEmail } from '../../util/email-address.ts'
import { requireLocalId, requireModerated } from '../moderated-account.ts'

export const accountBody = z.object({
  password: z.string().min(1).max(512).nullish(),
  logout_devices: z.boolean().default(true),
  displayname: z.string().nullish(),
  avatar_url: z.string().nullish(),
  threepids: z.array(z.object({ medium: z.string(), address: z.string() })).nullish(),
  admin: z.boolean().nullish(),
  deactivated: z.boolean().nullish(),
  locked: z.boolean().nullish(),
  suspended: z.boolean().nullish(),
  user_type: z.string().nullish(),
})

export type AccountBody = z.output<typeof accountBody>

interface Deps {
  readonly db: Database
  readonly clock: Clock
  readonly accounts: Pick<
    Accounts,
    'isLocalUser' | 'users' | 'passwords' | 'profiles' | 'registration' | 'sessions' | 'threepids'
  >
}

/** Makes an account or changes one; true where it is new. What a body does not name stays as it is. */
export type PutAccount = (admin: UserId, id: string, body: AccountBody) => Promise<boolean>

export function createPutAccount({ db, clock, accounts }: Deps): PutAccount {
  const { users } = accounts

  async function setEmails(tx: Tx, userId: UserId, threepids: AccountBody['threepids']): Promise<void> {
    if (!threepids) return
    const wanted = new Set(threepids.map(requireEmail))
    for (const { medium, address } of await accounts.threepids.list(tx, userId)) {
      if (medium !== 'email' || !wanted.has(address)) await accounts.threepids.remove(tx, userId, medium, address)
    }
    for (const address of wanted) await accounts.threepids.add(tx, userId, { address, validatedTs: clock.now() })
  }

  async function setFlags(tx: Tx, userId: UserId, body: AccountBody): Promise<void> {
    const { admin, locked, suspended, user_type: userType } = body
    const flags = {
      ...(typeof admin === 'boolean' && { isAdmin: admin }),
      ...(typeof locked === 'boolean' && { isLocked: locked }),
      ...(typeof suspended === 'boolean' && { isSuspended: suspended }),
      ...(userType !== undefined && { userType }),
    }
    if (Object.keys(flags).length > 0) await users.setFlags(tx, userId, flags)
  }

  async function make(userId: UserId, body: AccountBody): Promise<void> {
    if (!isStrictLocalpart(localpartOf(userId))) {
      throw errors.invalidUsername('User names consist of a-z, 0-9 and the characters . _ = - / +')
    }
    if (body.deactivated) throw errors.unknown(400, 'An account that is to be deactivated must exist')
    await accounts.registration.register({
      username: localpartOf(userId),
      password: body.password ?? undefined,
      displayName: body.displayname || undefined,
      device: undefined,
      alongside: async (tx) => {
        await setFlags(tx, userId, body)
        await setEmails(tx, userId, body.threepids)
      },
    })
  }

  async function checkChange(tx: Tx, admin: UserId, user: User, body: AccountBody): Promise<void> {
    const { userId } = user
    if (userId === admin && body.admin === false) throw errors.unknown(400, 'Administrators do not demote themselves')
    if (body.deactivated === false && user.isDeactivated) {
      throw errors.unknown(400, 'A deactivated account cannot be brought back')
    }
    if (!body.locked && !body.suspended) return
    await requireModerated(tx, accounts, admin, userId)
    if (userId === admin) throw errors.forbidden('Administrators do not do this to themselves')
  }

  async function change(admin: UserId, userId: UserId, body: AccountBody, passwordHash?: string): Promise<void> {
    await db.write('change account', async (tx) => {
      const user = await users.get(tx, userId)
      if (user === undefined) throw errors.notFound('There is no such account')
      await checkChange(tx, admin, user, body)
      if (passwordHash !== undefined) {
        await users.setPassword(tx, userId, passwordHash)
        if (body.logout_devices) await accounts.sessions.endAll(tx, userId)
      }
      await setFlags(tx, userId, body)
      await setEmails(tx, userId, body.threepids)
      if (body.deactivated && !user.isDeactivated) await users.deactivate(tx, userId, false)
    })
  }

  return async (admin, id, body) => {
    const userId = requireLocalId(accounts, id)
    const { displayname, avatar_url: avatarUrl, password } = body
    if (displayname) checkProfileField('displayname', displayname)
    if (avatarUrl) checkProfileField('avatar_url', avatarUrl)
    if (password) accounts.passwords.check(password)
    const isNew = (await db.read((reader) => users.get(reader, userId))) === undefined
    if (isNew) await make(userId, body)
    else await change(admin, userId, body, password ? await accounts.passwords.hash(password) : undefined)
    if (body.deactivated) return isNew
    if (displayname !== undefined && !isNew)
      await accounts.profiles.set(userId, 'displayname', displayname || undefined)
    if (avatarUrl !== undefined) await accounts.profiles.set(userId, 'avatar_url', avatarUrl || undefined)
    return isNew
  }
}

function requireEmail({ medium, address }: { medium: string; address: string }): string {
  const canonical = medium === 'email' ? canonicalEmail(address) : undefined
  if (canonical === undefined)
    throw errors.invalidParam(`${address} is not a mail address, which is what accounts have`)
  return canonical
}
