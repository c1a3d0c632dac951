import { hashToken } from '../../accounts/tokens.ts'
import type { Database } from '../../db/database.ts'
import type { RemoveEmailPusher } from './email-pushers.ts'
import { getPusherByHash } from './store-email.ts'

export const unsubscribePath = '/_ringback/v1/email/unsubscribe'

/** Ends mails without a login, by the token that they carry. */
export interface Unsubscribe {
  /** The address to which the mails go; undefined where no mails carry the token. */
  find(token: string): Promise<string | undefined>
  /** The same, and there are no more of them. */
  end(token: string): Promise<string | undefined>
}

export function createUnsubscribe({ db, remove }: { db: Database; remove: RemoveEmailPusher }): Unsubscribe {
  return {
    find: async (token) => (await db.read((reader) => getPusherByHash(reader, hashToken(token))))?.pushkey,
    end: (token) =>
      db.write('unsubscribe', async (tx) => {
        const key = await getPusherByHash(tx, hashToken(token))
        if (key !== undefined) await remove(tx, key)
        return key?.pushkey
      }),
  }
}
