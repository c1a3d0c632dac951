import type { Database } from '../db/database.ts'
import type { RateLimiter } from '../http/rate-limit.ts'
import type { StageCheck, UiaOutcome, UiaPolicy, UiaRequest } from '../http/uia.ts'
import { errors } from '../matrix/errors.ts'
import type { UserId } from '../matrix/ids.ts'
import type { Accounts } from './accounts.ts'

export interface ConfirmationDeps {
  readonly db: Database
  readonly accounts: Pick<Accounts, 'users' | 'uia' | 'identify' | 'externalIds'>
  readonly limiter: RateLimiter
}

/** Checks the password of an account. The result of the stage is the user id. */
export function passwordStage({ accounts: { users, identify }, limiter }: ConfirmationDeps): StageCheck {
  return async (auth) => {
    const { name, attemptKey } = await identify(auth)
    if (typeof auth.password !== 'string') throw errors.missingParam('Missing key password')
    limiter.take('login', attemptKey)
    const { userId } = await users.verifyPassword(name, auth.password)
    return { userId, result: userId }
  }
}

/**
 * What somebody has to do to show that an account is theirs: give its password, or log in at a provider that knows them.
 * The latter is done on a page.
 */
export async function confirmationPolicy(deps: ConfirmationDeps, userId: UserId | undefined): Promise<UiaPolicy> {
  const { hasPassword, hasProvider } = await deps.db.read(async (reader) => ({
    hasPassword: userId === undefined || (await deps.accounts.users.hasPassword(reader, userId)),
    hasProvider: userId !== undefined && (await deps.accounts.externalIds.providersOf(reader, userId)).length > 0,
  }))
  const flows: string[][] = []
  if (hasPassword || !hasProvider) flows.push(['m.login.password'])
  if (hasProvider) flows.push(['m.login.sso'])
  return { flows, stages: { 'm.login.password': passwordStage(deps) } }
}

/** Lets an action go on once whoever asks for it has shown that the account is theirs. Throws like `Uia.require`. */
export async function confirmAction(deps: ConfirmationDeps, request: UiaRequest): Promise<UiaOutcome> {
  return deps.accounts.uia.require(request, await confirmationPolicy(deps, request.requester?.userId))
}
