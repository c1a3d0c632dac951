import { createHash } from 'node:crypto'
import type { Config } from '../../config/schema.ts'
import type { webhookEvents } from '../../config/schema-webhooks.ts'
import type { Database, Tx } from '../../db/database.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { ServerName } from '../../matrix/ids.ts'
import { type Clock, isoTime } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Part } from '../../util/part.ts'
import { randomToken } from '../../util/random.ts'
import type { SafeFetch } from '../../util/safe-fetch.ts'
import { createPost } from './post.ts'

export type WebhookEvent = (typeof webhookEvents)[number]

/** Tells the addresses of the configuration what became of calls. */
export interface Webhooks {
  /** Queues one delivery for each webhook that wants the event, in the transaction of what happened. */
  emit(tx: Tx, event: WebhookEvent, data: JsonObject): Promise<void>
  readonly part: Part
}

export interface WebhooksDeps {
  readonly config: Pick<Config, 'webhooks'>
  readonly serverName: ServerName
  readonly db: Database
  readonly jobs: Pick<Jobs, 'enqueue' | 'handle' | 'discard'>
  readonly clock: Clock
  readonly log: Log
  /** For addresses that others chose. */
  readonly outbound: Pick<SafeFetch, 'fetch'>
}

const kindPrefix = 'webhook '
/** To one receiver. */
const atOnce = 4
const lifetime = 24 * 3_600_000

export function createWebhooks({ config, serverName, db, jobs, clock, log, outbound }: WebhooksDeps): Webhooks {
  const post = createPost({ outbound, clock })
  const hooks = config.webhooks.map((hook) => ({ ...hook, kind: kindOf(hook.url) }))

  for (const { kind, url, secret } of hooks) {
    const deliver = async (payload: JsonObject, signal: AbortSignal) => {
      const { id, event, body, queuedTs } = payload as JsonObject & Delivery
      if (clock.now() > queuedTs + lifetime) {
        log.warn({ webhook: kind, event, id }, 'a webhook did not take an event for a day, which is given up')
        return
      }
      await post({ url, secret, id, event, body }, signal)
    }
    jobs.handle(kind, deliver, { atOnce })
  }

  return {
    emit: async (tx, event, data) => {
      const wanted = hooks.filter(({ events }) => events.includes('*') || events.includes(event))
      if (wanted.length === 0) return
      const id = `evt_${randomToken(16)}`
      const queuedTs = clock.now()
      const body = JSON.stringify({ id, event, ts: queuedTs, time: isoTime(queuedTs), server_name: serverName, data })
      for (const { kind } of wanted) await jobs.enqueue(tx, kind, { id, event, body, queuedTs })
    },
    part: {
      name: 'webhooks',
      start: async () => {
        // What waits for a webhook that is not in the configuration any more has nobody to go to.
        const kinds = hooks.map(({ kind }) => kind)
        await db.write('forget removed webhooks', (tx) => jobs.discard(tx, kindPrefix, kinds))
      },
      stop: () => undefined,
    },
  }
}

interface Delivery {
  readonly id: string
  readonly event: WebhookEvent
  readonly body: string
  readonly queuedTs: number
}

/** Jobs of one receiver. The address may hold a secret, and kinds are logged. */
const kindOf = (url: string) => kindPrefix + createHash('sha256').update(url).digest('hex').slice(0, 12)
