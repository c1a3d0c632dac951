import { z } from 'zod'
import { isUserId, type ServerName, serverOf, type UserId } from '../../matrix/ids.ts'
import { type FederationTransport, RemoteError } from './ports.ts'

const timeoutMs = 10_000
const maxBytes = 64 * 1024

const answer = z.object({ sub: z.string() })

/**
 * Whom a proof of identity of another server names; undefined where it proves nothing. Throws where that server gives no
 * answer. https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1openiduserinfo
 */
export async function queryOpenidUser(
  transport: FederationTransport,
  destination: ServerName,
  token: string,
): Promise<UserId | undefined> {
  const path = `/_matrix/federation/v1/openid/userinfo?access_token=${encodeURIComponent(token)}`
  try {
    const { sub } = await transport.request({
      destination,
      method: 'GET',
      path,
      answer,
      timeoutMs,
      maxBytes,
      isUnsigned: true,
    })
    // No server speaks for the users of another.
    return isUserId(sub) && serverOf(sub) === destination ? sub : undefined
  } catch (error) {
    if (error instanceof RemoteError && [401, 403].includes(error.status)) return undefined
    throw error
  }
}
