import type { Tx } from '../db/database.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { TimerClock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { type MailText, renderMail } from '../util/mail-layout.ts'
import { type Mailer, MailRefused } from '../util/mailer.ts'
import { randomToken } from '../util/random.ts'
import type { JobHandler, Jobs } from './jobs.ts'

export interface OutgoingMail extends MailText {
  /** One plain address, see `canonicalEmail`. */
  readonly to: string
  readonly subject: string
  /** When the mail is of no use any more, in ms since 1970; default two days after it was queued. */
  readonly expiresTs?: number
  readonly unsubscribeUrl?: string
  /** At most one mail of its kind waits under a key. */
  readonly key?: string
  /** Mail that nobody is waiting for, and that may be much: it holds up no other. */
  readonly isBulk?: boolean
}

/** Mail on its way out. It is sent after the transaction that queued it, and again until the mail server takes it. */
export interface MailQueue {
  /** Whether this server can send mail at all. */
  readonly isConfigured: boolean
  /** The name under which the server writes, for use in texts. */
  readonly appName: string
  /** False where a mail waits under the key already. Throws `M_THREEPID_DENIED` where no mail server is configured. */
  enqueue(tx: Tx, mail: OutgoingMail): Promise<boolean>
  /** Takes back the bulk mail that waits under a key. */
  cancelBulk(tx: Tx, key: string): Promise<void>
}

const kinds = { single: 'mail', bulk: 'mail.bulk' }
const defaultLifetime = 2 * 24 * 3_600_000

export interface MailQueueDeps {
  readonly jobs: Jobs
  readonly clock: TimerClock
  readonly log: Log
  /** Undefined: none is configured. */
  readonly mailer: Mailer | undefined
  readonly appName: string
}

export function createMailQueue({ jobs, clock, log, mailer, appName }: MailQueueDeps): MailQueue {
  const send =
    (kind: string): JobHandler =>
    async (payload, signal) => {
      const { to, subject, text, html, id, expiresTs, unsubscribeUrl } = payload as JsonObject & QueuedMail
      if (mailer === undefined || expiresTs <= clock.now()) {
        log.warn({ mail: id, kind }, 'a mail was given up before the mail server took it')
        return
      }
      try {
        await mailer.send({ to, subject, text, html, id, unsubscribeUrl }, signal)
      } catch (error) {
        if (!(error instanceof MailRefused)) throw error
        log.warn({ err: error, mail: id, kind }, 'the mail server refused a mail for good')
      }
    }
  for (const kind of Object.values(kinds)) jobs.handle(kind, send(kind))

  return {
    isConfigured: mailer !== undefined,
    appName,
    enqueue: async (
      tx,
      { to, subject, expiresTs = clock.now() + defaultLifetime, unsubscribeUrl, key, isBulk = false, ...content },
    ) => {
      if (mailer === undefined) throw errors.threepidDenied('This server sends no mail')
      const mail: QueuedMail = { to, subject, ...renderMail(content), id: randomToken(16), expiresTs }
      const payload: JsonObject = { ...mail, ...(unsubscribeUrl !== undefined && { unsubscribeUrl }) }
      return jobs.enqueue(tx, isBulk ? kinds.bulk : kinds.single, payload, key === undefined ? {} : { key })
    },
    cancelBulk: (tx, key) => jobs.cancel(tx, kinds.bulk, key),
  }
}

interface QueuedMail {
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly id: string
  readonly expiresTs: number
  readonly unsubscribeUrl?: string
}
