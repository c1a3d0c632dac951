import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { webPage } from '../http/web-page.ts'

/** The page on which people look after their account. All that it shows it asks for with their own access token. */
export function accountPageRoutes({ serverName }: Pick<AppContext, 'serverName'>): Endpoint[] {
  return [
    endpoint({ method: 'GET', path: '/account', auth: 'none' }, () =>
      webPage({ title: 'Your account', module: 'account/main.js', style: 'account/account.css', data: { serverName } }),
    ),
  ]
}
