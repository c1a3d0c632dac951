import { createTransport, type SMTPTransportOptions } from 'nodemailer'
import { withTimeout } from './async.ts'
import { canonicalEmail } from './email-address.ts'
import { oneLine } from './one-line.ts'

export interface MailServer {
  readonly host: string
  /** Default: 465 with TLS from the start, else 587. */
  readonly port?: number | undefined
  readonly user?: string | undefined
  readonly password?: string | undefined
  /**
   * `auto`: TLS from the start on port 465, else STARTTLS where the server offers it, and nothing less where a password
   * would cross a network. `starttls` and `tls` insist on it, `none` never encrypts.
   */
  readonly encryption: 'auto' | 'starttls' | 'tls' | 'none'
  readonly verifyCertificate: boolean
  readonly from: { readonly name: string; readonly address: string }
  /** How we introduce ourselves. */
  readonly heloName: string
}

export interface Mail {
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  /** The same for all attempts to send this mail. */
  readonly id: string
  /** Where a page, or a POST without anything else, ends further mails of this kind. */
  readonly unsubscribeUrl?: string | undefined
  readonly attachments?: readonly MailAttachment[]
}

export interface MailAttachment {
  readonly fileName: string
  readonly contentType: string
  readonly content: Buffer
}

export interface Mailer {
  /** Resolves when the mail server has taken the mail. Throws a `MailRefused` where trying again is of no use. */
  send(mail: Mail, signal?: AbortSignal): Promise<void>
}

/** The mail server said that it will never take this mail. */
export class MailRefused extends Error {
  override name = 'MailRefused'
}

const longestExchange = 60_000
/** How long the answer of the mail server is awaited when we stop: without it a mail that was taken would be sent again. */
const lastAnswer = 3_000

/** Speaks SMTP with the one server of the configuration. */
export function createMailer(server: MailServer): Mailer {
  const transport = createTransport(smtpOptions(server))
  const domain = server.from.address.slice(server.from.address.lastIndexOf('@') + 1)
  return {
    send: async (mail, signal) => {
      // Everything that stands in a header is one line, and the address is one address, before it is written.
      const to = canonicalEmail(mail.to)
      if (to === undefined) throw new MailRefused('not a mail address')
      const message = {
        envelope: { from: server.from.address, to: [to] },
        from: { name: oneLine(server.from.name), address: server.from.address },
        to: { name: '', address: to },
        subject: oneLine(mail.subject),
        text: mail.text,
        html: mail.html,
        messageId: `<${mail.id.replace(/[^\w.-]/g, '')}@${domain}>`,
        headers: {
          'Auto-Submitted': 'auto-generated',
          'X-Auto-Response-Suppress': 'All',
          // https://www.rfc-editor.org/rfc/rfc8058
          ...(mail.unsubscribeUrl !== undefined && { 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }),
        },
        ...(mail.unsubscribeUrl !== undefined && { list: { unsubscribe: { url: new URL(mail.unsubscribeUrl).href } } }),
        attachments: (mail.attachments ?? []).map(({ fileName: filename, ...file }) => ({ filename, ...file })),
        disableFileAccess: true,
        disableUrlAccess: true,
      }
      signal?.throwIfAborted()
      const sending = transport.sendMail(message)
      try {
        await withTimeout(longestExchange, () => sending, signal)
      } catch (error) {
        if (signal?.aborted && (await isTaken(sending))) return
        if (isFinal(error)) throw new MailRefused('the mail server refuses the mail', { cause: error })
        throw error
      }
    },
  }
}

function smtpOptions({ host, user, password, encryption, ...server }: MailServer): SMTPTransportOptions {
  const port = server.port ?? (encryption === 'tls' ? 465 : 587)
  const secure = encryption === 'tls' || (encryption === 'auto' && port === 465)
  const isLocal = /^(localhost|127\..*|::1)$/.test(host)
  return {
    host,
    port,
    secure,
    name: server.heloName,
    ignoreTLS: encryption === 'none',
    requireTLS: encryption === 'starttls' || (encryption === 'auto' && !secure && user !== undefined && !isLocal),
    tls: { rejectUnauthorized: server.verifyCertificate },
    ...(user !== undefined && { auth: { user, pass: password ?? '' } }),
    allowInternalNetworkInterfaces: true,
    dnsTimeout: 10_000,
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 20_000,
    socketCloseTimeout: 0,
  }
}

function isTaken(sending: Promise<unknown>): Promise<boolean> {
  return withTimeout(lastAnswer, () => sending).then(
    () => true,
    () => false,
  )
}

/** A 5xx answer to the recipient or the message; a login or a sender that is refused can be put right meanwhile. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof Error) || !('responseCode' in error) || !('code' in error)) return false
  const { responseCode, code } = error
  const isSender = 'command' in error && error.command === 'MAIL FROM'
  const isAboutMail = code === 'EMESSAGE' || (code === 'EENVELOPE' && !isSender)
  return isAboutMail && typeof responseCode === 'number' && responseCode >= 500
}
