import type { Reader, Tx } from '../../db/database.ts'

/** What a confirmed address may be used for. */
export type Purpose = 'register' | 'add' | 'password'

export interface Validation {
  readonly sid: string
  readonly purpose: Purpose
  readonly address: string
  readonly secretHash: string
  readonly sendAttempt: number
  /** Of the tokens in the mails of this session, newest first. */
  readonly tokenHashes: readonly string[]
  readonly nextLink: string | undefined
  readonly validatedTs: number | undefined
  readonly expiresTs: number
}

export async function getValidation(reader: Reader, sid: string): Promise<Validation | undefined> {
  const row = await reader.qb.selectFrom('email_validations').selectAll().where('sid', '=', sid).executeTakeFirst()
  return row && fromRow(row)
}

export async function findValidation(
  reader: Reader,
  { purpose, address, secretHash }: Pick<Validation, 'purpose' | 'address' | 'secretHash'>,
): Promise<Validation | undefined> {
  const row = await reader.qb
    .selectFrom('email_validations')
    .selectAll()
    .where('address', '=', address)
    .where('secret_hash', '=', secretHash)
    .where('purpose', '=', purpose)
    .executeTakeFirst()
  return row && fromRow(row)
}

/** Inserts or replaces a session, and removes those that have expired. */
export async function putValidation(tx: Tx, validation: Validation, now: number): Promise<void> {
  const { sid, purpose, address, secretHash } = validation
  const values = {
    send_attempt: validation.sendAttempt,
    token_hashes: validation.tokenHashes.join(' '),
    next_link: validation.nextLink ?? null,
    validated_ts: validation.validatedTs ?? null,
    expires_ts: validation.expiresTs,
  }
  await tx.qb.deleteFrom('email_validations').where('expires_ts', '<=', now).execute()
  await tx.qb
    .insertInto('email_validations')
    .values({ sid, purpose, address, secret_hash: secretHash, ...values })
    .onConflict((c) => c.column('sid').doUpdateSet(values))
    .execute()
}

/** True for the one who deleted it. */
export async function deleteValidation(tx: Tx, sid: string): Promise<boolean> {
  const result = await tx.qb.deleteFrom('email_validations').where('sid', '=', sid).executeTakeFirst()
  return result.numDeletedRows > 0n
}

function fromRow(row: {
  sid: string
  purpose: string
  address: string
  secret_hash: string
  send_attempt: number
  token_hashes: string
  next_link: string | null
  validated_ts: number | null
  expires_ts: number
}): Validation {
  return {
    sid: row.sid,
    // Only purposes are inserted.
    purpose: row.purpose as Purpose,
    address: row.address,
    secretHash: row.secret_hash,
    sendAttempt: row.send_attempt,
    tokenHashes: row.token_hashes === '' ? [] : row.token_hashes.split(' '),
    nextLink: row.next_link ?? undefined,
    validatedTs: row.validated_ts ?? undefined,
    expiresTs: row.expires_ts,
  }
}
