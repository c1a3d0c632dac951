import type { Config } from '../config/schema.ts'
import type { StageCheck, UiaPolicy } from '../http/uia.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { Accounts } from './accounts.ts'

const tokenStage = 'm.login.registration_token'
const termsStage = 'm.login.terms'
const dummyStage = 'm.login.dummy'

/** What somebody who registers has to do: give a token, accept terms, or nothing at all. */
export function registrationPolicy({
  config,
  accounts,
}: {
  config: Pick<Config, 'registration'>
  accounts: Pick<Accounts, 'checkRegistrationToken'>
}): UiaPolicy {
  const { require_token: requireToken, terms } = config.registration
  const flow: string[] = []
  if (requireToken) flow.push(tokenStage)
  if (terms.length > 0) flow.push(termsStage)
  if (flow.length === 0) flow.push(dummyStage)

  const checkToken: StageCheck = async ({ token }) => {
    if (typeof token !== 'string') throw errors.missingParam('Missing key token')
    if (!(await accounts.checkRegistrationToken(token))) throw errors.forbidden('The registration token is not valid')
    return { result: token }
  }

  return {
    flows: [flow],
    params: terms.length > 0 ? { [termsStage]: { policies: policies(terms) } } : {},
    stages: { [tokenStage]: checkToken, [termsStage]: () => ({}), [dummyStage]: () => ({}) },
  }
}

function policies(terms: Config['registration']['terms']): JsonObject {
  return Object.fromEntries(terms.map(({ id, version, texts }) => [id, { version, ...texts }]))
}
