/** Checks what our server answers against the response schemas of the specification's OpenAPI data. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { isEventId, isRoomAlias, isRoomId, isServerName, isUserId } from '../../src/matrix/ids.ts'
import { declaredResponse, findOperation, hasSpecification, type Operation } from './contract-operations.ts'
import { quirks } from './contract-quirks.ts'
import { isObject } from './contract-refs.ts'
import { noteSeen } from './seen-operations.ts'

export interface SeenResponse {
  readonly method: string
  /** The path as requested, or its template. */
  readonly path: string
  readonly status: number
  /** The parsed JSON; undefined where the answer was none. */
  readonly body: unknown
}

/** The specification's own formats; those of JSON Schema stay unchecked. */
const formats = {
  'mx-user-id': isUserId,
  'mx-event-id': isEventId,
  'mx-room-id': isRoomId,
  'mx-room-alias': isRoomAlias,
  'mx-server-name': isServerName,
  'mx-mxc-uri': /^mxc:\/\/[^/]+\/[\w-]+$/,
  'mx-unpadded-base64': /^[A-Za-z0-9+/]*$/,
  'mx-urlsafe-unpadded-base64': /^[A-Za-z0-9_-]*$/,
}

const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false, formats })
const validators = new Map<string, ValidateFunction | 'undeclared' | 'opaque'>()
let hasTold = false

/** Remembers that a test has seen an operation succeed, for requests whose answers are no JSON. */
export function noteAnswer(method: string, path: string, status: number): void {
  if (!hasSpecification) return
  const operation = findOperation(method, path)
  if (!operation) return
  const name = `${operation.method} ${operation.path}`
  if (status < 400 || refusedByDesign.has(name)) noteSeen(name)
}

/** What the specification lets a server without OAuth or telephone numbers refuse. */
const refusedByDesign: ReadonlySet<string> = new Set([
  'GET /_matrix/client/v1/auth_metadata',
  'POST /_matrix/client/v3/account/3pid/msisdn/requestToken',
  'POST /_matrix/client/v3/account/password/msisdn/requestToken',
  'POST /_matrix/client/v3/register/msisdn/requestToken',
])

/** Says what is wrong with a response; nothing for operations that the specification does not know. */
export function checkResponse({ method, path, status, body }: SeenResponse): string[] {
  if (!hasSpecification) {
    if (!hasTold) console.log('# skipped: responses are not checked, since ../shared/matrix-spec is absent')
    hasTold = true
    return []
  }
  noteAnswer(method, path, status)
  const operation = findOperation(method, path)
  if (status >= 400 && isStandardError(body)) return []
  if (!operation) return status >= 400 && path.startsWith('/_matrix/') ? ['an error without errcode'] : []
  const name = `${operation.method} ${operation.path}`
  return faultsOf(operation, status, body)
    .filter((fault) => !quirks.some((quirk) => [name, '*'].includes(quirk.operation) && quirk.fault.test(fault)))
    .map((fault) => `${name} -> ${status}: ${fault}`)
}

function faultsOf(operation: Operation, status: number, body: unknown): string[] {
  const validate = validatorFor(operation, status)
  if (validate === 'opaque') return []
  if (validate === 'undeclared')
    return [status < 400 ? 'a status that the specification does not have' : 'an error without errcode']
  if (body === undefined) return ['no JSON body']
  if (validate(body)) return []
  return (validate.errors ?? []).map(({ instancePath, message, params }) => {
    const extra = isObject(params) && 'additionalProperty' in params ? ` (${params.additionalProperty})` : ''
    return `${instancePath || '/'} ${message}${extra}`
  })
}

function validatorFor(operation: Operation, status: number): ValidateFunction | 'undeclared' | 'opaque' {
  const key = `${operation.method} ${operation.path} ${status}`
  let validator = validators.get(key)
  if (validator === undefined) {
    const declared = declaredResponse(operation, status)
    validator = declared.kind === 'json' ? ajv.compile(Object(declared.schema)) : declared.kind
    validators.set(key, validator)
  }
  return validator
}

/** https://spec.matrix.org/v1.19/client-server-api/#standard-error-response */
function isStandardError(body: unknown): boolean {
  if (!isObject(body) || typeof body.errcode !== 'string') return false
  // Synapse's code for accounts that have ended is older than the form of codes, and clients know it.
  const isCode = /^([A-Z0-9]+\.)*M_[A-Z_]+$/i.test(body.errcode) || body.errcode === 'ORG_MATRIX_EXPIRED_ACCOUNT'
  return isCode && (body.error === undefined || typeof body.error === 'string')
}
