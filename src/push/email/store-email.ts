import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import type { PusherKey, PusherRow } from '../store-pushers.ts'
import type { Mailed } from './schedule.ts'

interface Progress {
  readonly position: number
  readonly dueTs: number | undefined
  readonly mailed: Mailed | undefined
  readonly unsubscribeHash: string | null
}

const update = prepare(
  (
    qb,
    p: PusherKey & {
      setTs: number
      position: number
      dueTs: number | null
      mailed: string | null
      hash: string | null
    },
  ) =>
    qb
      .updateTable('pushers')
      .set({ position: p.position, retry_ts: p.dueTs, mailed: p.mailed, unsubscribe_hash: p.hash })
      .where('user_id', '=', p.userId)
      .where('app_id', '=', p.appId)
      .where('pushkey', '=', p.pushkey)
      .where('set_ts', '=', p.setTs),
)

const byHash = prepare((qb, p: { hash: string }) =>
  qb.selectFrom('pushers').select(['user_id', 'app_id', 'pushkey']).where('unsubscribe_hash', '=', p.hash),
)

export function parseMailed(row: PusherRow): Mailed | undefined {
  return row.mailed === null ? undefined : (JSON.parse(row.mailed) as Mailed)
}

export function progressOf(row: PusherRow): Progress {
  return {
    position: row.position,
    dueTs: row.retry_ts ?? undefined,
    mailed: parseMailed(row),
    unsubscribeHash: row.unsubscribe_hash,
  }
}

/** Does nothing for a pusher that was set anew meanwhile. */
export async function recordProgress(tx: Tx, row: PusherRow, progress: Progress): Promise<void> {
  await update.run(tx, {
    userId: row.user_id,
    appId: row.app_id,
    pushkey: row.pushkey,
    setTs: row.set_ts,
    position: progress.position,
    dueTs: progress.dueTs ?? null,
    mailed: progress.mailed === undefined ? null : JSON.stringify(progress.mailed),
    hash: progress.unsubscribeHash,
  })
}

/** The pusher whose mails carry the token with this hash. */
export async function getPusherByHash(reader: Reader, hash: string): Promise<PusherKey | undefined> {
  const row = await byHash.first(reader, { hash })
  return row && { userId: row.user_id, appId: row.app_id, pushkey: row.pushkey }
}
