import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { html, type Reply, redirect } from '../../http/reply.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isTrustedClient } from '../trusted-clients.ts'
import { confirmedPage, confirmPage, expiredPage } from './pages-confirm.ts'

const path = '/_ringback/v1/email/confirm'

/** What the link in a mail opens, and the endpoint for clients that were given its token instead. */
export function confirmRoutes({ emails, config }: Pick<AppContext, 'emails' | 'config'>): Endpoint[] {
  const expired = () => html(expiredPage(), 400)

  async function confirm(sid: string, token: string): Promise<Reply> {
    try {
      const { purpose, nextLink } = await emails.confirm({ sid, token })
      if (nextLink !== undefined && isTrustedClient(config, nextLink)) return redirect(nextLink, 303)
      return html(confirmedPage(purpose, nextLink))
    } catch (error) {
      if (error instanceof MatrixError) return expired()
      throw error
    }
  }

  return [
    endpoint(
      {
        method: 'GET',
        path,
        auth: 'none',
        limit: 'general',
        query: z.object({ sid: z.string().default(''), token: z.string().default('') }),
      },
      async ({ query: { sid, token } }) => {
        const found = await emails.find(sid, token)
        if (!found) return expired()
        const isFirst = found.purpose === 'password' && found.validatedTs === undefined
        return isFirst ? html(confirmPage({ sid, token, address: found.address })) : confirm(sid, token)
      },
    ),
    endpoint({ method: 'POST', path, auth: 'none', limit: 'general' }, async (request) => {
      const form = await request.form()
      return confirm(form.get('sid') ?? '', form.get('token') ?? '')
    }),
    endpoint(
      {
        method: 'POST',
        path: '/_ringback/v1/email/submit_token',
        auth: 'none',
        limit: 'general',
        body: z.object({ sid: z.string(), client_secret: z.string(), token: z.string() }),
        spec: 'https://spec.matrix.org/v1.19/identity-service-api/#post_matrixidentityv2validateemailsubmittoken',
      },
      async ({ body: { sid, client_secret: clientSecret, token } }) => {
        await emails.confirm({ sid, token, clientSecret })
        return { success: true }
      },
    ),
  ]
}
