import type { Appservice } from '../../accounts/appservices/appservice.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { FetchError } from '../../util/fetch-error.ts'
import { createSafeFetch } from '../../util/safe-fetch.ts'

/** A request to an application service. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly path: string
  /** Where services from before the specification had paths of versions listen. */
  readonly legacyPath?: string
  /** With its question mark. */
  readonly query?: string
  readonly body?: JsonObject
  /** For the whole exchange, in ms. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

export interface Answer {
  readonly status: number
  readonly isSuccess: boolean
  /** Empty where it was too large. */
  readonly text: string
}

export interface AppserviceClient {
  /** Resolves with an answer of any status; rejects with a `FetchError` where there is none. */
  request(service: Appservice, call: Call): Promise<Answer>
  close(): void
}

const maxAnswer = 1024 * 1024

/** Calls application services at the addresses of their registrations, wherever these lead; redirects are not followed. */
export function createAppserviceClient(userAgent: string): AppserviceClient {
  const http = createSafeFetch({ allowPrivateAddresses: true, userAgent })

  async function send({ registration }: Appservice, call: Call, target: string): Promise<Answer> {
    const response = await http.fetch(`${registration.url ?? ''}${target}`, {
      method: call.method,
      headers: {
        authorization: `Bearer ${registration.hsToken}`,
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      ...(call.signal === undefined ? {} : { signal: call.signal }),
      timeoutMs: call.timeoutMs,
      maxBytes: maxAnswer,
      maxRedirects: 0,
    })
    const { status } = response
    const text = await response.text().catch((error: unknown) => {
      if (error instanceof FetchError && error.failure === 'too_large') return ''
      throw error
    })
    return { status, isSuccess: status >= 200 && status < 300, text }
  }

  return {
    request: async (service, call) => {
      const { path, legacyPath, query = '' } = call
      const answer = await send(service, call, `${path}${query}`)
      if (legacyPath === undefined || answer.status < 400 || knowsPath(answer)) return answer
      const { hsToken } = service.registration
      const token = `${query === '' ? '?' : '&'}access_token=${encodeURIComponent(hsToken)}`
      const older = await send(service, call, `${legacyPath}${query}${token}`)
      return older.isSuccess ? older : answer
    },
    close: () => http.close(),
  }
}

/** Whether the service has looked at the request: then asking at the older path tells nothing new. */
function knowsPath({ text }: Answer): boolean {
  try {
    const body: unknown = JSON.parse(text)
    const errcode: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'errcode') : undefined
    return typeof errcode === 'string' && errcode !== 'M_UNRECOGNIZED'
  } catch {
    return false
  }
}
