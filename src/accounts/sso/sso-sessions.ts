import type { Database } from '../../db/database.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import { randomToken } from '../../util/random.ts'
import { hashToken } from '../tokens.ts'
import { getSsoSession, putSsoSession, takeSsoSession } from './store-sso.ts'

/** What a login at a provider is for: a client, or a stage of user-interactive authentication. */
export type Purpose =
  | { readonly kind: 'login'; readonly redirectUrl: string }
  | { readonly kind: 'confirm'; readonly uiaSession: string }

/** The browser is at the provider. */
export interface AtProvider {
  readonly step: 'provider'
  readonly providerId: string
  readonly nonce: string
  readonly verifier: string
  readonly purpose: Purpose
}

/** The person chooses a name for a new account. */
export interface NewAccount {
  readonly step: 'account'
  readonly providerId: string
  readonly subject: string
  /** A name that the provider suggests; may be taken. */
  readonly suggestion: string
  readonly displayName: string | undefined
  readonly email: string | undefined
  readonly redirectUrl: string
}

/** The person is asked whether the client may have the account. */
export interface AtConsent {
  readonly step: 'consent'
  readonly userId: UserId
  readonly redirectUrl: string
}

export type SsoSession = AtProvider | NewAccount | AtConsent

type SessionOf<Step extends SsoSession['step']> = Extract<SsoSession, { step: Step }>

/** Logins under way. Each belongs to one browser, which has a cookie to show for it. */
export interface SsoSessions {
  /** Returns the session's id. */
  open(session: SsoSession, browser: string): Promise<string>
  /** Undefined for another browser, an expired session or one that is at another step. */
  get<Step extends SsoSession['step']>(id: string, browser: string, step: Step): Promise<SessionOf<Step> | undefined>
  /** The same, and nobody can use it again. */
  take<Step extends SsoSession['step']>(id: string, browser: string, step: Step): Promise<SessionOf<Step> | undefined>
}

/** Enough to find a password and a second factor, in ms. */
const lifetime = 15 * 60_000

export function createSsoSessions({ db, clock }: { db: Database; clock: Clock }): SsoSessions {
  function parse<Step extends SsoSession['step']>(data: string | undefined, browser: string, step: Step) {
    if (data === undefined) return undefined
    // It was written by `open`.
    const { session, browserHash } = JSON.parse(data) as { session: SsoSession; browserHash: string }
    const isTheirs = browserHash === hashToken(browser) && session.step === step
    return isTheirs ? (session as SessionOf<Step>) : undefined
  }
  return {
    open: async (session, browser) => {
      const id = randomToken()
      const data = JSON.stringify({ session, browserHash: hashToken(browser) })
      const now = clock.now()
      await db.write('sso session', (tx) =>
        putSsoSession(tx, { id: hashToken(id), data, expiresTs: now + lifetime }, now),
      )
      return id
    },
    get: async (id, browser, step) =>
      parse(await db.read((reader) => getSsoSession(reader, hashToken(id), clock.now())), browser, step),
    take: async (id, browser, step) =>
      parse(await db.write('take sso session', (tx) => takeSsoSession(tx, hashToken(id), clock.now())), browser, step),
  }
}
