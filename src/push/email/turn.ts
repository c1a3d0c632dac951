import type { Accounts } from '../../accounts/accounts.ts'
import { hashToken } from '../../accounts/tokens.ts'
import type { Database, Reader } from '../../db/database.ts'
import type { MailQueue } from '../../jobs/mail.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import type { Outcome } from '../../util/lanes.ts'
import { LruMap } from '../../util/lru.ts'
import { createGate } from '../delivery/gate.ts'
import { nameOf } from '../delivery/store-delivery.ts'
import type { ListNotified } from '../notified/notified.ts'
import { getPusherRow, type PusherKey, type PusherRow } from '../store-pushers.ts'
import { collectNews } from './collect.ts'
import type { Compose, Letter } from './compose.ts'
import { type EmailPushers, mailKeyOf } from './email-pushers.ts'
import { dueAfter, type Mailed, patience, ripeAt } from './schedule.ts'
import { parseMailed, progressOf, recordProgress } from './store-email.ts'
import { hasReadAny, oldestOf } from './told.ts'

/** Looks whether a mail is due, and queues it. Whoever calls it sees to it that a pusher has one turn at a time. */
export type TakeEmailTurn = (key: PusherKey) => Promise<Outcome>

/** The newest unread events that a mail knows of. */
const maxNews = 100

/** What came of looking: a mail to queue, or when to look again (undefined: when something happens). */
type Look =
  | { readonly row: PusherRow; readonly at: number; readonly letter: Letter; readonly mailed: Mailed }
  | { readonly row: PusherRow; readonly dueTs: number | undefined; readonly looked?: number }

interface Deps {
  readonly db: Database
  readonly clock: Clock
  readonly users: Pick<Accounts['users'], 'get'>
  readonly validity: Pick<Accounts['validity'], 'isExpired'>
  readonly list: ListNotified
  readonly compose: Compose
  readonly mail: Pick<MailQueue, 'isConfigured' | 'enqueue'>
  readonly emailPushers: Pick<EmailPushers, 'tokenOf'>
  linkTo(token: string): string
}

export function createEmailTurns(deps: Deps): TakeEmailTurn {
  const { db, clock, users, validity, list, compose, mail, emailPushers, linkTo } = deps
  /** Positions up to which a pusher was found to owe nothing. */
  const looked = new LruMap<string, number>(100_000)
  const inTurn = createGate(2)

  async function look(reader: Reader, key: PusherKey): Promise<Look | undefined> {
    const row = await getPusherRow(reader, key)
    if (row === undefined || row.enabled !== 1 || row.kind !== 'email') return undefined
    // Only local users have pushers, and their ids are valid.
    const userId = row.user_id as UserId
    const user = await users.get(reader, userId)
    if (user === undefined || user.isLocked || user.isSuspended || user.isDeactivated) return undefined
    if (validity.isExpired(user)) return undefined
    const now = clock.now()
    const dueTs = row.retry_ts ?? undefined
    const last = parseMailed(row)
    const hasRead = async () => last !== undefined && (await hasReadAny(reader, userId, last.told))
    if (dueTs !== undefined && dueTs > now) {
      // Whoever reads is here again, and may be about to read the rest.
      return { row, dueTs: dueTs - now > patience && (await hasRead()) ? now + patience : dueTs }
    }
    const after = Math.max(row.position, looked.get(nameOf(key)) ?? 0)
    const news = await collectNews(list, reader, userId, { after, limit: dueTs === undefined ? 1 : maxNews })
    const { found, at, isTruncated } = news
    if (found.length === 0) return { row, dueTs: undefined, looked: at }
    if (dueTs === undefined) return { row, dueTs: dueAfter(now, (await hasRead()) ? undefined : last) }
    const ripeTs = ripeAt(
      now,
      isTruncated ? undefined : Math.min(...found.map((one) => one.event.pdu.origin_server_ts)),
    )
    if (ripeTs > now) return { row, dueTs: ripeTs }
    const letter = await compose(reader, userId, news)
    const count = (await hasRead()) ? 1 : (last?.count ?? 0) + 1
    return { row, at, letter, mailed: { count, ts: now, told: oldestOf(found) } }
  }

  async function waitUntil(row: PusherRow, dueTs: number | undefined): Promise<Outcome> {
    if ((row.retry_ts ?? undefined) !== dueTs) {
      await db.write('mail planned', (tx) => recordProgress(tx, row, { ...progressOf(row), dueTs }))
    }
    return dueTs === undefined ? {} : { retryTs: dueTs }
  }

  /** The mail and the note that it was written are one transaction, so that neither is there without the other. */
  async function send(key: PusherKey, { row, at, letter, mailed }: Extract<Look, { at: number }>): Promise<Outcome> {
    const token = emailPushers.tokenOf(key, row.created_ts)
    const unsubscribeHash = hashToken(token)
    const text = letter({ address: row.pushkey, unsubscribeUrl: linkTo(token) })
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
    if ('letter' in seen) return send(key, seen)
    if (seen.looked !== undefined) looked.set(nameOf(key), seen.looked)
    return waitUntil(seen.row, seen.dueTs)
  }
}
