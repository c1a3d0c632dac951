import { z } from 'zod'
import { isServerName, type ServerName } from '../matrix/ids.ts'
import { addressRange, filePath, httpUrl, text } from './fields.ts'

export const serverName = z
  .string()
  .transform((value, ctx): ServerName => {
    if (isServerName(value)) return value
    ctx.addIssue({
      code: 'custom',
      message: 'must be a host name such as example.org, with a port at most',
      input: value,
    })
    return z.NEVER
  })
  .prefault('localhost')
  .describe('The part after the colon in user ids and aliases. It can never be changed once people have joined.')

export const publicUrl = httpUrl()
  .optional()
  .describe(
    'Where clients reach this server; it stands in every link and discovery answer. Default: the first listener.',
  )
  .meta({ example: 'https://matrix.example.org' })

export const dataDir = filePath().default('./data').describe('The folder for the database, the signing key and media.')

export const database = z
  .strictObject({
    url: text()
      .refine((url) => /^(sqlite:.|postgres(ql)?:\/\/)/.test(url), { error: 'must be sqlite:PATH or postgres://...' })
      .optional()
      .describe(
        'Where everything is stored: sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME. Default: ringback.db in data_dir.',
      )
      .meta({ example: 'sqlite:./data/ringback.db', secret: true }),
  })
  .prefault({})
  .describe('The database.')

const surfaces = ['client', 'federation', 'media', 'admin', 'pages'] as const

const tls = z
  .strictObject({
    cert_file: filePath()
      .describe('The certificate with its chain, in PEM. SIGHUP reads it again.')
      .meta({ example: './fullchain.pem' }),
    key_file: filePath().describe('The private key of the certificate, in PEM.').meta({ example: './privkey.pem' }),
  })
  .optional()
  .describe('Serve HTTPS. Without it the listener speaks plain HTTP, for a reverse proxy in front.')

const listener = z.strictObject({
  host: text().default('127.0.0.1').describe('The address to listen on; 0.0.0.0 or :: for all of the machine.'),
  port: z.int().min(0).max(65535).default(8008).describe('The port; 0 takes any free one.'),
  tls,
  serves: z
    .array(z.enum(surfaces))
    .min(1)
    .default([...surfaces])
    .describe('What this listener answers: client, federation, media, admin (with /_synapse/admin), pages.'),
  trusted_proxies: z
    .array(addressRange())
    .default([])
    .describe('Reverse proxies whose X-Forwarded-For tells the address of clients, such as 127.0.0.1 or 10.0.0.0/8.'),
})

export const listeners = z.array(listener).min(1).prefault([{}]).describe('Where the server listens.')

export const log = z
  .strictObject({
    level: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .default('info')
      .describe('The least severe messages that are written.'),
    format: z
      .enum(['auto', 'json', 'pretty'])
      .default('auto')
      .describe('json for machines, pretty for people, auto: pretty on a terminal and json elsewhere.'),
  })
  .prefault({})
  .describe('The log goes to standard output, without tokens and message texts.')

export const outbound = z
  .strictObject({
    allow_private_addresses: z
      .boolean()
      .default(false)
      .describe(
        'Let requests to addresses that others chose (federation, push, previews, webhooks) reach private networks.',
      ),
  })
  .prefault({})
  .describe('Requests to other machines.')
