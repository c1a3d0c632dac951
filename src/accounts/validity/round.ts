import type { Database, Reader, Tx } from '../../db/database.ts'
import type { JobHandler } from '../../jobs/jobs.ts'
import type { MailQueue } from '../../jobs/mail.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import type { Accounts } from '../accounts.ts'
import { listDue, listEnding, listEndless } from './store-renewals.ts'

interface Deps {
  readonly db: Database
  readonly clock: Clock
  readonly mail: Pick<MailQueue, 'isConfigured'>
  readonly accounts: Pick<Accounts, 'users' | 'validity'>
  readonly renewAt: number
  mailLink(tx: Tx, userId: UserId): Promise<void>
}

const page = 200
const mailPage = 20

/** Goes through the accounts: those that should end get an end, others lose theirs, and owners are told in time. */
export function createRound({ db, clock, mail, accounts, renewAt, mailLink }: Deps): JobHandler {
  const { users, validity } = accounts

  async function setEnds(
    list: (reader: Reader) => Promise<UserId[]>,
    end: () => number | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    for (let isDone = false; !isDone && !signal.aborted; ) {
      isDone = await db.write('ends of accounts', async (tx) => {
        const userIds = await list(tx)
        if (userIds.length > 0) await users.setEnds(tx, userIds, end())
        return userIds.length === 0
      })
    }
  }

  async function sendMails(signal: AbortSignal): Promise<void> {
    const upTo = clock.now() + renewAt
    for (let after: string | undefined = ''; after !== undefined && !signal.aborted; ) {
      const from: string = after
      after = await db.write('renewal mails', async (tx) => {
        const userIds = await listDue(tx, { upTo, after: from, limit: mailPage })
        for (const userId of userIds) await mailLink(tx, userId)
        return userIds.at(-1)
      })
    }
  }

  return async (_payload, signal) => {
    const isEnabled = validity.period !== undefined
    const forever = () => undefined
    await setEnds((reader) => listEnding(reader, isEnabled ? 'exempt' : 'all', page), forever, signal)
    if (isEnabled) await setEnds((reader) => listEndless(reader, page), validity.newEnd, signal)
    if (isEnabled && mail.isConfigured) await sendMails(signal)
  }
}
