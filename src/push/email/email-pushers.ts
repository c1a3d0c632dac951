import type { Accounts } from '../../accounts/accounts.ts'
import type { Reader, Tx } from '../../db/database.ts'
import type { MailQueue } from '../../jobs/mail.ts'
import { errors } from '../../matrix/errors.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { SigningKey } from '../../matrix/signing.ts'
import { deletePusherRow, type PusherKey } from '../store-pushers.ts'
import { unsubscribeToken } from './unsubscribe-token.ts'

/** Takes the pusher away with the mail of its that still waits. */
export type RemoveEmailPusher = (tx: Tx, key: PusherKey) => Promise<void>

/** What is particular about pushers that send mails. Their key is the address in its canonical form. */
export interface EmailPushers {
  /** Throws `M_INVALID_PARAM` where this server sends no mail, `M_THREEPID_NOT_FOUND` for an address of somebody else. */
  requireOwn(reader: Reader, userId: UserId, address: string): Promise<void>
  /** The token in the mails of a pusher that was first set at `createdTs`. */
  tokenOf(key: PusherKey, createdTs: number): string
  readonly remove: RemoveEmailPusher
}

interface Deps {
  readonly mail: Pick<MailQueue, 'isConfigured' | 'cancelBulk'>
  readonly threepids: Pick<Accounts['threepids'], 'ownerOf'>
  readonly signingKey: Pick<SigningKey, 'sign'>
}

export function createEmailPushers({ mail, threepids, signingKey }: Deps): EmailPushers {
  return {
    requireOwn: async (reader, userId, address) => {
      if (!mail.isConfigured) throw errors.invalidParam('This server sends no mail')
      if ((await threepids.ownerOf(reader, address)) !== userId) {
        throw errors.threepidNotFound('Your account has no such mail address')
      }
    },
    tokenOf: (key, createdTs) => unsubscribeToken(signingKey, key, createdTs),
    remove: async (tx, key) => {
      await deletePusherRow(tx, key)
      await mail.cancelBulk(tx, mailKeyOf(key))
    },
  }
}

/** Under which a mail of the pusher waits. */
export function mailKeyOf({ userId, appId, pushkey }: PusherKey): string {
  return JSON.stringify(['push', userId, appId, pushkey])
}
