import type { Database, Tx } from '../../db/database.ts'
import type { RateLimiter } from '../../http/rate-limit.ts'
import type { MailQueue } from '../../jobs/mail.ts'
import { errors, MatrixError } from '../../matrix/errors.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import { canonicalEmail } from '../../util/email-address.ts'
import { randomToken } from '../../util/random.ts'
import { hashToken } from '../tokens.ts'
import type { Users } from '../users.ts'
import { requireClientSecret, requireNextLink } from './request-checks.ts'
import {
  deleteValidation,
  findValidation,
  getValidation,
  type Purpose,
  putValidation,
  type Validation,
} from './store-validations.ts'
import type { ConfirmedEmail, Threepids } from './threepids.ts'
import { confirmationMail, knownAddressMail, unknownAddressMail } from './validation-mails.ts'

export type { Purpose } from './store-validations.ts'

export interface EmailRequest {
  readonly purpose: Purpose
  readonly email: string
  readonly clientSecret: string
  readonly sendAttempt: number
  readonly nextLink?: string | undefined
  /** Whoever asks, where they are logged in. */
  readonly userId?: UserId | undefined
}

/** A client's claim that an address has been confirmed. */
export interface EmailCredentials {
  readonly sid: string
  readonly clientSecret: string
}

/** Mail addresses on the way to being confirmed: a mail with a link, and a session that the client asks about. */
export interface EmailValidations {
  /** Whether this server can send mail. */
  readonly isEnabled: boolean
  /**
   * Sends a mail unless one was sent for this attempt or a later one, and returns the id of the session. Throws
   * `M_INVALID_PARAM`, `M_THREEPID_DENIED`, `M_THREEPID_IN_USE`, `M_THREEPID_NOT_FOUND`, `M_LIMIT_EXCEEDED`.
   */
  request(request: EmailRequest): Promise<string>
  /** The session that a link belongs to; undefined where the link is wrong or has expired. */
  find(sid: string, token: string): Promise<Validation | undefined>
  /** Takes the address for confirmed. Throws `M_NO_VALID_SESSION`, `M_SESSION_EXPIRED`, `M_TOKEN_INCORRECT`. */
  confirm(link: { sid: string; token: string; clientSecret?: string | undefined }): Promise<Validation>
  /** The address that a session has confirmed. Throws `M_THREEPID_AUTH_FAILED`, or `M_UNAUTHORIZED` where it has not yet. */
  require(purpose: Purpose, credentials: EmailCredentials): Promise<ConfirmedEmail>
  /** Uses a session up. Throws `M_THREEPID_AUTH_FAILED` where it has been used or has expired. */
  use(tx: Tx, sid: string): Promise<void>
}

export interface EmailValidationsDeps {
  readonly db: Database
  readonly clock: Clock
  readonly mail: MailQueue
  readonly limiter: RateLimiter
  readonly threepids: Threepids
  readonly users: Users
  readonly options: EmailOptions
}

export interface EmailOptions {
  readonly serverName: string
  /** How long a link works, in ms. */
  readonly linkLifetime: number
  /** Where addresses may be; empty: anywhere. */
  readonly allowedDomains: readonly string[]
  /** Whether only the owner of an address is told that it belongs to an account. */
  readonly hideKnown: boolean
  linkTo(path: string): string
}

/** Links of earlier mails of a session keep working. */
const maxTokens = 5

export function createEmailValidations(deps: EmailValidationsDeps): EmailValidations {
  const { db, clock, mail, limiter, threepids, users, options } = deps
  const isFresh = (validation: Validation | undefined): validation is Validation =>
    validation !== undefined && validation.expiresTs > clock.now()

  /** The account that stands in the way: for new addresses their owner, for passwords that there is none. */
  async function obstacle(tx: Tx, { purpose, userId }: EmailRequest, address: string) {
    const owner = await threepids.ownerOf(tx, address)
    const context = { appName: mail.appName, serverName: options.serverName, address }
    if (purpose === 'password') {
      if (owner !== undefined && (await users.hasPassword(tx, owner))) return undefined
      if (!options.hideKnown) throw errors.threepidNotFound()
      return unknownAddressMail(context)
    }
    if (owner === undefined) return undefined
    if (!options.hideKnown || (purpose === 'add' && userId !== undefined)) throw errors.threepidInUse()
    return knownAddressMail(purpose, owner, context)
  }

  async function begin(tx: Tx, request: EmailRequest, address: string, secretHash: string): Promise<string> {
    const { purpose, sendAttempt, nextLink } = request
    const found = await findValidation(tx, { purpose, address, secretHash })
    const known = isFresh(found) ? found : undefined
    if (known && sendAttempt <= known.sendAttempt) return known.sid
    const sid = known?.sid ?? randomToken(16)
    if (found && !known) await deleteValidation(tx, found.sid)
    const notice = await obstacle(tx, request, address)
    const token = randomToken()
    const expiresTs = clock.now() + options.linkLifetime
    // Without a token nobody can confirm the session, and its client cannot tell.
    const tokenHashes = notice ? [] : [hashToken(token), ...(known?.tokenHashes ?? [])].slice(0, maxTokens)
    const session = { sid, purpose, address, secretHash, sendAttempt, tokenHashes, nextLink, expiresTs }
    await putValidation(tx, { ...session, validatedTs: known?.validatedTs }, clock.now())
    const link = options.linkTo(`/_ringback/v1/email/confirm?sid=${sid}&token=${token}`)
    const context = { appName: mail.appName, serverName: options.serverName, address }
    await mail.enqueue(tx, { ...(notice ?? confirmationMail(purpose, link, context)), to: address, expiresTs })
    return sid
  }

  return {
    isEnabled: mail.isConfigured,
    request: async (request) => {
      const address = canonicalEmail(request.email)
      if (address === undefined) throw errors.invalidParam('This is not a mail address')
      requireClientSecret(request.clientSecret)
      if (request.nextLink !== undefined) requireNextLink(request.nextLink)
      const { purpose } = request
      const isDenied = options.allowedDomains.length > 0 && !options.allowedDomains.includes(domainOf(address))
      if (purpose !== 'password' && isDenied)
        throw errors.threepidDenied('Addresses at this domain are not allowed here')
      const secretHash = hashToken(request.clientSecret)
      const known = await db.read((reader) => findValidation(reader, { purpose, address, secretHash }))
      if (isFresh(known) && request.sendAttempt <= known.sendAttempt) return known.sid
      limiter.take('recipient', address)
      return db.write('email validation', (tx) => begin(tx, request, address, secretHash))
    },
    find: async (sid, token) => {
      const found = await db.read((reader) => getValidation(reader, sid))
      return isFresh(found) && found.tokenHashes.includes(hashToken(token)) ? found : undefined
    },
    confirm: ({ sid, token, clientSecret }) =>
      db.write('confirm email', async (tx) => {
        const found = await getValidation(tx, sid)
        const isTheirs = clientSecret === undefined || found?.secretHash === hashToken(clientSecret)
        if (!found || !isTheirs) throw new MatrixError(404, 'M_NO_VALID_SESSION', 'There is no such session')
        if (!isFresh(found)) throw new MatrixError(400, 'M_SESSION_EXPIRED', 'The session has expired')
        if (!found.tokenHashes.includes(hashToken(token))) {
          throw new MatrixError(400, 'M_TOKEN_INCORRECT', 'The token is not right')
        }
        const now = clock.now()
        // The client needs some time to go on.
        const confirmed = { ...found, validatedTs: found.validatedTs ?? now, expiresTs: now + options.linkLifetime }
        await putValidation(tx, confirmed, now)
        return confirmed
      }),
    require: async (purpose, { sid, clientSecret }) => {
      const found = await db.read((reader) => getValidation(reader, sid))
      if (!isFresh(found) || found.purpose !== purpose || found.secretHash !== hashToken(clientSecret)) {
        throw errors.threepidAuthFailed('The session of the mail address is not known or has expired')
      }
      if (found.validatedTs === undefined) {
        throw new MatrixError(401, 'M_UNAUTHORIZED', 'The link in the mail has not been opened yet')
      }
      return { address: found.address, validatedTs: found.validatedTs }
    },
    use: async (tx, sid) => {
      const found = await getValidation(tx, sid)
      if (!isFresh(found) || !(await deleteValidation(tx, sid))) {
        throw errors.threepidAuthFailed('The confirmation of the mail address has been used or has expired')
      }
    },
  }
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1)
}
