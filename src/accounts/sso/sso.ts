import type { Config } from '../../config/schema.ts'
import type { Database } from '../../db/database.ts'
import { errors, MatrixError } from '../../matrix/errors.ts'
import type { ServerName, UserId } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import { randomToken } from '../../util/random.ts'
import type { SafeFetch } from '../../util/safe-fetch.ts'
import type { Accounts } from '../accounts.ts'
import { findAccount } from './find-account.ts'
import { IdTokenError } from './id-token.ts'
import { personOf } from './person.ts'
import { createProvider, type Provider, ProviderError } from './provider.ts'
import { createSsoSessions, type NewAccount, type Purpose } from './sso-sessions.ts'

/** What comes of a login at a provider. */
export type SsoOutcome =
  | { readonly kind: 'login'; readonly userId: UserId; readonly redirectUrl: string }
  /** The person has to choose a name first. */
  | { readonly kind: 'account'; readonly session: string; readonly account: NewAccount }
  | { readonly kind: 'confirmed' }

/** Logins with accounts that people have elsewhere. Errors are `MatrixError`s whose messages are for people. */
export interface Sso {
  readonly providers: readonly Provider['config'][]
  hasProvider(id: string): boolean
  /** The address at the provider where a browser begins. */
  begin(request: { providerId: string; browser: string; purpose: Purpose; wantsAccount?: boolean }): Promise<string>
  /** Takes a browser back from the provider. */
  finish(request: { state: string; code: string; browser: string }): Promise<SsoOutcome>
  /** A new account that waits for its name. */
  newAccount(session: string, browser: string): Promise<NewAccount | undefined>
  /** Throws what `Registration.register` throws; the session stays then. */
  createAccount(session: string, browser: string, name: string): Promise<SsoOutcome>
  /** Remembers a login while the person is asked whether the client may have it. */
  askConsent(login: { userId: UserId; redirectUrl: string }, browser: string): Promise<string>
  takeConsent(session: string, browser: string): Promise<{ userId: UserId; redirectUrl: string } | undefined>
}

export interface SsoDeps {
  readonly config: Pick<Config, 'sso' | 'registration' | 'mail' | 'public_url'>
  readonly serverName: ServerName
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly fetch: SafeFetch
  readonly accounts: Accounts
}

export const callbackPath = '/_ringback/v1/sso/callback'

export function createSso(deps: SsoDeps): Sso {
  const { config, clock, log, accounts } = deps
  const providers = new Map(config.sso.providers.map((each) => [each.id, createProvider(each, deps)]))
  const sessions = createSsoSessions(deps)
  const redirectUri = () => config.public_url + callbackPath
  const expired = () => errors.unknown(400, 'This login has expired. Go back to your app and begin again')

  function providerOf(id: string): Provider {
    const provider = providers.get(id)
    if (!provider) throw errors.notFound('This server does not know that way to log in')
    return provider
  }

  /** What the provider did wrong is for the log; people cannot do anything about it. */
  async function atProvider<T>(provider: Provider, task: () => Promise<T>): Promise<T> {
    try {
      return await task()
    } catch (error) {
      if (!(error instanceof ProviderError) && !(error instanceof IdTokenError)) throw error
      log.warn({ err: error, provider: provider.config.id }, 'a login at a provider failed')
      throw errors.unknown(502, `${provider.config.name} could not tell who you are. Try again later`)
    }
  }

  async function confirm(uiaSession: string, providerId: string, subject: string): Promise<SsoOutcome> {
    const owner = await deps.db.read((reader) => accounts.externalIds.ownerOf(reader, providerId, subject))
    const session = await accounts.uia.get(uiaSession)
    if (!session) throw expired()
    if (owner === undefined || owner !== session.userId) {
      throw errors.forbidden('You are logged in there as somebody else')
    }
    await accounts.uia.complete(uiaSession, 'm.login.sso', owner)
    return { kind: 'confirmed' }
  }

  async function register(account: NewAccount, name: string): Promise<UserId> {
    const { providerId, subject, displayName, email } = account
    const { userId } = await accounts.registration.register({
      username: name,
      password: undefined,
      device: undefined,
      displayName,
      alongside: async (tx, userId) => {
        await accounts.externalIds.link(tx, { providerId, subject, userId })
        const isFree = email !== undefined && (await accounts.threepids.ownerOf(tx, email)) === undefined
        if (isFree) await accounts.threepids.add(tx, userId, { address: email, validatedTs: clock.now() })
      },
    })
    return userId
  }

  return {
    providers: config.sso.providers,
    hasProvider: (id) => providers.has(id),
    begin: async ({ providerId, browser, purpose, wantsAccount = false }) => {
      const provider = providerOf(providerId)
      const secrets = { nonce: randomToken(), verifier: randomToken(48) }
      const state = await sessions.open({ step: 'provider', providerId, purpose, ...secrets }, browser)
      return atProvider(provider, () => provider.authorizationUrl({ ...secrets, state }, redirectUri(), wantsAccount))
    },
    finish: async ({ state, code, browser }) => {
      const session = await sessions.take(state, browser, 'provider')
      if (!session) throw expired()
      const provider = providerOf(session.providerId)
      const secrets = { state, nonce: session.nonce, verifier: session.verifier }
      const claims = await atProvider(provider, () => provider.claims(code, secrets, redirectUri()))
      const person = personOf(claims, provider.config)
      const { purpose, providerId } = session
      if (purpose.kind === 'confirm') return confirm(purpose.uiaSession, providerId, person.subject)
      const { redirectUrl } = purpose
      const userId = await findAccount(deps, provider.config, person)
      if (userId !== undefined) return { kind: 'login', userId, redirectUrl }
      if (!provider.config.allow_registration) throw errors.forbidden('You have no account on this server')
      const { subject, localpart: suggestion, displayName, email } = person
      const account: NewAccount = { step: 'account', providerId, subject, suggestion, displayName, email, redirectUrl }
      if (person.isExact && config.registration.terms.length === 0) {
        try {
          return { kind: 'login', userId: await register(account, suggestion), redirectUrl }
        } catch (error) {
          // The name is taken or not allowed: the person chooses another.
          if (!(error instanceof MatrixError) || error.status !== 400) throw error
        }
      }
      return { kind: 'account', account, session: await sessions.open(account, browser) }
    },
    newAccount: (session, browser) => sessions.get(session, browser, 'account'),
    createAccount: async (session, browser, name) => {
      const account = await sessions.get(session, browser, 'account')
      if (!account) throw expired()
      const userId = await register(account, name)
      await sessions.take(session, browser, 'account')
      return { kind: 'login', userId, redirectUrl: account.redirectUrl }
    },
    askConsent: (login, browser) => sessions.open({ step: 'consent', ...login }, browser),
    takeConsent: (session, browser) => sessions.take(session, browser, 'consent'),
  }
}
