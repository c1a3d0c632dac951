import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { webPage } from '../http/web-page.ts'
import { makeUserId } from '../matrix/ids.ts'

/** Pages for whoever has an account here. All that they show they ask for with the access token of the person. */
export function ownPageRoutes({ serverName, config }: Pick<AppContext, 'serverName' | 'config'>): Endpoint[] {
  const { enabled, localpart } = config.bots.voicemail
  const data = { serverName, ...(enabled && { assistant: makeUserId(localpart, serverName) }) }
  return [
    endpoint({ method: 'GET', path: '/account', auth: 'none' }, () =>
      webPage({ title: 'Your account', module: 'account/main.js', style: 'account/account.css', data }),
    ),
    endpoint({ method: 'GET', path: '/inbox', auth: 'none' }, () =>
      webPage({ title: 'Voice and video notes', module: 'inbox/main.js', style: 'inbox/inbox.css', data }),
    ),
  ]
}
