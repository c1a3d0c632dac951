import { FetchError } from '../../util/fetch-error.ts'
import type { SafeFetch } from '../../util/safe-fetch.ts'
import type { InviteKey } from './signed-invite.ts'

/** Whether any of the keys still counts, as the servers say that the invitation names. One without an address always does. */
export async function isAnyKeyValid(fetch: SafeFetch, keys: readonly InviteKey[]): Promise<boolean> {
  for (const key of keys) {
    if (key.validityUrl === undefined || (await isValid(fetch, key.publicKey, key.validityUrl))) return true
  }
  return false
}

/** https://spec.matrix.org/v1.19/identity-service-api/#get_matrixidentityv2pubkeyisvalid */
async function isValid(fetch: SafeFetch, publicKey: string, validityUrl: string): Promise<boolean> {
  const url = URL.parse(validityUrl)
  if (!url) return false
  url.searchParams.set('public_key', publicKey)
  try {
    const response = await fetch.fetch(url, { timeoutMs: 10_000, maxBytes: 4096, maxRedirects: 2 })
    const body: unknown = await response.json()
    return response.status === 200 && typeof body === 'object' && body !== null && Reflect.get(body, 'valid') === true
  } catch (error) {
    if (error instanceof FetchError || error instanceof SyntaxError) return false
    throw error
  }
}
