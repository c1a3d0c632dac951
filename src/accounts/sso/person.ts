import type { SsoProviderConfig } from '../../config/schema-sso.ts'
import { isStrictLocalpart } from '../../matrix/ids.ts'
import { canonicalEmail } from '../../util/email-address.ts'
import type { Claims } from './id-token.ts'

/** Somebody as their provider describes them. */
export interface Person {
  readonly subject: string
  /** A user name made of what the provider says; empty where nothing can be made of it. */
  readonly localpart: string
  /** Whether it is the provider's name as it stands, but for capitals. */
  readonly isExact: boolean
  readonly displayName: string | undefined
  /** One that the provider has verified. */
  readonly email: string | undefined
}

export function personOf(claims: Claims, config: SsoProviderConfig): Person {
  const given = textOf(claims[config.localpart_claim])?.toLowerCase()
  const name = given?.split('@')[0] ?? ''
  const localpart = name
    .normalize('NFKD')
    .replace(/\s+/g, '.')
    .replace(/[^a-z0-9._=/+-]/g, '')
    .slice(0, 100)
  const email = canonicalEmail(textOf(claims[config.email_claim]) ?? '')
  const isVerified = claims.email_verified === true || claims.email_verified === 'true'
  return {
    subject: claims.sub,
    localpart: isStrictLocalpart(localpart) ? localpart : '',
    isExact: localpart !== '' && localpart === given,
    displayName: textOf(claims[config.display_name_claim])?.slice(0, 256),
    email: isVerified ? email : undefined,
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}
