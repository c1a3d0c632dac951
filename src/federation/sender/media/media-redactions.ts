import type { Database } from '../../../db/database.ts'
import type { Jobs } from '../../../jobs/jobs.ts'
import { tellJob } from '../../../media/delivery/deleter.ts'
import type { Delivery } from '../../../media/delivery/delivery.ts'
import { insertMessage } from '../devices/store-outgoing-devices.ts'

interface Deps {
  readonly db: Database
  readonly jobs: Pick<Jobs, 'handle'>
  readonly media: { readonly delivery: Pick<Delivery, 'takeRedactions'> }
  /** Off: nobody is told. */
  readonly enabled: boolean
  wake(destinations: Iterable<string>): void
}

const pageSize = 100
/** MSC4322, under its unstable name. */
export const redactionType = 'uk.timedout.msc4322.media_redaction'

/** Tells the servers that have copies of our media when it is gone. */
export function handleMediaRedactions({ db, jobs, media, enabled, wake }: Deps): void {
  jobs.handle(tellJob, async (_payload, signal) => {
    for (let count = pageSize; count === pageSize; ) {
      signal.throwIfAborted()
      count = await db.write('tell of deleted media', async (tx) => {
        const redactions = await media.delivery.takeRedactions(tx, pageSize)
        if (!enabled) return redactions.length
        for (const { server, mediaId } of redactions) {
          await insertMessage(tx, server, JSON.stringify({ media_id: mediaId }), redactionType)
        }
        tx.afterCommit(() => wake(new Set(redactions.map(({ server }) => server))))
        return redactions.length
      })
    }
  })
}
