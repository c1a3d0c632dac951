import type { UiaSession } from '../../http/uia-session.ts'
import { errors } from '../../matrix/errors.ts'
import type { Json } from '../../matrix/event.ts'
import { randomToken } from '../../util/random.ts'
import type { SentMail } from '../pages-fallback.ts'
import { type EmailStageDeps, emailStageCheck, passwordEmailStage } from './email-stage.ts'

/** What the page of the stage remembers between its two steps. */
export function sentMailOf(fields: URLSearchParams | undefined): SentMail | undefined {
  const sid = fields?.get('sid')
  if (!fields || !sid) return undefined
  return { sid, address: fields.get('email') ?? '', clientSecret: fields.get('secret') ?? '' }
}

/** The first step: sends the mail. Throws like `EmailValidations.request`. */
export async function sendFallbackMail(
  { emails }: EmailStageDeps,
  session: UiaSession,
  fields: URLSearchParams,
): Promise<SentMail> {
  const address = (fields.get('email') ?? '').trim()
  const clientSecret = randomToken(18)
  const purpose = purposeOf(session)
  const sid = await emails.request({ purpose, email: address, clientSecret, sendAttempt: 1, userId: session.userId })
  return { address, sid, clientSecret }
}

/** The second step: the result of the stage once the link has been opened; throws as long as it has not. */
export async function checkFallbackMail(deps: EmailStageDeps, session: UiaSession, sent: SentMail): Promise<Json> {
  const stage = purposeOf(session) === 'register' ? emailStageCheck(deps.emails, 'register') : passwordEmailStage(deps)
  const credentials = { sid: sent.sid, client_secret: sent.clientSecret }
  const { userId, result = true } = await stage({ threepid_creds: credentials }, session)
  if (session.userId !== undefined && userId !== undefined && session.userId !== userId) {
    throw errors.forbidden('This address belongs to another account')
  }
  return result
}

function purposeOf({ operation }: UiaSession): 'register' | 'password' {
  return operation.startsWith('POST /_matrix/client/v3/register') ? 'register' : 'password'
}
