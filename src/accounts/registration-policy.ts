import type { Config } from '../config/schema.ts'
import type { StageCheck, UiaPolicy } from '../http/uia.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { Accounts } from './accounts.ts'
import { emailStage, emailStageCheck } from './threepids/email-stage.ts'
import type { EmailValidations } from './threepids/validations.ts'

const tokenStage = 'm.login.registration_token'
const termsStage = 'm.login.terms'
const dummyStage = 'm.login.dummy'

/** What somebody who registers has to do: give a token, accept terms, confirm a mail address, or nothing at all. */
export function registrationPolicy({
  config,
  accounts,
  emails,
}: {
  config: Pick<Config, 'registration'>
  accounts: Pick<Accounts, 'checkRegistrationToken'>
  emails: EmailValidations
}): UiaPolicy {
  const { require_token: requireToken, require_email: requireEmail, terms } = config.registration
  const flow: string[] = []
  if (requireToken) flow.push(tokenStage)
  if (terms.length > 0) flow.push(termsStage)
  const withEmail = [...flow, emailStage]
  if (flow.length === 0) flow.push(dummyStage)
  const flows = requireEmail ? [withEmail] : emails.isEnabled ? [flow, withEmail] : [flow]

  const checkToken: StageCheck = async ({ token }) => {
    if (typeof token !== 'string') throw errors.missingParam('Missing key token')
    if (!(await accounts.checkRegistrationToken(token))) throw errors.forbidden('The registration token is not valid')
    return { result: token }
  }

  return {
    flows,
    params: terms.length > 0 ? { [termsStage]: { policies: policies(terms) } } : {},
    stages: {
      [tokenStage]: checkToken,
      [termsStage]: () => ({}),
      [dummyStage]: () => ({}),
      [emailStage]: emailStageCheck(emails, 'register'),
    },
  }
}

function policies(terms: Config['registration']['terms']): JsonObject {
  return Object.fromEntries(terms.map(({ id, version, texts }) => [id, { version, ...texts }]))
}
