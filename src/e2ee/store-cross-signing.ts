import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import type { CrossSigningUsage } from '../db/schema/e2ee.ts'

export interface StoredCrossSigningKey {
  readonly userId: string
  readonly usage: CrossSigningUsage
  readonly publicKey: string
  readonly json: string
}

export interface KeySignature {
  /** Whose key is signed, and which: a device id or a public key. */
  readonly userId: string
  readonly keyId: string
  readonly signerUserId: string
  /** For example `ed25519:PUBLIC_KEY`. */
  readonly signerKeyId: string
  readonly signature: string
}

const putKey = prepare((qb, p: StoredCrossSigningKey) =>
  qb
    .insertInto('cross_signing_keys')
    .values({ user_id: p.userId, usage: p.usage, public_key: p.publicKey, json: p.json })
    .onConflict((c) =>
      c.columns(['user_id', 'usage']).doUpdateSet((eb) => ({
        public_key: eb.ref('excluded.public_key'),
        json: eb.ref('excluded.json'),
      })),
    ),
)
const putSignature = prepare((qb, p: KeySignature) =>
  qb
    .insertInto('key_signatures')
    .values({
      user_id: p.userId,
      key_id: p.keyId,
      signer_user_id: p.signerUserId,
      signer_key_id: p.signerKeyId,
      signature: p.signature,
    })
    .onConflict((c) =>
      c
        .columns(['user_id', 'signer_user_id', 'key_id', 'signer_key_id'])
        .doUpdateSet((eb) => ({ signature: eb.ref('excluded.signature') })),
    ),
)

/** At most a few hundred users at once. */
export async function listCrossSigningKeys(
  reader: Reader,
  userIds: readonly string[],
): Promise<StoredCrossSigningKey[]> {
  const rows = await reader.qb.selectFrom('cross_signing_keys').selectAll().where('user_id', 'in', userIds).execute()
  return rows.map((row) => ({
    userId: row.user_id,
    usage: row.usage,
    publicKey: row.public_key,
    json: row.json,
  }))
}

export async function upsertCrossSigningKey(tx: Tx, key: StoredCrossSigningKey): Promise<void> {
  await putKey.run(tx, key)
}

export async function deleteCrossSigningKey(tx: Tx, userId: string, usage: CrossSigningUsage): Promise<void> {
  await tx.qb.deleteFrom('cross_signing_keys').where('user_id', '=', userId).where('usage', '=', usage).execute()
}

/** Removes a user's cross-signing keys and every signature by or about the user. */
export async function deleteCrossSigningKeys(tx: Tx, userId: string): Promise<void> {
  await tx.qb.deleteFrom('cross_signing_keys').where('user_id', '=', userId).execute()
  await tx.qb.deleteFrom('key_signatures').where('user_id', '=', userId).execute()
  await tx.qb.deleteFrom('key_signatures').where('signer_user_id', '=', userId).execute()
}

/** Signatures over keys of these users that the viewer may see: those by the owners, and the viewer's own. */
export async function listKeySignatures(
  reader: Reader,
  userIds: readonly string[],
  viewer: string,
): Promise<KeySignature[]> {
  const rows = await reader.qb
    .selectFrom('key_signatures')
    .selectAll()
    .where('user_id', 'in', userIds)
    .where((eb) => eb.or([eb('signer_user_id', '=', viewer), eb('signer_user_id', '=', eb.ref('user_id'))]))
    .execute()
  return rows.map((row) => ({
    userId: row.user_id,
    keyId: row.key_id,
    signerUserId: row.signer_user_id,
    signerKeyId: row.signer_key_id,
    signature: row.signature,
  }))
}

export async function upsertKeySignature(tx: Tx, signature: KeySignature): Promise<void> {
  await putSignature.run(tx, signature)
}

/** Forgets what was signed about a key that has been replaced or deleted. */
export async function deleteSignaturesOf(tx: Tx, userId: string, keyId: string): Promise<void> {
  await tx.qb.deleteFrom('key_signatures').where('user_id', '=', userId).where('key_id', '=', keyId).execute()
}

/** Forgets what a key signed that has been replaced or deleted. */
export async function deleteSignaturesBy(tx: Tx, signerUserId: string, signerKeyId: string): Promise<void> {
  await tx.qb
    .deleteFrom('key_signatures')
    .where('signer_user_id', '=', signerUserId)
    .where('signer_key_id', '=', signerKeyId)
    .execute()
}
