import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint, type RequestBase } from '../http/endpoint.ts'
import { html, type Reply, redirect } from '../http/reply.ts'
import type { UiaSession } from '../http/uia-session.ts'
import { errors, MatrixError } from '../matrix/errors.ts'
import type { Json } from '../matrix/event.ts'
import { type FallbackForm, fallbackDonePage, fallbackPage, policyLinks } from './pages-fallback.ts'
import { messagePage } from './pages-layout.ts'
import { loginPage } from './pages-login.ts'
import { browserOf } from './sso/browser.ts'
import { emailStage } from './threepids/email-stage.ts'
import { checkFallbackMail, sendFallbackMail, sentMailOf } from './threepids/fallback-email.ts'

type Context = Pick<AppContext, 'accounts' | 'config' | 'db' | 'emails' | 'limiter' | 'sso'>

/** Pages for apps that leave logging in, or a stage of a confirmation, to a browser. */
export function fallbackRoutes(ctx: Context): Endpoint[] {
  const { uia } = ctx.accounts
  const path = '/_matrix/client/v3/auth/{authType}/fallback/web'
  const spec = 'https://spec.matrix.org/v1.19/client-server-api/#fallback'
  const unknown = () => html(messagePage('This page has expired', 'Go back to your app and try again.'), 400)

  return [
    endpoint({ method: 'GET', path: '/_matrix/static/client/login', auth: 'none' }, () => {
      const { page, headers } = loginPage()
      return html(page, 200, headers)
    }),
    endpoint(
      { method: 'GET', path, auth: 'none', limit: 'login', query: z.object({ session: z.string() }), spec },
      async ({ params, query }) => {
        const session = await uia.get(query.session)
        const form = session && (await formFor(ctx, params.authType, session))
        return form ? html(fallbackPage(form, query.session)) : unknown()
      },
    ),
    endpoint({ method: 'POST', path, auth: 'none', limit: 'login', spec }, async (request) => {
      const fields = await request.form()
      const session = await uia.get(fields.get('session') ?? '')
      const form = session && (await formFor(ctx, request.params.authType, session, fields))
      if (!form) return unknown()
      try {
        if (form.kind === 'email' && !form.sent) {
          const sent = await sendFallbackMail(ctx, session, fields)
          return html(fallbackPage({ kind: 'email', sent }, session.sessionId))
        }
        if (form.kind === 'sso') return await beginSso(ctx, request, session, fields)
        const result = await check(ctx, form, session, fields)
        await uia.complete(session.sessionId, request.params.authType, result)
        const { page, headers } = fallbackDonePage()
        return html(page, 200, headers)
      } catch (error) {
        if (!(error instanceof MatrixError)) throw error
        return html(fallbackPage(form, session.sessionId, `${error.message}.`), error.status)
      }
    }),
  ]
}

async function formFor(
  { accounts, config, db, emails, sso }: Context,
  stage: string,
  session: UiaSession,
  fields?: URLSearchParams,
): Promise<FallbackForm | undefined> {
  switch (stage) {
    case 'm.login.dummy':
      return { kind: 'dummy' }
    case 'm.login.password':
      // Whoever opened a session without an account could send others here to confirm what they do not see.
      return session.userId === undefined ? undefined : { kind: 'password', userId: session.userId }
    case 'm.login.registration_token':
      return { kind: 'token' }
    case emailStage:
      return emails.isEnabled ? { kind: 'email', sent: sentMailOf(fields) } : undefined
    case 'm.login.sso': {
      const { userId } = session
      if (userId === undefined) return undefined
      const linked = await db.read((reader) => accounts.externalIds.providersOf(reader, userId))
      return { kind: 'sso', providers: sso.providers.filter(({ id }) => linked.includes(id)) }
    }
    case 'm.login.terms':
      return {
        kind: 'terms',
        policies: policyLinks(config),
      }
    default:
      return undefined
  }
}

async function beginSso(
  { sso, config }: Context,
  request: RequestBase,
  { sessionId }: UiaSession,
  fields: URLSearchParams,
): Promise<Reply> {
  const browser = browserOf(request, config.public_url)
  const location = await sso.begin({
    providerId: fields.get('provider') ?? '',
    browser: browser.id,
    purpose: { kind: 'confirm', uiaSession: sessionId },
  })
  return redirect(location, 303, browser.headers)
}

/** The result of the stage; throws where the form was not filled in rightly. */
async function check(ctx: Context, form: FallbackForm, session: UiaSession, fields: URLSearchParams): Promise<Json> {
  const { accounts, limiter } = ctx
  if (form.kind === 'email' && form.sent) return checkFallbackMail(ctx, session, form.sent)
  if (form.kind === 'token') {
    const token = (fields.get('token') ?? '').trim()
    if (!(await accounts.checkRegistrationToken(token))) throw errors.forbidden('The registration token is not valid')
    return token
  }
  if (form.kind !== 'password') return true
  const name = (fields.get('name') ?? '').trim()
  limiter.take('login', accounts.users.attemptKey(name))
  const { userId } = await accounts.users.verifyPassword(name, fields.get('password') ?? '')
  if (session.userId !== userId) {
    throw errors.forbidden('This is the password of another account')
  }
  return userId
}
