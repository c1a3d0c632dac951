import { z } from 'zod'
import { isServerName, type ServerName } from '../../../matrix/ids.ts'
import { FetchError } from '../../../util/fetch-error.ts'
import type { SafeFetch } from '../../../util/safe-fetch.ts'

export interface WellKnown {
  /** To which server name a host delegates; undefined: to none. */
  find(hostname: string, signal: AbortSignal): Promise<ServerName | undefined>
}

export interface WellKnownOptions {
  readonly fetch: SafeFetch
  /** 443; tests choose another. */
  readonly port: number
}

const timeoutMs = 5000
const maxBytes = 50 * 1024
const schema = z.looseObject({ 'm.server': z.string().refine(isServerName) })

export function createWellKnown({ fetch, port }: WellKnownOptions): WellKnown {
  return {
    find: async (hostname, signal) => {
      try {
        const url = `https://${hostname}${port === 443 ? '' : `:${port}`}/.well-known/matrix/server`
        const answer = await fetch.fetch(url, { signal, timeoutMs, connectTimeoutMs: 3000, maxBytes, secureOnly: true })
        if (answer.status !== 200) {
          answer.discard()
          return undefined
        }
        return schema.safeParse(await answer.json()).data?.['m.server'] as ServerName | undefined
      } catch (error) {
        if (error instanceof FetchError || error instanceof SyntaxError) return undefined
        throw error
      }
    },
  }
}
