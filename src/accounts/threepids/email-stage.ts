import type { Database } from '../../db/database.ts'
import type { StageCheck } from '../../http/uia.ts'
import { errors } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { Threepids } from './threepids.ts'
import type { EmailCredentials, EmailValidations, Purpose } from './validations.ts'

export const emailStage = 'm.login.email.identity'

/** What the stage leaves with the session. */
export interface EmailProof {
  readonly sid: string
  readonly address: string
  readonly validatedTs: number
  /** Whose address it is, where that is asked. */
  readonly userId?: UserId
}

export interface EmailStageDeps {
  readonly emails: EmailValidations
  readonly accounts: { readonly threepids: Threepids }
  readonly db: Database
}

/**
 * Checks that the link in a mail has been opened.
 * https://spec.matrix.org/v1.19/client-server-api/#email-based-identity--homeserver
 */
export function emailStageCheck(emails: EmailValidations, purpose: Purpose): StageCheck {
  return async (auth) => {
    const credentials = credentialsOf(auth)
    const { address, validatedTs } = await emails.require(purpose, credentials)
    return { result: { sid: credentials.sid, address, validatedTs } }
  }
}

/** The same for a new password: the address stands for its account. */
export function passwordEmailStage({ emails, accounts: { threepids }, db }: EmailStageDeps): StageCheck {
  return async (auth) => {
    const credentials = credentialsOf(auth)
    const { address, validatedTs } = await emails.require('password', credentials)
    const userId = await db.read((reader) => threepids.ownerOf(reader, address))
    if (userId === undefined) throw errors.threepidAuthFailed('The address belongs to no account any more')
    return { userId, result: { sid: credentials.sid, address, validatedTs, userId } }
  }
}

/** What the stage has found out, where it is done. */
export function emailProof(completed: Readonly<Record<string, unknown>>): EmailProof | undefined {
  // The check above is all that writes this.
  return Object.hasOwn(completed, emailStage) ? (completed[emailStage] as EmailProof) : undefined
}

function credentialsOf(auth: JsonObject): EmailCredentials {
  const given = auth.threepid_creds ?? auth.threepidCreds
  // Older clients wrap them into a list.
  const creds = Array.isArray(given) ? given[0] : given
  if (typeof creds !== 'object' || creds === null || Array.isArray(creds)) {
    throw errors.missingParam('Missing key threepid_creds')
  }
  const { sid, client_secret: clientSecret } = creds
  if (typeof sid !== 'string') throw errors.missingParam('Missing key threepid_creds.sid')
  if (typeof clientSecret !== 'string') throw errors.missingParam('Missing key threepid_creds.client_secret')
  return { sid, clientSecret }
}
