import type { RequestBase } from '../../http/endpoint.ts'
import { randomToken } from '../../util/random.ts'

const name = 'ringback_sso'

/** The browser that makes a request, and the header that lets it be known again. */
export interface Browser {
  readonly id: string
  readonly headers: Record<string, string>
}

/** A cookie ties a login to the browser that began it: nobody can be made to end what another began. */
export function browserOf({ headers }: Pick<RequestBase, 'headers'>, publicUrl: string): Browser {
  const known = new RegExp(`(?:^|;\\s*)${name}=([\\w-]{43})(?:;|$)`).exec(headers.cookie ?? '')?.[1]
  const id = known ?? randomToken()
  const secure = publicUrl.startsWith('https://') ? '; Secure' : ''
  return { id, headers: { 'Set-Cookie': `${name}=${id}; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax${secure}` } }
}
