import { escapeHtml } from '../../util/html.ts'
import { messagePage, page } from '../pages-layout.ts'
import { dayOf } from './renewal-mail.ts'

/** Asks for a click before the account is renewed: programs that look into mails open links, too. */
export function renewPage({ token, userId, endTs }: { token: string; userId: string; endTs: number }): string {
  return page(
    'Renew your account',
    `<h1>Renew your account?</h1>
<p>Without that the account <strong>${escapeHtml(userId)}</strong> can be used until ${escapeHtml(dayOf(endTs))}.</p>
<form method="post">
<input type="hidden" name="token" value="${escapeHtml(token)}">
<button>Renew the account</button>
</form>`,
  )
}

export function renewedPage(endTs: number): string {
  return messagePage('Your account has been renewed', `It can be used until ${dayOf(endTs)}. You can close this page.`)
}

export function usedPage(endTs: number): string {
  return messagePage('This link has been used already', `The account can be used until ${dayOf(endTs)}.`)
}

export function unknownLinkPage(): string {
  return messagePage('This link does not work', 'It is not complete, or a later mail has replaced it.')
}
