import type { Accounts } from '../../../accounts/accounts.ts'
import type { Database } from '../../../db/database.ts'
import type { Jobs } from '../../../jobs/jobs.ts'
import type { UserId } from '../../../matrix/ids.ts'
import type { Media } from '../../../media/media.ts'
import type { Rooms } from '../../../rooms/rooms.ts'
import type { Log } from '../../../util/log.ts'
import type { Mailer } from '../../../util/mailer.ts'
import type { BotRuntime } from '../../runtime/runtime.ts'

export interface ForwardingDeps {
  readonly db: Database
  readonly log: Log
  readonly jobs: Pick<Jobs, 'enqueue' | 'handle'>
  readonly accounts: Pick<Accounts, 'accountData' | 'isLocalUser' | 'threepids'>
  readonly media: Pick<Media, 'downloads' | 'served'>
  readonly rooms: Pick<Rooms, 'events' | 'reads'>
  /** Undefined: this server sends no mail. */
  readonly mailer: Mailer | undefined
  readonly act: BotRuntime['act']
  readonly botId: UserId
  readonly options: { readonly appName: string; publicUrl(): string }
}
