import type { MailText } from '../../util/mail-layout.ts'
import type { Purpose } from './store-validations.ts'

export interface MailContext {
  readonly appName: string
  readonly serverName: string
  readonly address: string
}

type Text = MailText & { readonly subject: string }

const notYou = 'If that was not you, there is nothing to do: nothing happens unless the link is opened.'

/** Asks the owner of an address to confirm what somebody has begun with it. */
export function confirmationMail(purpose: Purpose, link: string, context: MailContext): Text {
  const { appName, serverName, address } = context
  switch (purpose) {
    case 'register':
      return {
        subject: `Confirm your address for ${appName}`,
        title: 'Confirm your mail address',
        paragraphs: [`Somebody, probably you, is making an account on ${serverName} with the address ${address}.`],
        action: { label: 'Confirm the address', url: link },
        footer: [notYou],
      }
    case 'add':
      return {
        subject: `Confirm your address for ${appName}`,
        title: 'Confirm your mail address',
        paragraphs: [`Somebody, probably you, is adding the address ${address} to an account on ${serverName}.`],
        action: { label: 'Confirm the address', url: link },
        footer: [notYou],
      }
    case 'password':
      return {
        subject: `Reset your password for ${appName}`,
        title: 'Reset your password',
        paragraphs: [
          `Somebody, probably you, asked for a new password for your account on ${serverName}.`,
          'Open the link, confirm, and go on in your app.',
        ],
        action: { label: 'Reset the password', url: link },
        footer: [`${notYou} Your password stays as it is.`],
      }
  }
}

/** Tells the owner of an address that it is in use already, and nobody else. */
export function knownAddressMail(
  purpose: Purpose,
  userId: string,
  { appName, serverName, address }: MailContext,
): Text {
  const began = purpose === 'register' ? 'make an account' : 'add your address to another account'
  return {
    subject: `Your address is known to ${appName} already`,
    title: 'You have an account already',
    paragraphs: [
      `Somebody, probably you, tried to ${began} on ${serverName} with the address ${address}. It belongs to the account ${userId}.`,
      'To use that account, log in with this address or the user name. If you have forgotten the password, your app can reset it.',
    ],
    footer: ['If that was not you, there is nothing to do.'],
  }
}

/** Answers a wish for a new password where no account has the address, or one without a password. */
export function unknownAddressMail({ appName, serverName, address }: MailContext): Text {
  return {
    subject: `No password to reset for ${appName}`,
    title: 'There is no password to reset',
    paragraphs: [
      `Somebody, probably you, asked for a new password on ${serverName}, but no account with a password there has the address ${address}.`,
      'Perhaps you have used another address.',
    ],
    footer: ['If that was not you, there is nothing to do.'],
  }
}
