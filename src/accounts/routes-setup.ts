import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { html, type Reply } from '../http/reply.ts'
import { MatrixError } from '../matrix/errors.ts'
import { setupDonePage, setupExpiredPage, setupPage } from './pages-setup.ts'
import { userIdForName } from './usernames.ts'

const path = '/setup/{token}'

/** In characters; whatever others may have. */
const shortestAdminPassword = 8

/** The page behind the link in the log, on which the first person becomes administrator. */
export function setupRoutes({
  accounts,
  config,
  serverName,
}: Pick<AppContext, 'accounts' | 'config' | 'serverName'>): Endpoint[] {
  const { setup, passwords } = accounts
  const minPasswordLength = Math.max(config.registration.min_password_length, shortestAdminPassword)
  const expired = () => html(setupExpiredPage(), 403)

  async function create(token: string, form: URLSearchParams): Promise<Reply> {
    const name = (form.get('name') ?? '').trim()
    const password = form.get('password') ?? ''
    const retry = (failure: string) => html(setupPage({ serverName, minPasswordLength, name, failure }), 400)
    try {
      const userId = userIdForName(name, serverName)
      passwords.check(password)
      if ([...password].length < minPasswordLength)
        return retry(`The password needs at least ${minPasswordLength} characters.`)
      if (password !== form.get('again')) return retry('The two passwords differ.')
      if (!(await setup.complete(token, userId, password))) return expired()
      return html(setupDonePage(userId, config.public_url))
    } catch (error) {
      if (error instanceof MatrixError) return retry(`${error.message}.`)
      throw error
    }
  }

  return [
    endpoint({ method: 'GET', path, auth: 'none', limit: 'login' }, async ({ params }) =>
      (await setup.isValid(params.token)) ? html(setupPage({ serverName, minPasswordLength })) : expired(),
    ),
    endpoint({ method: 'POST', path, auth: 'none', limit: 'login' }, async (request) =>
      (await setup.isValid(request.params.token)) ? create(request.params.token, await request.form()) : expired(),
    ),
  ]
}
