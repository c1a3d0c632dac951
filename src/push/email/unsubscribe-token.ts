import { createHash } from 'node:crypto'
import type { SigningKey } from '../../matrix/signing.ts'
import type { PusherKey } from '../store-pushers.ts'

/**
 * The token of a pusher. Only this server can make it, and it is made again for each mail, so that the database keeps no
 * more than its hash.
 */
export function unsubscribeToken(
  key: Pick<SigningKey, 'sign'>,
  { userId, appId, pushkey }: PusherKey,
  createdTs: number,
): string {
  // Nothing else that is signed begins like this: everything else is JSON.
  const signature = key.sign(['unsubscribe', userId, appId, pushkey, createdTs].join('\0'))
  return createHash('sha256').update(signature).digest('base64url')
}
