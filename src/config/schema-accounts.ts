import { z } from 'zod'
import { duration, filePath, httpUrl, secret, size, text } from './fields.ts'

const policy = z.strictObject({
  id: text().describe('The name of the document for programs.').meta({ example: 'privacy_policy' }),
  version: text().default('1').describe('The version that people agree to.'),
  texts: z
    .record(
      text(),
      z.strictObject({
        name: text().describe('The title.').meta({ example: 'Privacy policy' }),
        url: httpUrl().describe('Where it can be read.').meta({ example: 'https://example.org/privacy' }),
      }),
    )
    .describe('Title and address of the document by language.')
    .meta({ example: { en: { name: 'Privacy policy', url: 'https://example.org/privacy' } } }),
})

export const registration = z
  .strictObject({
    enabled: z.boolean().default(false).describe('Let people make accounts themselves.'),
    require_token: z.boolean().default(false).describe('Ask for a registration token (see: ringback token create).'),
    require_email: z
      .boolean()
      .default(false)
      .describe('Ask for a mail address, and for a click on the link that is sent there. Needs mail.'),
    guests: z.boolean().default(false).describe('Let guests in without an account.'),
    shared_secret: secret()
      .optional()
      .describe(
        'Lets scripts that know it make accounts at /_synapse/admin/v1/register, also when registration is off.',
      )
      .meta({ example: 'a long random string', secret: true }),
    min_password_length: z
      .int()
      .min(1)
      .max(512)
      .default(1)
      .describe('The fewest characters a new password may have. Raise it where strangers may register.'),
    password_hash: z
      .strictObject({
        memory: size().prefault('19MiB').describe('Memory that hashing one password takes.'),
        passes: z.int().min(1).max(100).default(2).describe('How often that memory is gone over.'),
      })
      .prefault({})
      .describe('How costly it is to guess stored passwords (Argon2id). The defaults are what OWASP advises.'),
    terms: z.array(policy).prefault([]).describe('Documents that people accept when they register.'),
  })
  .prefault({})
  .describe('New accounts.')

export const sessions = z
  .strictObject({
    access_token_lifetime: duration()
      .prefault('1h')
      .describe('How long an access token is valid where the client can refresh it.'),
    refresh_token_lifetime: duration()
      .optional()
      .describe('How long a session of such a client may sleep before it must log in again. Default: for ever.')
      .meta({ example: '90d' }),
    unrefreshable_token_lifetime: duration()
      .optional()
      .describe('How long an access token is valid where the client cannot refresh it. Default: for ever.')
      .meta({ example: '365d' }),
    login_token_lifetime: duration()
      .prefault('2m')
      .describe('How long a token for logging in another device is valid.'),
    uia_lifetime: duration()
      .prefault('15m')
      .describe('How long people may take for the steps of registration and other confirmed actions.'),
    openid_token_lifetime: duration()
      .prefault('1h')
      .describe('How long a proof of identity for other services, such as a call server, is valid.'),
  })
  .prefault({})
  .describe('Logins.')

const clientAddress = () =>
  text().refine((value) => !['', 'javascript:', 'data:'].includes(URL.parse(value)?.protocol ?? ''), {
    error: 'must be an address such as https://app.example.org/',
  })

export const trustedClients = z
  .array(clientAddress())
  .default([])
  .describe(
    'Addresses of clients, such as https://app.example.org/, to which browsers are sent back without asking the person.',
  )

export const appservices = z
  .strictObject({
    registration_files: z
      .array(filePath())
      .default([])
      .describe('Registration files of application services (bridges and bots). SIGHUP reads them again.'),
  })
  .prefault({})
  .describe('Application services.')
