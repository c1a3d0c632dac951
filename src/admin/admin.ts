import type { Accounts } from '../accounts/accounts.ts'
import type { Database } from '../db/database.ts'
import type { Media } from '../media/media.ts'
import type { Rooms } from '../rooms/rooms.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { createLegalHolds, type LegalHolds } from './holds/holds.ts'
import { createNotices, type Notices, type NoticesOptions } from './notices/notices.ts'
import { createPurges, type Purges, type PurgesDeps } from './purges/purges.ts'
import { createReports, type Reports } from './reports/reports.ts'

export interface Admin {
  readonly reports: Reports
  readonly notices: Notices
  readonly holds: LegalHolds
  readonly purges: Purges
}

export interface AdminDeps {
  readonly db: Database
  readonly clock: Clock
  readonly accounts: Pick<Accounts, 'accountData' | 'isLocalUser' | 'users' | 'noticesUser'>
  readonly log: Log
  readonly media: Pick<Media, 'delivery'>
  readonly rooms: Pick<Rooms, 'create' | 'events' | 'membership' | 'reads'> & PurgesDeps['rooms']
  readonly jobs: PurgesDeps['jobs']
  readonly sender: PurgesDeps['sender']
  readonly notices: NoticesOptions
}

/** Composes what administrators need. */
export function createAdmin({ notices, ...deps }: AdminDeps): Admin {
  return {
    reports: createReports(deps),
    notices: createNotices({ ...deps, options: notices }),
    holds: createLegalHolds(deps),
    purges: createPurges(deps),
  }
}
