import type { Reader, Tx } from '../../../db/database.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import type { KeyAnswer, ServerKey } from './key-answer.ts'

/** All keys of a server that were ever seen. */
export async function listServerKeys(reader: Reader, server: string): Promise<ServerKey[]> {
  const rows = await reader.qb
    .selectFrom('server_keys')
    .select(['key_id', 'public_key', 'valid_until_ts'])
    .where('server_name', '=', server)
    .execute()
  return rows.map((row) => ({ keyId: row.key_id, publicKey: row.public_key, validUntil: row.valid_until_ts }))
}

/**
 * Keeps an answer and its keys. What a notary says of keys that are known counts only where its answer is valid for longer
 * than the last one, since it may pass on an old one.
 */
export async function upsertKeyAnswer(
  tx: Tx,
  server: string,
  answer: KeyAnswer,
  { isFirsthand, now }: { isFirsthand: boolean; now: number },
): Promise<void> {
  const last = isFirsthand ? undefined : await getKeyAnswer(tx, server)
  const isNews = last === undefined || answer.validUntil > last.validUntil
  const rows = answer.keys.map(({ keyId, publicKey, validUntil }) => ({
    server_name: server,
    key_id: keyId,
    public_key: publicKey,
    valid_until_ts: validUntil,
  }))
  const insert = tx.qb.insertInto('server_keys').values(rows)
  await insert
    .onConflict((c) => {
      const known = c.columns(['server_name', 'key_id'])
      if (!isNews) return known.doNothing()
      return known.doUpdateSet((eb) => ({
        public_key: eb.ref('excluded.public_key'),
        valid_until_ts: eb.ref('excluded.valid_until_ts'),
      }))
    })
    .execute()
  if (!isNews) return
  const row = { answer: JSON.stringify(answer.json), valid_until_ts: answer.validUntil, fetched_ts: now }
  await tx.qb
    .insertInto('server_key_answers')
    .values({ server_name: server, ...row })
    .onConflict((c) => c.column('server_name').doUpdateSet(row))
    .execute()
}

export interface StoredKeyAnswer {
  readonly json: JsonObject
  readonly validUntil: number
  readonly fetchedAt: number
}

/** The last answer of a server. */
export async function getKeyAnswer(reader: Reader, server: string): Promise<StoredKeyAnswer | undefined> {
  const row = await reader.qb
    .selectFrom('server_key_answers')
    .selectAll()
    .where('server_name', '=', server)
    .executeTakeFirst()
  if (!row) return undefined
  // Written by upsertKeyAnswer.
  return { json: JSON.parse(row.answer) as JsonObject, validUntil: row.valid_until_ts, fetchedAt: row.fetched_ts }
}
