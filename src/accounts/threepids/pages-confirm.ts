import { escapeHtml } from '../../util/html.ts'
import { messagePage, page } from '../pages-layout.ts'

/** Asks for a click before a password can be reset: programs that look into mails open links, too. */
export function confirmPage({ sid, token, address }: { sid: string; token: string; address: string }): string {
  return page(
    'Reset your password',
    `<h1>Reset your password?</h1>
<p>Somebody, probably you, asked for a new password for the account of <strong>${escapeHtml(address)}</strong>.</p>
<form method="post" action="confirm">
<input type="hidden" name="sid" value="${escapeHtml(sid)}">
<input type="hidden" name="token" value="${escapeHtml(token)}">
<button>Yes, that was me</button>
</form>
<p class="hint">If it was not you, close this page. Your password stays as it is.</p>`,
  )
}

/** `nextLink` is where the app wanted the browser to go; it is shown, as anybody can have asked for it. */
export function confirmedPage(purpose: string, nextLink: string | undefined): string {
  const next =
    nextLink === undefined
      ? ''
      : `<p><a href="${escapeHtml(nextLink)}" rel="noreferrer">Go on to ${escapeHtml(new URL(nextLink).host)}</a></p>`
  const what =
    purpose === 'password' ? 'Go back to your app to choose the new password.' : 'Go back to your app to go on.'
  return page('Confirmed', `<h1>Thank you, that worked</h1>\n<p>${what} You can close this page.</p>\n${next}`)
}

export function expiredPage(): string {
  return messagePage(
    'This link does not work any more',
    'It has expired, or it is not complete. Go back to your app and ask for another mail.',
  )
}
