import type { Appservice } from '../../accounts/appservices/appservice.ts'
import type { AppserviceQueries } from '../../accounts/appservices/appservices.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { sleep } from '../../util/async.ts'
import { FetchError } from '../../util/fetch-error.ts'
import type { AppserviceClient } from './client.ts'

export interface Queries extends AppserviceQueries {
  /** Resolves when no question about a user of the service is under way, or the signal is aborted. */
  usersSettled(service: Appservice, signal: AbortSignal): Promise<void>
}

const attempts = 3
const timeoutMs = 4000
const pauseMs = 200

/**
 * Asks services to make what somebody looks for: https://spec.matrix.org/v1.19/application-service-api/#querying
 * Whoever looks for the same thing meanwhile waits for the same answer.
 */
export function createQueries(client: AppserviceClient): Queries {
  const underWay = new Map<string, Promise<boolean>>()

  async function ask(service: Appservice, path: string): Promise<boolean> {
    if (service.registration.url === undefined) return false
    for (let attempt = 1; attempt <= attempts; attempt++) {
      if (attempt > 1) await sleep(pauseMs)
      try {
        const call = { method: 'GET', path: `/_matrix/app/v1${path}`, legacyPath: path, timeoutMs } as const
        return (await client.request(service, call)).isSuccess
      } catch (error) {
        if (!(error instanceof FetchError)) throw error
      }
    }
    throw new MatrixError(408, 'M_UNKNOWN', 'The application service to which this belongs does not answer')
  }

  function once(service: Appservice, path: string): Promise<boolean> {
    const key = `${service.id} ${path}`
    const before = underWay.get(key)
    if (before !== undefined) return before
    const asking = ask(service, path).finally(() => underWay.delete(key))
    underWay.set(key, asking)
    return asking
  }

  return {
    usersSettled: async ({ id }, signal) => {
      const asked = [...underWay].filter(([key]) => key.startsWith(`${id} /users/`))
      if (asked.length === 0) return
      const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      await Promise.race([Promise.allSettled(asked.map(([, asking]) => asking)), stopped])
    },
    user: (service, userId) => once(service, `/users/${encodeURIComponent(userId)}`),
    alias: (service, alias) => once(service, `/rooms/${encodeURIComponent(alias)}`),
  }
}
