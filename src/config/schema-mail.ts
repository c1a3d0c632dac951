import { z } from 'zod'
import { canonicalEmail } from '../util/email-address.ts'
import { duration, secret, text } from './fields.ts'

const smtpUrl = () =>
  secret().refine((value) => ['smtp:', 'smtps:'].includes(URL.parse(value)?.protocol ?? ''), {
    error: 'must be an address such as smtps://USER:PASSWORD@mail.example.org',
  })

/** `Name <address>`, or the address alone. */
const sender = () =>
  z.string().transform((value, ctx) => {
    const match = /^\s*(?:"?([^"<>]*?)"?\s*<([^<>]+)>|([^<>\s]+))\s*$/.exec(value)
    const address = canonicalEmail(match?.[2] ?? match?.[3] ?? '')
    if (address !== undefined) return { name: match?.[1] ?? '', address }
    ctx.addIssue({ code: 'custom', message: 'must be an address such as Chat <chat@example.org>', input: value })
    return z.NEVER
  })

export const mail = z
  .strictObject({
    url: smtpUrl()
      .optional()
      .describe('The mail server in one line, smtp:// or smtps://, instead of host, port, user and password.')
      .meta({ example: 'smtps://ringback:secret@mail.example.org', secret: true }),
    host: text()
      .optional()
      .describe('The mail server (SMTP). Without one no mail is sent, and addresses cannot be added to accounts.')
      .meta({ example: 'mail.example.org' }),
    port: z
      .int()
      .min(1)
      .max(65535)
      .optional()
      .describe('Its port. Default: 465 with encryption tls, else 587.')
      .meta({ example: 587 }),
    user: text().optional().describe('The name to log in with there.').meta({ example: 'ringback' }),
    password: secret().optional().describe('The password for it.').meta({ example: 'a secret', secret: true }),
    encryption: z
      .enum(['auto', 'starttls', 'tls', 'none'])
      .default('auto')
      .describe(
        'How the connection is encrypted: tls from the start, starttls after the greeting, none, or auto, which is tls on port 465, else starttls where it is offered and always where a password is sent.',
      ),
    verify_certificate: z.boolean().default(true).describe('Refuse a mail server whose certificate is not valid.'),
    from: sender()
      .optional()
      .describe('Who the mails are from. Default: noreply at the server name.')
      .meta({ example: 'Chat <chat@example.org>' }),
    link_lifetime: duration().prefault('1h').describe('How long the link in a mail works.'),
    allowed_domains: z
      .array(text().transform((value) => value.toLowerCase()))
      .prefault([])
      .describe('The only domains at which accounts may have addresses, such as example.org. Default: all.'),
    hide_known_addresses: z
      .boolean()
      .default(true)
      .describe(
        'Tell nobody but its owner whether an address belongs to an account: who asks sees no difference, and a mail explains.',
      ),
    app_name: text().default('Ringback').describe('What mails and pages call this service.'),
  })
  .prefault({})
  .describe('Mail for addresses of accounts, forgotten passwords and notifications.')
