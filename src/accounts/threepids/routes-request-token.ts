import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { errors, type MatrixError } from '../../matrix/errors.ts'
import type { Purpose } from './validations.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/#'
const base = '/_matrix/client/v3'

interface Kind {
  readonly purpose: Purpose
  readonly path: 'register' | 'account/3pid' | 'account/password'
  /** The answer where there is no way to send anything to an address. */
  unsupported(message: string): MatrixError
}

const kinds: readonly Kind[] = [
  { purpose: 'register', path: 'register', unsupported: errors.threepidDenied },
  { purpose: 'password', path: 'account/password', unsupported: errors.threepidDenied },
  { purpose: 'add', path: 'account/3pid', unsupported: errors.threepidMediumNotSupported },
]

const emailBody = z.object({
  client_secret: z.string(),
  email: z.string(),
  send_attempt: z.int(),
  next_link: z.string().nullish(),
})

/** Mails with a link that shows whose an address is. */
export function requestTokenRoutes({ emails, config }: Pick<AppContext, 'emails' | 'config'>): Endpoint[] {
  return kinds.flatMap(({ purpose, path, unsupported }) => [
    endpoint(
      {
        method: 'POST',
        path: `${base}/${path}/email/requestToken`,
        auth: 'optional',
        limit: 'mail',
        body: emailBody,
        spec: `${spec}post_matrixclientv3${path.replace('/', '')}emailrequesttoken`,
      },
      async ({ requester, body }) => {
        if (!emails.isEnabled) throw unsupported('This server sends no mail')
        if (purpose === 'register' && !config.registration.enabled) {
          throw errors.forbidden('Registration is closed on this server')
        }
        const sid = await emails.request({
          purpose,
          email: body.email,
          clientSecret: body.client_secret,
          sendAttempt: body.send_attempt,
          nextLink: body.next_link ?? undefined,
          userId: requester?.userId,
        })
        return { sid }
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: `${base}/${path}/msisdn/requestToken`,
        auth: 'none',
        limit: 'general',
        spec: `${spec}post_matrixclientv3${path.replace('/', '')}msisdnrequesttoken`,
      },
      () => {
        throw unsupported('This server sends no text messages (SMS), so it knows no phone numbers')
      },
    ),
  ])
}
