import type { Database } from '../../db/database.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import { serverRecipient } from './recipients.ts'
import type { Settle } from './settle.ts'
import { addPause, getDelivery, listFollowed } from './store-deliveries.ts'
import { listAwaiting, listLacking } from './store-recipients.ts'

/** Works out anew when media is due, after a policy or a hold: `{room?, user?, media?, sha256?}`, or all. */
export const resettleJob = 'media.settle'
/** A server was away and is back: `{server, from, to}`. */
export const serverBackJob = 'media.server back'

const pageSize = 100

interface Deps {
  readonly db: Database
  readonly jobs: Pick<Jobs, 'handle'>
  readonly settle: Settle
}

/** Handles what changes for much media at once. */
export function handleResettling({ db, jobs, settle }: Deps): void {
  jobs.handle(resettleJob, async ({ room, user, media, sha256 }, signal) => {
    // The payload is ours.
    const of = {
      ...(room !== undefined && { roomNid: Number(room) }),
      ...(user !== undefined && { uploader: String(user) }),
      ...(media !== undefined && { mediaNid: Number(media) }),
      ...(sha256 !== undefined && { sha256: String(sha256) }),
    }
    for (let after: number | undefined = 0; after !== undefined; ) {
      signal.throwIfAborted()
      const from: number = after
      after = await db.write('media: settle', async (tx) => {
        const page = await listFollowed(tx, of, { after: from, limit: pageSize })
        for (const nid of page) await settle(tx, nid)
        return page.at(-1)
      })
    }
  })

  jobs.handle(serverBackJob, async ({ server, from, to }, signal) => {
    const recipient = serverRecipient(String(server))
    const [since, until] = [Number(from), Number(to)]
    for (let after: number | undefined = 0; after !== undefined; ) {
      signal.throwIfAborted()
      const start: number = after
      after = await db.write('media: server back', async (tx) => {
        const page = await listAwaiting(tx, recipient, { after: start, limit: pageSize })
        for (const nid of page) {
          const state = await getDelivery(tx, nid)
          const missed = state ? until - Math.max(since, state.linked_ts) : 0
          if (missed <= 0 || !(await listLacking(tx, nid)).includes(recipient)) continue
          await addPause(tx, nid, missed)
          await settle(tx, nid)
        }
        return page.at(-1)
      })
    }
  })
}
