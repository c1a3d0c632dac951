import { lenientCanonicalJson } from './canonical-json.ts'
import type { Json } from './event.ts'
import type { SigningKey } from './signing.ts'

export interface ServerRequest {
  readonly method: string
  /** Path and query. */
  readonly uri: string
  readonly origin: string
  readonly destination: string
  readonly content?: Json
}

/** What a server says about its request: that with its signature is the `Authorization` header. */
export type RequestClaim = Omit<ServerRequest, 'content' | 'destination'> & {
  /** Old servers leave it out. */
  readonly destination: string | undefined
}

/**
 * The canonical JSON that is signed for a request: https://spec.matrix.org/v1.19/server-server-api/#request-authentication
 * `content` is the canonical text of the body, undefined where there is none.
 */
export function requestText({ method, uri, origin, destination }: RequestClaim, content: string | undefined): string {
  // In the order of canonical JSON; the body's text, which may be large, is not written again.
  const parts = [
    ...(content === undefined ? [] : [`"content":${content}`]),
    ...(destination === undefined ? [] : [`"destination":${JSON.stringify(destination)}`]),
    `"method":${JSON.stringify(method)}`,
    `"origin":${JSON.stringify(origin)}`,
    `"uri":${lenientCanonicalJson(uri)}`,
  ]
  return `{${parts.join(',')}}`
}

/** The `Authorization` header of a request whose body has been encoded as `content`. */
export function authorizationOf(
  claim: RequestClaim & { readonly destination: string },
  content: string | undefined,
  key: SigningKey,
): string {
  const { origin, destination } = claim
  const signature = key.sign(requestText(claim, content))
  return `X-Matrix origin="${origin}",destination="${destination}",key="${key.keyId}",sig="${signature}"`
}

/** The `Authorization` header of a request to another server. */
export function signRequest({ content, ...claim }: ServerRequest, key: SigningKey): string {
  return authorizationOf(claim, content === undefined ? undefined : lenientCanonicalJson(content), key)
}
