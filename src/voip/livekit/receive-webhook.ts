import { ZodError } from 'zod'
import type { Database } from '../../db/database.ts'
import type { RateLimiter } from '../../http/rate-limit.ts'
import { errors } from '../../matrix/errors.ts'
import type { Clock } from '../../util/clock.ts'
import { networkOf } from '../../util/ip.ts'
import type { Log } from '../../util/log.ts'
import type { LivekitKey } from './access-token.ts'
import type { Participants } from './participants/participants.ts'
import { isFromLivekit, parseWebhook, type Webhook } from './webhook.ts'

export interface WebhookRequest {
  readonly authorization: string | undefined
  readonly body: Uint8Array
  readonly ip: string
}

/** Believes what LiveKit says of its calls. Throws `M_UNAUTHORIZED` for what it has not said, and `M_BAD_JSON`. */
export type ReceiveWebhook = (request: WebhookRequest) => Promise<void>

export interface ReceiveWebhookDeps {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly limiter: RateLimiter
  readonly settings: LivekitKey
  readonly participants: Participants
}

export function createReceiveWebhook(deps: ReceiveWebhookDeps): ReceiveWebhook {
  const { db, clock, log, limiter, settings, participants } = deps

  function read(body: Uint8Array): Webhook | undefined {
    try {
      return parseWebhook(JSON.parse(Buffer.from(body).toString('utf8')), clock.now())
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof ZodError)) throw error
      log.warn({ err: error }, 'LiveKit sent a webhook that cannot be read')
      throw errors.badJson('This is no webhook of LiveKit')
    }
  }

  return async ({ authorization, body, ip }) => {
    if (!isFromLivekit(settings, authorization, body, clock.now())) {
      // LiveKit may say as much as it likes; forgeries may not even fill the log.
      limiter.take('general', networkOf(ip))
      log.warn(
        { ip },
        'a webhook was refused that LiveKit did not sign; see whether webhook.api_key is the key of voip.livekit',
      )
      throw errors.unauthorized('This is not signed by LiveKit')
    }
    const news = read(body)
    if (news !== undefined) await db.write('call webhook', (tx) => participants.told(tx, news))
  }
}
