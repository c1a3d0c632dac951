import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { html } from '../../http/reply.ts'
import { errors } from '../../matrix/errors.ts'
import { renewedPage, renewPage, unknownLinkPage, usedPage } from './pages-renewal.ts'
import type { RenewalLink } from './renewals.ts'

const spec = 'https://element-hq.github.io/synapse/latest/admin_api/account_validity.html'
/** What our mails link to, and what old clients know. */
const paths = ['/_ringback/v1/account/renew', '/_matrix/client/unstable/account_validity/renew'] as const

/** How people renew accounts that end: by a link, for which clients can ask. */
export function renewalRoutes({ renewals }: Pick<AppContext, 'renewals'>): Endpoint[] {
  const answer = (link: RenewalLink | undefined, openPage: (link: RenewalLink) => string) => {
    if (link === undefined) return html(unknownLinkPage(), 404)
    return html(link.state === 'open' ? openPage(link) : usedPage(link.endTs))
  }

  const pages = paths.flatMap((path): Endpoint[] => [
    endpoint(
      {
        method: 'GET',
        path,
        auth: 'none',
        limit: 'general',
        query: z.object({ token: z.string().default('') }),
        spec,
      },
      async ({ query: { token } }) => answer(await renewals.find(token), (link) => renewPage({ token, ...link })),
    ),
    endpoint({ method: 'POST', path, auth: 'none', limit: 'general', spec }, async (request) => {
      const token = (await request.form()).get('token') ?? ''
      return answer(await renewals.renew(token), ({ endTs }) => renewedPage(endTs))
    }),
  ])

  return [
    ...pages,
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/unstable/account_validity/send_mail',
        auth: 'user',
        allowExpired: true,
        limit: 'mail',
        spec,
      },
      async ({ requester }) => {
        if (!renewals.isEnabled) throw errors.unrecognized(404, 'Accounts do not end here')
        await renewals.sendMail(requester.userId)
        return {}
      },
    ),
  ]
}
