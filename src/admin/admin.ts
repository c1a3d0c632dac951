import type { Accounts } from '../accounts/accounts.ts'
import type { Database } from '../db/database.ts'
import type { Rooms } from '../rooms/rooms.ts'
import type { Clock } from '../util/clock.ts'
import { createReports, type Reports } from './reports/reports.ts'

export interface Admin {
  readonly reports: Reports
}

export interface AdminDeps {
  readonly db: Database
  readonly clock: Clock
  readonly accounts: Pick<Accounts, 'isLocalUser' | 'users'>
  readonly rooms: Pick<Rooms, 'reads'>
}

/** Composes what administrators need. */
export function createAdmin(deps: AdminDeps): Admin {
  return { reports: createReports(deps) }
}
