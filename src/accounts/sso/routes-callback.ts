import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint, type RequestBase } from '../../http/endpoint.ts'
import { html, type Reply, redirect } from '../../http/reply.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { UserId } from '../../matrix/ids.ts'
import { fallbackDonePage, policyLinks } from '../pages-fallback.ts'
import { messagePage } from '../pages-layout.ts'
import { isTrustedClient } from '../trusted-clients.ts'
import { browserOf } from './browser.ts'
import { consentPage, namePage } from './pages-sso.ts'
import { withLoginToken } from './redirect-url.ts'
import { callbackPath, type SsoOutcome } from './sso.ts'
import type { NewAccount } from './sso-sessions.ts'

type Context = Pick<AppContext, 'accounts' | 'sso' | 'config' | 'serverName'>

/** Where a browser comes back from a provider, and the pages on the way from there to the client. */
export function ssoCallbackRoutes(ctx: Context): Endpoint[] {
  const { accounts, sso, config, serverName } = ctx

  const failed = (error: unknown): Reply => {
    if (!(error instanceof MatrixError)) throw error
    return html(messagePage('That did not work', `${error.message}.`), error.status)
  }

  async function deliver({ userId, redirectUrl }: { userId: UserId; redirectUrl: string }): Promise<Reply> {
    const { token } = await accounts.login.createToken(userId)
    const headers = { 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' }
    return redirect(withLoginToken(redirectUrl, token), 303, headers)
  }

  const nameForm = (session: string, account: NewAccount, name: string, failure?: string) =>
    namePage({
      session,
      serverName,
      provider: sso.providers.find(({ id }) => id === account.providerId)?.name ?? account.providerId,
      name,
      policies: policyLinks(config),
      failure,
    })

  async function show(request: RequestBase, outcome: SsoOutcome): Promise<Reply> {
    switch (outcome.kind) {
      case 'confirmed': {
        const { page, headers } = fallbackDonePage()
        return html(page, 200, headers)
      }
      case 'account':
        return html(nameForm(outcome.session, outcome.account, outcome.account.suggestion))
      case 'login': {
        if (isTrustedClient(config, outcome.redirectUrl)) return deliver(outcome)
        const session = await sso.askConsent(outcome, browserOf(request, config.public_url).id)
        return html(consentPage(session, outcome.userId, outcome.redirectUrl))
      }
    }
  }

  return [
    endpoint(
      {
        method: 'GET',
        path: callbackPath,
        auth: 'none',
        limit: 'login',
        query: z.object({ state: z.string().default(''), code: z.string().optional() }),
      },
      async (request) => {
        const { state, code } = request.query
        if (code === undefined) {
          return html(
            messagePage('You are not logged in', 'The login was given up. Go back to your app to begin again.'),
            403,
          )
        }
        const browser = browserOf(request, config.public_url).id
        return sso.finish({ state, code, browser }).then((outcome) => show(request, outcome), failed)
      },
    ),
    endpoint({ method: 'POST', path: '/_ringback/v1/sso/account', auth: 'none', limit: 'login' }, async (request) => {
      const form = await request.form()
      const session = form.get('session') ?? ''
      const name = (form.get('name') ?? '').trim()
      const browser = browserOf(request, config.public_url).id
      const account = await sso.newAccount(session, browser)
      if (!account) return html(messagePage('This page has expired', 'Go back to your app and begin again.'), 400)
      const retry = (failure: string, status = 400) => html(nameForm(session, account, name, failure), status)
      if (config.registration.terms.length > 0 && form.get('accept') !== 'yes') return retry('Please accept the terms.')
      try {
        return await show(request, await sso.createAccount(session, browser, name))
      } catch (error) {
        if (error instanceof MatrixError) return retry(`${error.message}.`, error.status)
        throw error
      }
    }),
    endpoint({ method: 'POST', path: '/_ringback/v1/sso/continue', auth: 'none', limit: 'login' }, async (request) => {
      const session = (await request.form()).get('session') ?? ''
      const login = await sso.takeConsent(session, browserOf(request, config.public_url).id)
      return login
        ? deliver(login)
        : html(messagePage('This page has expired', 'Go back to your app and begin again.'), 400)
    }),
  ]
}
