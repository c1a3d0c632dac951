import type { RateLimiter } from '../http/rate-limit.ts'
import type { StageCheck, UiaOutcome, UiaPolicy, UiaRequest } from '../http/uia.ts'
import { errors } from '../matrix/errors.ts'
import type { Accounts } from './accounts.ts'

export interface ConfirmationDeps {
  readonly accounts: Pick<Accounts, 'users' | 'uia' | 'identify'>
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

/** What somebody has to do to show that an account is theirs. */
export function confirmationPolicy(deps: ConfirmationDeps): UiaPolicy {
  return { flows: [['m.login.password']], stages: { 'm.login.password': passwordStage(deps) } }
}

/** Lets an action go on once whoever asks for it has shown that the account is theirs. Throws like `Uia.require`. */
export function confirmAction(deps: ConfirmationDeps, request: UiaRequest): Promise<UiaOutcome> {
  return deps.accounts.uia.require(request, confirmationPolicy(deps))
}
