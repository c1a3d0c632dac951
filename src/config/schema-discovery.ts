import { z } from 'zod'
import { isServerName, isUserId } from '../matrix/ids.ts'
import { canonicalEmail } from '../util/email-address.ts'
import { httpUrl, text } from './fields.ts'

export const wellKnown = z
  .strictObject({
    server: z
      .string()
      .refine(isServerName, { error: 'must be a host name such as matrix.example.org, with a port at most' })
      .optional()
      .describe('Where other servers reach this one. Default: the host and port of public_url, where that is https.')
      .meta({ example: 'matrix.example.org:443' }),
    identity_server: httpUrl()
      .optional()
      .describe('The identity server that clients are told about. Default: none.')
      .meta({ example: 'https://identity.example.org' }),
    client: z
      .record(z.string(), z.unknown())
      .default({})
      .describe('More keys for clients, such as settings of one of them.'),
  })
  .prefault({})
  .describe('What /.well-known/matrix tells clients and servers, where server_name leads here.')

const contact = z
  .strictObject({
    role: text()
      .describe('m.role.admin, m.role.security or a name of your own such as org.example.role.helpdesk.')
      .meta({ example: 'm.role.admin' }),
    matrix_id: z
      .string()
      .refine(isUserId, { error: 'must be a user id such as @admin:example.org' })
      .optional()
      .describe('A user id, perhaps on another server.')
      .meta({ example: '@admin:example.org' }),
    email_address: z
      .string()
      .refine((value) => canonicalEmail(value) !== undefined, { error: 'must be a mail address' })
      .optional()
      .describe('A mail address.')
      .meta({ example: 'admin@example.org' }),
  })
  .refine((value) => value.matrix_id !== undefined || value.email_address !== undefined, {
    error: 'must have a matrix_id or an email_address',
  })

const identityServer = () =>
  text().refine((value) => isServerName(value) || /^https?:\/\/[^/]+\/?$/.test(value), {
    error: 'must be a name such as identity.example.org, or an address where it is not reached by https',
  })

export const identity = z
  .strictObject({
    trusted_servers: z
      .array(identityServer())
      .default([])
      .describe(
        'Identity servers, such as identity.example.org, that people may use to invite and be found by address.',
      ),
    find_local_addresses: z
      .boolean()
      .default(false)
      .describe(
        'Invitations to a mail address find the account here that has it, though its owner has not published it.',
      ),
  })
  .prefault({})
  .describe('Servers that know which user has a mail address.')

export const support = z
  .strictObject({
    contacts: z.array(contact).prefault([]).describe('Whom people and other administrators can ask.'),
    page: httpUrl()
      .optional()
      .describe('A page that helps people with this server.')
      .meta({ example: 'https://example.org/help' }),
  })
  .prefault({})
  .describe('Contacts, published at /.well-known/matrix/support.')
