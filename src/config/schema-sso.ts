import { z } from 'zod'
import { httpUrl, secret, text } from './fields.ts'

const claim = (what: string, name: string) =>
  text().default(name).describe(`The claim of the provider that is ${what}.`)

const provider = z.strictObject({
  id: z
    .string()
    .regex(/^[0-9a-zA-Z._~-]{1,255}$/, { error: 'must be made of letters, digits and . _ ~ -' })
    .describe('Names the provider in addresses and in the database. Accounts are tied to it: it must not change.')
    .meta({ example: 'example' }),
  name: text().describe('What the button in clients says.').meta({ example: 'Example' }),
  icon: z
    .string()
    .regex(/^mxc:\/\/[^/]+\/[^/]+$/, { error: 'must be an mxc:// address' })
    .optional()
    .describe('A picture for the button.')
    .meta({ example: 'mxc://example.org/abc' }),
  brand: text().optional().describe('A brand that clients know, such as github or google.').meta({ example: 'google' }),
  issuer: httpUrl()
    .describe('The provider; it must have /.well-known/openid-configuration beneath this address.')
    .meta({ example: 'https://login.example.org' }),
  client_id: text().describe('How this server is registered there.').meta({ example: 'ringback' }),
  client_secret: secret()
    .optional()
    .describe('The secret that belongs to it, where there is one.')
    .meta({ example: 'a long random string', secret: true }),
  scopes: z.array(text()).default(['openid', 'profile', 'email']).describe('What the provider is asked about people.'),
  allow_registration: z.boolean().default(true).describe('Make accounts for people who come for the first time.'),
  link_existing_users: z
    .boolean()
    .default(false)
    .describe(
      'Let people into an existing account of the name that the provider gives them. Only for a provider whose names you control.',
    ),
  localpart_claim: claim('the user name', 'preferred_username'),
  display_name_claim: claim('the display name', 'name'),
  email_claim: claim('the mail address, where the provider has verified it', 'email'),
})

export const sso = z
  .strictObject({
    providers: z
      .array(provider)
      .prefault([])
      .describe('OpenID Connect providers. Register PUBLIC_URL/_ringback/v1/sso/callback as redirect address there.'),
  })
  .prefault({})
  .describe('Logging in with accounts that people have elsewhere.')

export type SsoProviderConfig = z.output<typeof provider>
