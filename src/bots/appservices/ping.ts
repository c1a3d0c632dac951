import type { Appservice } from '../../accounts/appservices/appservice.ts'
import { errors } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { FetchError } from '../../util/fetch-error.ts'
import type { Answer, AppserviceClient } from './client.ts'

const timeoutMs = 10_000
const maxShownBody = 1000

/**
 * Asks an application service whether it hears us; returns how long that took, in ms. Throws `M_URL_NOT_SET`,
 * `M_BAD_STATUS`, `M_CONNECTION_FAILED`, `M_CONNECTION_TIMEOUT`.
 */
export async function ping(
  client: AppserviceClient,
  service: Appservice,
  transactionId: string | undefined,
): Promise<number> {
  if (service.registration.url === undefined) throw errors.urlNotSet()
  const started = performance.now()
  const body: JsonObject = transactionId === undefined ? {} : { transaction_id: transactionId }
  const answer = await ask(() =>
    client.request(service, { method: 'POST', path: '/_matrix/app/v1/ping', body, timeoutMs }),
  )
  if (!answer.isSuccess) {
    const text = answer.text.slice(0, maxShownBody)
    throw errors.badStatus(answer.status, text, `The application service answered with status ${answer.status}`)
  }
  return Math.round(performance.now() - started)
}

async function ask(request: () => Promise<Answer>): Promise<Answer> {
  try {
    return await request()
  } catch (error) {
    if (!(error instanceof FetchError)) throw error
    if (error.failure === 'timeout') throw errors.connectionTimeout('The application service did not answer in time')
    throw errors.connectionFailed('The application service could not be reached')
  }
}
