import type { SsoProviderConfig } from '../../config/schema-sso.ts'
import { escapeHtml } from '../../util/html.ts'
import type { PolicyLink } from '../pages-fallback.ts'
import { page, problem } from '../pages-layout.ts'

/** Lets the person choose with which account to log in. `linkTo` makes the address for a provider. */
export function choicePage(providers: readonly SsoProviderConfig[], linkTo: (id: string) => string): string {
  const links = providers.map(
    ({ id, name }) => `<a class="button" href="${escapeHtml(linkTo(id))}">Continue with ${escapeHtml(name)}</a>`,
  )
  return page('Log in', `<h1>How do you want to log in?</h1>\n${links.join('\n')}`)
}

export interface NameForm {
  readonly session: string
  readonly serverName: string
  readonly provider: string
  readonly name: string
  readonly policies: readonly PolicyLink[]
  readonly failure?: string | undefined
}

/** Asks for the name of a new account, which cannot be changed later. */
export function namePage({ session, serverName, provider, name, policies, failure }: NameForm): string {
  const links = policies.map(
    ({ name, url }) => `<li><a href="${escapeHtml(url)}" target="_blank" rel="noreferrer">${escapeHtml(name)}</a></li>`,
  )
  const terms =
    policies.length === 0
      ? ''
      : `<p>Please read:</p><ul>${links.join('')}</ul>
<label class="check"><input type="checkbox" name="accept" value="yes" required> I accept</label>`
  return page(
    'Your new account',
    `<h1>Your new account</h1>
<p class="soft">${escapeHtml(provider)} has told us who you are. Choose the name by which others here find you. It cannot be changed later.</p>
${problem(failure)}
<form method="post" action="account">
<input type="hidden" name="session" value="${escapeHtml(session)}">
<label for="name">Name</label>
<div class="affix"><span>@</span><input id="name" name="name" value="${escapeHtml(name)}" required autofocus maxlength="200"
  autocomplete="username" autocapitalize="none" autocorrect="off" spellcheck="false"><span>:${escapeHtml(serverName)}</span></div>
<p class="hint">Small letters, digits and . _ = - / +</p>
${terms}
<button>Create account</button>
</form>`,
  )
}

/** Asks before a client that this server does not know gets the account. */
export function consentPage(session: string, userId: string, redirectUrl: string): string {
  const url = new URL(redirectUrl)
  const client = url.host === '' ? url.protocol.slice(0, -1) : url.host
  const isApp = url.protocol !== 'https:' && url.protocol !== 'http:'
  const who = `${isApp ? 'The app' : 'The website'} <strong>${escapeHtml(isApp ? url.protocol.slice(0, -1) : client)}</strong>`
  return page(
    'Go on?',
    `<h1>Log in there?</h1>
<p>${who} will get full access to your account <strong>${escapeHtml(userId)}</strong>.</p>
<form method="post" action="continue">
<input type="hidden" name="session" value="${escapeHtml(session)}">
<button>Go on</button>
</form>
<p class="hint">If you do not know it, close this page.</p>`,
  )
}
