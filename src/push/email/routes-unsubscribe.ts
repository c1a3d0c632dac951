import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { html } from '../../http/reply.ts'
import { unknownLinkPage, unsubscribedPage, unsubscribePage } from './pages-unsubscribe.ts'
import { unsubscribePath } from './unsubscribe.ts'

const query = z.object({ token: z.string().default('') })

/** What the link in a mail about unread messages opens. The token in it is all that is asked for. */
export function unsubscribeRoutes({ push: { unsubscribe } }: Pick<AppContext, 'push'>): Endpoint[] {
  return [
    endpoint(
      { method: 'GET', path: unsubscribePath, auth: 'none', limit: 'general', query },
      async ({ query: { token } }) => {
        const address = await unsubscribe.find(token)
        return address === undefined ? html(unknownLinkPage(), 404) : html(unsubscribePage(address))
      },
    ),
    endpoint(
      // The button of the page, and of mail programs: https://www.rfc-editor.org/rfc/rfc8058
      { method: 'POST', path: unsubscribePath, auth: 'none', limit: 'general', query },
      async ({ query: { token } }) => {
        const address = await unsubscribe.end(token)
        return address === undefined ? html(unknownLinkPage(), 404) : html(unsubscribedPage(address))
      },
    ),
  ]
}
