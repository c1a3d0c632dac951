/** A Matrix client for tests: every answer that it sees is checked against the specification. */
import type { JsonObject } from '../../src/matrix/event.ts'
import { checkResponse } from './contract.ts'

export interface RequestOptions {
  readonly query?: Record<string, string | number | boolean | readonly string[] | undefined>
  /** Sent as JSON; a string or bytes as they are. */
  readonly body?: object | string | Uint8Array<ArrayBuffer>
  readonly headers?: Record<string, string>
  /** The status that the answer must have. */
  readonly expect?: number
  /** Instead of the client's; `null` sends none. */
  readonly accessToken?: string | null
  readonly signal?: AbortSignal
  /** For answers that are wrong on purpose. */
  readonly unchecked?: boolean
}

export interface Answer<T> {
  readonly status: number
  /** The parsed JSON; an empty object where the answer was none. */
  readonly body: T
  readonly text: string
  readonly headers: Headers
}

export interface Client {
  readonly baseUrl: string
  readonly accessToken: string | undefined
  request<T extends object = JsonObject>(method: string, path: string, options?: RequestOptions): Promise<Answer<T>>
  /** The body of an answer that must be 200, or `expect`. */
  get<T extends object = JsonObject>(
    path: string,
    query?: RequestOptions['query'],
    options?: RequestOptions,
  ): Promise<T>
  post<T extends object = JsonObject>(path: string, body?: RequestOptions['body'], options?: RequestOptions): Promise<T>
  put<T extends object = JsonObject>(path: string, body?: RequestOptions['body'], options?: RequestOptions): Promise<T>
  delete<T extends object = JsonObject>(
    path: string,
    body?: RequestOptions['body'],
    options?: RequestOptions,
  ): Promise<T>
  /** The same server for another session. */
  as(accessToken: string | undefined): Client
}

/** `path` is the whole path; identifiers in it are encoded by whoever writes it, see `at`. */
export function createClient(
  baseUrl: string,
  // Servers that are not ours may answer as they like.
  { accessToken, unchecked = false }: { accessToken?: string | undefined; unchecked?: boolean } = {},
): Client {
  const request: Client['request'] = async <T extends object>(
    method: string,
    path: string,
    options: RequestOptions = {},
  ) => {
    const token = options.accessToken === undefined ? accessToken : options.accessToken
    const response = await fetch(`${baseUrl}${path}${queryString(options.query)}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
        ...contentType(options.body),
        ...options.headers,
      },
      ...(options.body === undefined ? {} : { body: encode(options.body) }),
      ...(options.signal ? { signal: options.signal } : {}),
    })
    const text = await response.text()
    const { status, headers } = response
    const body =
      headers.get('content-type')?.startsWith('application/json') && text !== '' ? JSON.parse(text) : undefined
    const shown = `${method} ${path} -> ${status} ${text.slice(0, 2000)}`
    const faults =
      unchecked || options.unchecked || method === 'HEAD' ? [] : checkResponse({ method, path, status, body })
    if (faults.length > 0) throw new Error(`not as specified:\n${faults.join('\n')}\n${shown}`)
    if (options.expect !== undefined && options.expect !== status)
      throw new Error(`${options.expect} expected: ${shown}`)
    return { status, body: (body ?? {}) as T, text, headers }
  }
  const bodyOf = async <T extends object>(method: string, path: string, options: RequestOptions) =>
    (await request<T>(method, path, { expect: 200, ...options })).body
  return {
    baseUrl,
    accessToken,
    request,
    get: (path, query, options) => bodyOf('GET', path, { ...options, query }),
    post: (path, body = {}, options) => bodyOf('POST', path, { ...options, body }),
    put: (path, body = {}, options) => bodyOf('PUT', path, { ...options, body }),
    delete: (path, body, options) => bodyOf('DELETE', path, { ...options, ...(body === undefined ? {} : { body }) }),
    as: (next) => createClient(baseUrl, { accessToken: next, unchecked }),
  }
}

/** Writes a path with its identifiers percent-encoded: at`/_matrix/client/v3/rooms/${roomId}/state`. */
export function at(strings: TemplateStringsArray, ...ids: readonly string[]): string {
  return strings.reduce((path, part, i) => path + encodeURIComponent(ids[i - 1] ?? '') + part)
}

function queryString(query: RequestOptions['query'] = {}): string {
  const params = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined) continue
    for (const item of Array.isArray(value) ? value : [value]) params.append(key, String(item))
  }
  return params.size > 0 ? `?${params}` : ''
}

function encode(body: object | string | Uint8Array<ArrayBuffer>): string | Uint8Array<ArrayBuffer> {
  return typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
}

function contentType(body: RequestOptions['body']): Record<string, string> {
  return body === undefined ? {} : { 'Content-Type': 'application/json' }
}
