import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'

const base = '/_matrix/client/v3'

/** Whatever would send a message to a mail address or a phone number. */
const refused = ['register', 'account/password', 'account/3pid'].flatMap((purpose) => [
  `${base}/${purpose}/email/requestToken` as const,
  `${base}/${purpose}/msisdn/requestToken` as const,
])

/** Accounts here have no mail addresses and phone numbers, and nothing is sent to any; clients ask all the same. */
export function threepidRoutes(): Endpoint[] {
  return [
    endpoint(
      {
        method: 'GET',
        path: `${base}/account/3pid`,
        auth: 'user',
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3account3pid',
      },
      () => ({ threepids: [] }),
    ),
    ...refused.map((path) =>
      endpoint({ method: 'POST', path, auth: 'none', limit: 'login' }, () => {
        throw errors.threepidDenied('This server sends no mail and no text messages')
      }),
    ),
  ]
}
