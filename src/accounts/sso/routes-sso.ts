import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint, type RequestBase } from '../../http/endpoint.ts'
import { html, type Reply, redirect } from '../../http/reply.ts'
import { errors } from '../../matrix/errors.ts'
import { browserOf } from './browser.ts'
import { choicePage } from './pages-sso.ts'
import { requireRedirectUrl } from './redirect-url.ts'

const base = '/_matrix/client/v3/login/sso/redirect'
const spec = 'https://spec.matrix.org/v1.19/client-server-api/#'

const query = z.object({ redirectUrl: z.string(), action: z.enum(['login', 'register']).optional().catch(undefined) })

type Query = z.output<typeof query>

/** Where clients send a browser to log in at a provider. */
export function ssoRoutes({ sso, config }: Pick<AppContext, 'sso' | 'config'>): Endpoint[] {
  async function begin(request: RequestBase, providerId: string, { redirectUrl, action }: Query): Promise<Reply> {
    const browser = browserOf(request, config.public_url)
    const location = await sso.begin({
      providerId,
      browser: browser.id,
      purpose: { kind: 'login', redirectUrl: requireRedirectUrl(redirectUrl) },
      wantsAccount: action === 'register',
    })
    return redirect(location, 302, { 'Cache-Control': 'no-store', ...browser.headers })
  }

  return [
    endpoint(
      {
        method: 'GET',
        path: base,
        auth: 'none',
        limit: 'login',
        query,
        spec: `${spec}get_matrixclientv3loginssoredirect`,
      },
      (request) => {
        const { redirectUrl, action } = request.query
        const [first, ...others] = sso.providers
        if (!first) throw errors.unrecognized(404, 'This server has no providers to log in with')
        if (others.length === 0) return begin(request, first.id, request.query)
        requireRedirectUrl(redirectUrl)
        const parameters = new URLSearchParams({ redirectUrl, ...(action && { action }) })
        return html(choicePage(sso.providers, (id) => `${base}/${encodeURIComponent(id)}?${parameters}`))
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: `${base}/{idpId}`,
        auth: 'none',
        limit: 'login',
        query,
        spec: `${spec}get_matrixclientv3loginssoredirectidpid`,
      },
      (request) => {
        const { idpId } = request.params
        if (!sso.hasProvider(idpId)) throw errors.notFound('This server does not know that way to log in')
        return begin(request, idpId, request.query)
      },
    ),
  ]
}
