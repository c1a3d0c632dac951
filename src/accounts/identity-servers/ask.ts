import type { ZodType, z } from 'zod'
import { errors, MatrixError } from '../../matrix/errors.ts'
import type { Json } from '../../matrix/event.ts'
import { FetchError } from '../../util/fetch-error.ts'
import type { SafeFetch } from '../../util/safe-fetch.ts'

export interface Question {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly authorization: string
  readonly content?: Json
}

const timeoutMs = 10_000
const maxBytes = 64 * 1024

/** What an identity server answers. Throws its error as ours, or `M_CONNECTION_FAILED` where there is no usable answer. */
export async function ask<S extends ZodType>(fetch: SafeFetch, question: Question, schema: S): Promise<z.output<S>> {
  const { method, url, authorization, content } = question
  let status: number
  let body: unknown
  try {
    const response = await fetch.fetch(url, {
      method,
      headers: { authorization, accept: 'application/json', ...(content !== undefined && jsonType) },
      ...(content !== undefined && { body: JSON.stringify(content) }),
      timeoutMs,
      maxBytes,
      maxRedirects: 0,
    })
    status = response.status
    body = await response.json()
  } catch (error) {
    if (error instanceof FetchError || error instanceof SyntaxError) {
      throw errors.connectionFailed('The identity server does not answer as it should')
    }
    throw error
  }
  if (status !== 200) throw passedOn(status, body)
  const parsed = schema.safeParse(body)
  if (!parsed.success) throw errors.connectionFailed('The identity server gave an answer that makes no sense')
  return parsed.data
}

const jsonType = { 'content-type': 'application/json' }

/** An error of the identity server, but none that makes clients believe that their login here has ended. */
function passedOn(status: number, body: unknown): MatrixError {
  const errcode = textOf(body, 'errcode')
  const message = textOf(body, 'error') ?? 'The identity server refused'
  if (errcode === undefined || !/^[A-Z0-9_.]{1,100}$/.test(errcode) || status < 400) {
    return errors.badStatus(status, '', 'The identity server refused without saying why')
  }
  if (status === 401) return errors.forbidden(`The identity server refused: ${message}`)
  return new MatrixError(status >= 500 ? 502 : status, errcode, message)
}

function textOf(body: unknown, key: string): string | undefined {
  const value: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, key) : undefined
  return typeof value === 'string' ? value.slice(0, 500) : undefined
}
