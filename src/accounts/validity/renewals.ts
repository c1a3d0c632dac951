import type { Database, Reader, Tx } from '../../db/database.ts'
import type { RateLimiter } from '../../http/rate-limit.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { MailQueue } from '../../jobs/mail.ts'
import { errors } from '../../matrix/errors.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import type { Part } from '../../util/part.ts'
import { randomToken } from '../../util/random.ts'
import type { Accounts } from '../accounts.ts'
import { hashToken } from '../tokens.ts'
import { renewalMail } from './renewal-mail.ts'
import { createRound } from './round.ts'
import {
  deleteMailed,
  deleteRenewals,
  getRenewalToken,
  insertRenewalToken,
  listEnding,
  putMailed,
} from './store-renewals.ts'

/** A link that is known. `open` ones renew; of others the account has been given another end since. */
export interface RenewalLink {
  readonly state: 'open' | 'used'
  readonly userId: UserId
  /** When the account ends. */
  readonly endTs: number
}

/** How people keep accounts that end. */
export interface Renewals {
  /** Whether accounts end at all. */
  readonly isEnabled: boolean
  /** Mails a link to the user's addresses. Throws `M_FORBIDDEN`, `M_THREEPID_DENIED`, `M_THREEPID_NOT_FOUND`, `M_LIMIT_EXCEEDED`. */
  sendMail(userId: UserId): Promise<void>
  find(token: string): Promise<RenewalLink | undefined>
  /** Renews the account of an open link and returns what the link was before, with the new end. */
  renew(token: string): Promise<RenewalLink | undefined>
  /**
   * Gives an account this end, in ms since 1970, default a new period. Without `mails` no mail is sent about it by itself.
   * Throws `M_INVALID_PARAM` for accounts that never end.
   */
  setEnd(tx: Tx, userId: UserId, options: { expiresTs?: number | undefined; mails: boolean }): Promise<number>
  readonly part: Part
}

export interface RenewalsDeps {
  readonly db: Database
  readonly clock: Clock
  readonly limiter: RateLimiter
  readonly jobs: Jobs
  readonly mail: MailQueue
  readonly accounts: Pick<Accounts, 'users' | 'threepids' | 'validity' | 'onDeactivate'>
  /** How long before its end the owner of an account is mailed, in ms. */
  readonly renewAt: number
  linkTo(path: string): string
}

const kind = 'account-validity'
/** Also a link that is mailed late should reach its reader. */
const mailLifetime = 7 * 24 * 3_600_000

export function createRenewals(deps: RenewalsDeps): Renewals {
  const { db, clock, limiter, jobs, mail, accounts } = deps
  const { users, threepids, validity } = accounts
  const isEnabled = validity.period !== undefined

  async function mailLink(tx: Tx, userId: UserId, { isBulk }: { isBulk: boolean }): Promise<void> {
    const user = await users.get(tx, userId)
    const endTs = user && !user.isDeactivated ? validity.endOf(user) : undefined
    if (endTs === undefined) return
    const token = randomToken()
    await insertRenewalToken(tx, { hash: hashToken(token), userId, endTs })
    await putMailed(tx, userId, endTs)
    const now = clock.now()
    const link = deps.linkTo(`/_ringback/v1/account/renew?token=${token}`)
    const text = renewalMail(link, { appName: mail.appName, userId, endTs, now })
    for (const { address } of await threepids.list(tx, userId)) {
      await mail.enqueue(tx, { ...text, to: address, expiresTs: Math.max(endTs, now + mailLifetime), isBulk })
    }
  }

  async function find(reader: Reader, token: string): Promise<RenewalLink | undefined> {
    const link = await getRenewalToken(reader, hashToken(token))
    const user = link && (await users.get(reader, link.userId))
    const endTs = user && validity.endOf(user)
    if (!link || endTs === undefined) return undefined
    return { state: endTs === link.endTs ? 'open' : 'used', userId: link.userId, endTs }
  }

  const renewalEnd = (): number => {
    const end = validity.newEnd()
    if (end === undefined) throw errors.unrecognized(404, 'Accounts do not end here')
    return end
  }

  accounts.onDeactivate((tx, { userId }) => deleteRenewals(tx, userId))
  jobs.handle(kind, createRound({ ...deps, mailLink: (tx, userId) => mailLink(tx, userId, { isBulk: true }) }))
  if (isEnabled) jobs.schedule('7 6 * * *', kind)

  return {
    isEnabled,
    sendMail: async (userId) => {
      const { user, addresses } = await db.read(async (reader) => ({
        user: await users.get(reader, userId),
        addresses: await threepids.list(reader, userId),
      }))
      if (!user || validity.endOf(user) === undefined) throw errors.forbidden('This account does not end')
      if (!mail.isConfigured) throw errors.threepidDenied('This server sends no mail')
      if (addresses.length === 0) throw errors.threepidNotFound('This account has no mail address')
      for (const { address } of addresses) limiter.take('recipient', address)
      await db.write('renewal mail', (tx) => mailLink(tx, userId, { isBulk: false }))
    },
    find: (token) => db.read((reader) => find(reader, token)),
    renew: (token) =>
      db.write('renew account', async (tx) => {
        const link = await find(tx, token)
        if (link?.state !== 'open') return link
        const endTs = Math.max(link.endTs, renewalEnd())
        await users.setEnds(tx, [link.userId], endTs)
        return { ...link, endTs }
      }),
    setEnd: async (tx, userId, { expiresTs = renewalEnd(), mails }) => {
      const user = await users.get(tx, userId)
      if (user && validity.endOf({ ...user, expiresTs }) === undefined) {
        throw errors.invalidParam('This account never ends')
      }
      await users.setEnds(tx, [userId], expiresTs)
      await (mails ? deleteMailed(tx, userId) : putMailed(tx, userId, expiresTs))
      return expiresTs
    },
    part: {
      name: 'account validity',
      start: async () => {
        const isNeeded = isEnabled || (await db.read((reader) => listEnding(reader, 'all', 1))).length > 0
        if (isNeeded) await db.write('account validity', (tx) => jobs.enqueue(tx, kind, {}, { key: 'start' }))
      },
      stop: () => {},
    },
  }
}
