import type { Json, JsonObject } from './event.ts'
import { type SigningKey, signaturesBy, signJson } from './signing.ts'

export interface ServerRequest {
  readonly method: string
  /** Path and query. */
  readonly uri: string
  readonly origin: string
  readonly destination: string
  readonly content?: Json
}

/** The `Authorization` header of a request to another server: https://spec.matrix.org/v1.19/server-server-api/#request-authentication */
export function signRequest(request: ServerRequest, key: SigningKey): string {
  const { method, uri, origin, destination, content } = request
  const object: JsonObject = { method, uri, origin, destination, ...(content !== undefined && { content }) }
  const signature = signaturesBy(signJson(object, origin, key), origin).get(key.keyId)
  return `X-Matrix origin="${origin}",destination="${destination}",key="${key.keyId}",sig="${signature}"`
}
