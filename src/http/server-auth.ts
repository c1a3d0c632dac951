import { lenientCanonicalJson } from '../matrix/canonical-json.ts'
import { canonicalSource } from '../matrix/canonical-source.ts'
import { errors } from '../matrix/errors.ts'
import type { ServerName } from '../matrix/ids.ts'
import type { JsonFault } from '../matrix/json-parse.ts'
import { requestText } from '../matrix/request-signature.ts'
import type { Endpoint } from './endpoint.ts'
import { type ParsedBody, parseServerBody } from './parse-body.ts'
import type { HttpRequest } from './request.ts'
import { parseXMatrix, type XMatrix } from './x-matrix.ts'

export interface SignedClaim {
  readonly origin: ServerName
  readonly signatures: ReadonlyMap<string, string>
  readonly text: string
  readonly address: string
}

/** What the endpoints for other servers need to know about those. */
export interface ServerAuthentication {
  /** The name of this server. */
  readonly serverName: ServerName
  /** Throws `403 M_FORBIDDEN` for a server with which this one does not deal. */
  requireAllowed(origin: ServerName): void
  /**
   * Whether one of the signatures (Base64 by key id) over the text was made by `origin` with a key that is valid now.
   * `address` is where the request came from. Throws `429 M_LIMIT_EXCEEDED` where too many from there are in question.
   */
  verify(claim: SignedClaim): Promise<boolean>
  /** A request of that server was signed correctly. */
  heardFrom(origin: ServerName): void
}

/** What an authenticated request of another server holds. */
export interface ServerRequestParts {
  readonly origin: ServerName
  readonly rawBody: ParsedBody['value']
  readonly faults: readonly JsonFault[]
}

/**
 * Finds out which server asks. The body is read and parsed for it, since the signature covers that. Throws
 * `401 M_UNAUTHORIZED`, `403 M_FORBIDDEN` for a server that is refused, and the errors of a malformed body.
 * https://spec.matrix.org/v1.19/server-server-api/#request-authentication
 */
export async function authenticateServer(
  request: HttpRequest,
  endpoint: Endpoint,
  servers: ServerAuthentication,
): Promise<ServerRequestParts> {
  const claims = readClaims(request, servers.serverName)
  const { origin, destination } = claims[0]
  servers.requireAllowed(origin)
  const body = endpoint.method === 'GET' ? noBody : await parseServerBody(await request.bytes())
  const text = requestText({ method: request.method, uri: request.url, origin, destination }, contentOf(body))
  const signatures = new Map(claims.map(({ key, signature }) => [key, signature]))
  if (!(await servers.verify({ origin, signatures, text, address: request.ip }))) {
    throw errors.unauthorized(`The request is not signed with a key of ${origin}`)
  }
  servers.heardFrom(origin)
  return { origin, rawBody: body.value, faults: body.faults }
}

const noBody: ParsedBody = { value: {}, text: undefined, faults: [] }

/** More headers than one are more signatures of the same server. */
function readClaims(request: HttpRequest, serverName: ServerName): [XMatrix, ...XMatrix[]] {
  const headers = request.authorizations.map(parseXMatrix)
  const [first, ...rest] = headers
  if (headers.length === 0) throw errors.unauthorized('The request has no Authorization header')
  if (!first) throw errors.unauthorized('The Authorization header is malformed')
  const claims: [XMatrix, ...XMatrix[]] = [first]
  for (const claim of rest) {
    if (claim?.origin !== first.origin || claim.destination !== first.destination) {
      throw errors.unauthorized('The Authorization headers contradict each other')
    }
    claims.push(claim)
  }
  if (first.destination !== undefined && first.destination !== serverName) {
    throw errors.unauthorized(`The request is meant for another server than ${serverName}`)
  }
  return claims
}

function contentOf({ value, text, faults }: ParsedBody): string | undefined {
  if (text === undefined) return undefined
  const isExact = faults.every(({ kind }) => kind === 'duplicate-key' || kind === 'lone-surrogate')
  return isExact ? lenientCanonicalJson(value) : canonicalSource(text)
}
