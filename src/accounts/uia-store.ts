import { createCipheriv, createDecipheriv, createHash } from 'node:crypto'
import type { Database } from '../db/database.ts'
import type { UiaSession, UiaStore } from '../http/uia-session.ts'
import type { Clock } from '../util/clock.ts'
import { deleteUia, getUia, insertUia, updateUia } from './store-uia.ts'

/**
 * Keeps sessions of user-interactive authentication over restarts. Bodies hold new passwords, so each row is encrypted
 * with its session id, which only the client has.
 */
export function createUiaStore({ db, clock }: { db: Database; clock: Clock }): UiaStore {
  const change = (sessionId: string, update: (session: UiaSession) => UiaSession) =>
    db.write('uia change', async (tx) => {
      const sealed = await getUia(tx, idOf(sessionId))
      if (sealed !== undefined) await updateUia(tx, idOf(sessionId), seal(update(unseal(sealed, sessionId))))
    })
  return {
    insert: (session) =>
      db.write('uia insert', async (tx) => {
        await insertUia(
          tx,
          { id: idOf(session.sessionId), expiresTs: session.expiresAt, data: seal(session) },
          clock.now(),
        )
      }),
    get: async (sessionId) => {
      const sealed = await db.read((reader) => getUia(reader, idOf(sessionId)))
      return sealed === undefined ? undefined : unseal(sealed, sessionId)
    },
    setBody: (sessionId, body) => change(sessionId, (session) => ({ ...session, body })),
    addCompleted: (sessionId, stage, result) =>
      change(sessionId, (session) => ({ ...session, completed: { [stage]: result, ...session.completed } })),
    take: (sessionId) => db.write('uia take', (tx) => deleteUia(tx, idOf(sessionId))),
  }
}

function idOf(sessionId: string): string {
  return createHash('sha256').update(`id ${sessionId}`).digest('base64url')
}

/** Each sealing has a nonce that depends on the content: contents that differ never share one. */
function seal(session: UiaSession): string {
  const plain = JSON.stringify(session)
  const nonce = createHash('sha256').update(`nonce ${session.sessionId} ${plain}`).digest().subarray(0, 12)
  const cipher = createCipheriv('aes-256-gcm', keyOf(session.sessionId), nonce)
  const body = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64')
}

function unseal(sealed: string, sessionId: string): UiaSession {
  const bytes = Buffer.from(sealed, 'base64')
  const decipher = createDecipheriv('aes-256-gcm', keyOf(sessionId), bytes.subarray(0, 12))
  decipher.setAuthTag(bytes.subarray(12, 28))
  const plain = Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()])
  // It was sealed by us.
  return JSON.parse(plain.toString()) as UiaSession
}

function keyOf(sessionId: string): Buffer {
  return createHash('sha256').update(`key ${sessionId}`).digest()
}
