import { messagePage, page } from '../../accounts/pages-layout.ts'
import { escapeHtml } from '../../util/html.ts'

/** Asks for a click: programs that look into mails open links, too. */
export function unsubscribePage(address: string): string {
  return page(
    'Stop these mails',
    `<h1>Stop these mails?</h1>
<p>Mail about unread messages goes to <strong>${escapeHtml(address)}</strong>.</p>
<form method="post">
<button>Stop these mails</button>
</form>
<p class="hint">You keep your account and your messages.</p>`,
  )
}

export function unsubscribedPage(address: string): string {
  return messagePage(
    'There will be no more of these mails',
    `Mail about unread messages no longer goes to ${address}. You can turn it on again in the settings of your app.`,
  )
}

export function unknownLinkPage(): string {
  return messagePage(
    'There is nothing to stop',
    'These mails have been turned off already, or the link is not complete. If mails still come, use the link in the newest one.',
  )
}
