import type { ZodType } from 'zod'
import { MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { ServerName } from '../../matrix/ids.ts'
import type { ParsedJson } from '../../matrix/json-parse.ts'
import { parseJsonPausing } from '../../matrix/json-pieces.ts'
import { createYielder } from '../../util/async.ts'
import { FetchError } from '../../util/fetch-error.ts'
import type { SafeResponse } from '../../util/safe-response.ts'
import { type FederationRequest, RemoteError } from './ports.ts'

const maxErrorBytes = 64 * 1024

/** The JSON of an answer, checked by the schema of the request. Throws a `FetchError`. */
export async function readAnswer<T>(
  request: FederationRequest & { readonly answer: ZodType<T> },
  response: SafeResponse,
): Promise<T> {
  const { value, faults } = await parse(request.destination, await response.text())
  const checked = request.answer.safeParse(value)
  if (!checked.success) {
    const [issue] = checked.error.issues
    const place = issue?.path.map(String).join('.') || 'the body'
    throw new FetchError('bad_answer', `${request.destination} answered with a wrong ${place}: ${issue?.message}`)
  }
  if (faults.length > 0) request.onFaults?.(faults)
  return checked.data
}

async function parse(server: ServerName, text: string): Promise<ParsedJson> {
  try {
    return await parseJsonPausing(text, createYielder())
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error
    throw new FetchError('bad_answer', `${server} answered with what is no JSON`, error)
  }
}

export interface Refusal {
  readonly error: RemoteError
  /** It is an error of Matrix, and not of something on the way. */
  readonly isMatrix: boolean
}

/** What a server answered instead of what was asked for. */
export async function readRefusal(server: ServerName, response: SafeResponse): Promise<Refusal> {
  const { errcode, error, ...extra } = parseError(await readStart(response))
  const isMatrix = typeof errcode === 'string'
  const code = isMatrix ? errcode : 'M_UNKNOWN'
  const message = typeof error === 'string' ? error : `${server} answered with status ${response.status}`
  return { error: new RemoteError(server, response.status, code, message, extra), isMatrix }
}

async function readStart(response: SafeResponse): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response.body) {
    chunks.push(chunk)
    size += chunk.length
    if (size > maxErrorBytes) break
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseError(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    // JSON.parse returns nothing but JSON.
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
  } catch {
    return {}
  }
}
