import type { Accounts } from '../../accounts/accounts.ts'
import type { Database, Reader } from '../../db/database.ts'
import type { MailQueue, OutgoingMail } from '../../jobs/mail.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import { LruMap } from '../../util/lru.ts'
import { createGate } from '../delivery/gate.ts'
import type { Outcome } from '../delivery/lanes.ts'
import { nameOf } from '../delivery/store-delivery.ts'
import type { ListNotified } from '../notified/notified.ts'
import { getPusherRow, type PusherKey, type PusherRow } from '../store-pushers.ts'
import { collectNews } from './collect.ts'
import type { Compose } from './compose.ts'
import { type EmailPushers, mailKeyOf } from './email-pushers.ts'
import { type Decision, decide, type Mailed, patience } from './schedule.ts'
import { parseMailed, progressOf, recordProgress } from './store-email.ts'

/** Looks whether a mail is due, and queues it. Whoever calls it sees to it that a pusher has one turn at a time. */
export type TakeEmailTurn = (key: PusherKey) => Promise<Outcome>

/** The newest unread events that a mail knows of. */
const maxNews = 100

type Ready = { readonly kind: 'mail'; readonly text: OutgoingMail; readonly mailed: Mailed }
type Look = {
  readonly row: PusherRow
  readonly at: number
  readonly step: Exclude<Decision, { kind: 'mail' }> | Ready | undefined
}

interface Deps {
  readonly db: Database
  readonly clock: Clock
  readonly users: Pick<Accounts['users'], 'get'>
  readonly validity: Pick<Accounts['validity'], 'isExpired'>
  readonly list: ListNotified
  readonly compose: Compose
  readonly mail: Pick<MailQueue, 'isConfigured' | 'enqueue'>
  readonly emailPushers: Pick<EmailPushers, 'tokenOf' | 'tokenHashOf'>
  linkTo(token: string): string
}

export function createEmailTurns(deps: Deps): TakeEmailTurn {
  const { db, clock, users, validity, list, compose, mail, emailPushers, linkTo } = deps
  /** Positions up to which a pusher was found to owe nothing. */
  const looked = new LruMap<string, number>(100_000)
  const inTurn = createGate(2)

  async function hasReadSince(reader: Reader, userId: UserId, mailed: Mailed): Promise<boolean> {
    const { from: after, to: upTo, told: limit } = mailed
    return (await collectNews(list, reader, userId, { after, upTo, limit })).found.length < limit
  }

  async function look(reader: Reader, key: PusherKey): Promise<Look | undefined> {
    const row = await getPusherRow(reader, key)
    if (row === undefined || row.enabled !== 1 || row.kind !== 'email') return undefined
    // Only local users have pushers, and their ids are valid.
    const userId = row.user_id as UserId
    const user = await users.get(reader, userId)
    if (user === undefined || user.isLocked || user.isSuspended || user.isDeactivated) return undefined
    if (validity.isExpired(user)) return undefined
    const after = Math.max(row.position, looked.get(nameOf(key)) ?? 0)
    const news = await collectNews(list, reader, userId, { after, limit: maxNews })
    const { found, at, isTruncated } = news
    if (found.length === 0) return { row, at, step: undefined }
    const last = parseMailed(row)
    const hasRead = last !== undefined && (await hasReadSince(reader, userId, last))
    const oldestTs = isTruncated ? undefined : Math.min(...found.map(({ event }) => event.pdu.origin_server_ts))
    const now = clock.now()
    const step = decide({ now, dueTs: row.retry_ts ?? undefined, oldestTs, mailed: last, hasRead })
    if (step.kind === 'wait') return { row, at, step }
    const unsubscribeUrl = linkTo(emailPushers.tokenOf(key, row.created_ts))
    const text = await compose(reader, { userId, address: row.pushkey, unsubscribeUrl }, news)
    const count = hasRead ? 1 : (last?.count ?? 0) + 1
    const mailed = { count, ts: now, from: row.position, to: at, told: found.length }
    return { row, at, step: { kind: 'mail', text, mailed } }
  }

  async function waitUntil(row: PusherRow, dueTs: number | undefined): Promise<Outcome> {
    if ((row.retry_ts ?? undefined) !== dueTs) {
      await db.write('mail planned', (tx) => recordProgress(tx, row, { ...progressOf(row), dueTs }))
    }
    return dueTs === undefined ? {} : { retryTs: dueTs }
  }

  /** The mail and the note that it was written are one transaction, so that neither is there without the other. */
  async function send(key: PusherKey, row: PusherRow, at: number, { text, mailed }: Ready): Promise<Outcome> {
    const unsubscribeHash = emailPushers.tokenHashOf(key, row.created_ts)
    const isQueued = await db.write('mail about unread messages', async (tx) => {
      const present = await getPusherRow(tx, key)
      // It was set anew meanwhile, or is gone; then it has another turn, or none.
      if (present?.set_ts !== row.set_ts || present.enabled !== 1) return true
      if (!(await mail.enqueue(tx, { ...text, key: mailKeyOf(key) }))) return false
      await recordProgress(tx, row, { position: at, dueTs: undefined, mailed, unsubscribeHash })
      return true
    })
    // The mail server has not taken the one before: this one can wait, and then say more.
    return isQueued ? {} : waitUntil(row, clock.now() + patience)
  }

  return async (key) => {
    if (!mail.isConfigured) return {}
    const seen = await inTurn(() => db.read((reader) => look(reader, key)))
    if (seen === undefined) return {}
    const { row, at, step } = seen
    if (step?.kind === 'mail') return send(key, row, at, step)
    if (step === undefined) looked.set(nameOf(key), at)
    return waitUntil(row, step?.until)
  }
}
