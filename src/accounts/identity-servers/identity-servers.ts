import { createHash } from 'node:crypto'
import { z } from 'zod'
import { MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { isUserId, type ServerName, type UserId } from '../../matrix/ids.ts'
import { signRequest } from '../../matrix/request-signature.ts'
import type { SigningKey } from '../../matrix/signing.ts'
import type { SafeFetch } from '../../util/safe-fetch.ts'
import { ask } from './ask.ts'
import { createTrustedServers } from './trusted-servers.ts'

/** An identity server, and the user's token for it. */
export interface IdentityAccess {
  readonly idServer: string
  readonly idAccessToken: string
}

export interface Address {
  readonly medium: string
  readonly address: string
}

/** What an identity server has stored for somebody who is not known yet. */
export interface StoredInvite {
  readonly token: string
  readonly displayName: string
  readonly publicKeys: readonly { readonly public_key: string; readonly key_validity_url: string }[]
}

/** Servers that know which user has an address. Nearly all throw `M_SERVER_NOT_TRUSTED` for one that the configuration does not name. */
export interface IdentityServers {
  /** Whether the configuration names any. */
  readonly isEnabled: boolean
  requireTrusted(idServer: string): void
  /** Publishes that the address of a session there belongs to a user. Throws what the identity server says. */
  bind(access: IdentityAccess, session: { sid: string; clientSecret: string }, userId: UserId): Promise<Address>
  /** Takes that back; false where the identity server does not do it or is not one of ours. */
  unbind(idServer: string, address: Address, userId: UserId): Promise<boolean>
  lookUp(access: IdentityAccess, address: Address): Promise<UserId | undefined>
  /** Leaves an invitation there, which is mailed to the address; a user id where the address has turned out to be theirs. */
  storeInvite(access: IdentityAccess, invite: JsonObject & Address): Promise<StoredInvite | UserId>
}

export interface IdentityServersDeps {
  /** May reach whatever the configuration names. */
  readonly fetch: SafeFetch
  readonly serverName: ServerName
  readonly signingKey: SigningKey
  readonly trusted: readonly string[]
}

const v2 = '/_matrix/identity/v2'
const hashDetails = z.object({ lookup_pepper: z.string(), algorithms: z.array(z.string()) })
const mappings = z.object({ mappings: z.record(z.string(), z.string()) })
const binding = z.object({ medium: z.string(), address: z.string() })
const publicKey = z.object({ public_key: z.string(), key_validity_url: z.string() })
const stored = z.object({
  token: z.string().regex(/^[0-9a-zA-Z.=_-]{1,255}$/),
  public_keys: z.array(publicKey).min(1).max(8),
  display_name: z.string().max(255),
})

export function createIdentityServers({
  fetch,
  serverName,
  signingKey,
  trusted,
}: IdentityServersDeps): IdentityServers {
  const servers = createTrustedServers(trusted)

  const post = <S extends z.ZodType>(
    { idServer, idAccessToken }: IdentityAccess,
    path: string,
    content: JsonObject,
    schema: S,
  ) =>
    ask(
      fetch,
      {
        method: 'POST',
        url: `${servers.require(idServer).url}${v2}${path}`,
        authorization: `Bearer ${idAccessToken}`,
        content,
      },
      schema,
    )

  /** Sends no address in the clear where the identity server can do without. */
  async function lookUpOnce(access: IdentityAccess, { medium, address }: Address): Promise<UserId | undefined> {
    const question = { method: 'GET', url: `${servers.require(access.idServer).url}${v2}/hash_details` } as const
    const { lookup_pepper: pepper, algorithms } = await ask(
      fetch,
      { ...question, authorization: `Bearer ${access.idAccessToken}` },
      hashDetails,
    )
    const algorithm = algorithms.includes('sha256') ? 'sha256' : 'none'
    const plain = `${address} ${medium}`
    const hashed = createHash('sha256').update(`${plain} ${pepper}`).digest('base64url')
    const key = algorithm === 'sha256' ? hashed : plain
    const found = await post(access, '/lookup', { algorithm, pepper, addresses: [key] }, mappings)
    const userId = Object.hasOwn(found.mappings, key) ? found.mappings[key] : undefined
    return userId !== undefined && isUserId(userId) ? userId : undefined
  }

  return {
    isEnabled: !servers.isEmpty,
    requireTrusted: (idServer) => void servers.require(idServer),
    bind: (access, { sid, clientSecret }, userId) =>
      post(access, '/3pid/bind', { sid, client_secret: clientSecret, mxid: userId }, binding),
    unbind: async (idServer, { medium, address }, userId) => {
      const server = servers.get(idServer)
      if (!server) return false
      const { name, url } = server
      const uri = `${v2}/3pid/unbind`
      const content = { mxid: userId, threepid: { medium, address } }
      const authorization = signRequest(
        { method: 'POST', uri, origin: serverName, destination: name, content },
        signingKey,
      )
      try {
        await ask(fetch, { method: 'POST', url: `${url}${uri}`, authorization, content }, z.object({}))
        return true
      } catch (error) {
        const isUnsupported = error instanceof MatrixError && [400, 404, 501, 502].includes(error.status)
        if (isUnsupported) return false
        throw error
      }
    },
    lookUp: async (access, address) => {
      try {
        return await lookUpOnce(access, address)
      } catch (error) {
        // It may have been changed between the two requests.
        if (error instanceof MatrixError && error.errcode === 'M_INVALID_PEPPER') return lookUpOnce(access, address)
        throw error
      }
    },
    storeInvite: async (access, invite) => {
      try {
        const {
          token,
          display_name: displayName,
          public_keys: publicKeys,
        } = await post(access, '/store-invite', invite, stored)
        return { token, displayName, publicKeys }
      } catch (error) {
        const isKnown = error instanceof MatrixError && error.errcode === 'M_THREEPID_IN_USE'
        const userId = isKnown ? await lookUpOnce(access, invite) : undefined
        if (userId !== undefined) return userId
        throw error
      }
    },
  }
}
