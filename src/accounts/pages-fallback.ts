import type { Config } from '../config/schema.ts'
import { escapeHtml } from '../util/html.ts'
import { inlineScript, page, problem } from './pages-layout.ts'

export interface PolicyLink {
  readonly name: string
  readonly url: string
}

/** A mail that waits for its link to be opened. */
export interface SentMail {
  readonly address: string
  readonly sid: string
  readonly clientSecret: string
}

/** The documents that people accept, in English where there is that. */
export function policyLinks({ registration }: Pick<Config, 'registration'>): PolicyLink[] {
  return registration.terms.flatMap(({ texts }) => (texts.en ? [texts.en] : Object.values(texts)))
}

export type FallbackForm =
  | { readonly kind: 'dummy' }
  | { readonly kind: 'password'; readonly userId: string }
  | { readonly kind: 'token' }
  | { readonly kind: 'email'; readonly sent: SentMail | undefined }
  | { readonly kind: 'sso'; readonly providers: readonly { readonly id: string; readonly name: string }[] }
  | { readonly kind: 'terms'; readonly policies: readonly PolicyLink[] }

/** One stage of user-interactive authentication as a page, for apps that cannot do it themselves. */
export function fallbackPage(form: FallbackForm, session: string, failure?: string): string {
  return page(
    'Confirm',
    `<h1>${title(form)}</h1>
${problem(failure)}
<form method="post">
<input type="hidden" name="session" value="${escapeHtml(session)}">
${fields(form)}
</form>`,
  )
}

function title(form: FallbackForm): string {
  if (form.kind === 'terms') return 'Please read and accept'
  if (form.kind === 'token') return 'You need an invitation'
  if (form.kind === 'email') return form.sent ? 'Look into your mail' : 'Your mail address'
  return 'Please confirm that it is you'
}

function fields(form: FallbackForm): string {
  switch (form.kind) {
    case 'dummy':
      return '<button>Go on</button>'
    case 'token':
      return `<label for="token">Registration token</label><input id="token" name="token" required autofocus autocomplete="off">
<p class="hint">Whoever runs this server gave you one.</p><button>Go on</button>`
    case 'email':
      return form.sent ? sentFields(form.sent) : emailField
    case 'password':
      return `<label for="name">Name</label>
<input id="name" name="name" value="${escapeHtml(form.userId)}" required autocomplete="username" autocapitalize="none">
<label for="password">Password</label>
<input id="password" name="password" type="password" required autocomplete="current-password"><button>Confirm</button>`
    case 'sso':
      return `<p>An app wants to change something important in your account. If that is not you, close this page.</p>
${form.providers.map(({ id, name }) => `<button name="provider" value="${escapeHtml(id)}">Continue with ${escapeHtml(name)}</button>`).join('\n')}`
    case 'terms': {
      const links = form.policies.map(
        ({ name, url }) =>
          `<li><a href="${escapeHtml(url)}" target="_blank" rel="noreferrer">${escapeHtml(name)}</a></li>`,
      )
      return `<ul>${links.join('')}</ul><button>I accept</button>`
    }
  }
}

const emailField = `<label for="email">Mail address</label>
<input id="email" name="email" type="email" required autofocus autocomplete="email">
<p class="hint">You get a mail with a link.</p><button>Send the mail</button>`

function sentFields({ address, sid, clientSecret }: SentMail): string {
  return `<input type="hidden" name="email" value="${escapeHtml(address)}">
<input type="hidden" name="sid" value="${escapeHtml(sid)}">
<input type="hidden" name="secret" value="${escapeHtml(clientSecret)}">
<p>We have written to <strong>${escapeHtml(address)}</strong>. Open the link in that mail, then come back here.</p>
<button>I have opened the link</button>`
}

/** https://spec.matrix.org/v1.19/client-server-api/#fallback: tells the app that the stage is done. */
export function fallbackDonePage(): { page: string; headers: Record<string, string> } {
  const { tag, headers } = inlineScript(`
if (window.onAuthDone) window.onAuthDone()
else if (window.opener && window.opener.postMessage) window.opener.postMessage('authDone', '*')`)
  const body = `<h1>Done</h1><p>You can close this window and go back to your app.</p>${tag}`
  return { page: page('Done', body), headers }
}
