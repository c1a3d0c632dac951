import type { MailText } from '../../util/mail-layout.ts'

const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' })

/** A time in ms since 1970 as people write the day. */
export function dayOf(ts: number): string {
  return day.format(ts)
}

/** Tells the owner of an account when it ends, and how to keep it. */
export function renewalMail(
  link: string,
  { appName, userId, endTs, now }: { appName: string; userId: string; endTs: number; now: number },
): MailText & { readonly subject: string } {
  const isOver = endTs <= now
  return {
    subject: `Renew your account on ${appName}`,
    title: isOver ? 'Your account has expired' : 'Your account expires soon',
    paragraphs: [
      `The account ${userId} ${isOver ? 'expired' : 'expires'} on ${dayOf(endTs)}.`,
      'Open the link and confirm to keep it. Nothing in it is lost in the meantime.',
    ],
    action: { label: 'Renew the account', url: link },
    footer: ['You get this mail because your address belongs to the account. Without it there is nothing to do.'],
  }
}
