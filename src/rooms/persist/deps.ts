import type { Streams } from '../../db/streams.ts'
import type { ServerName } from '../../matrix/ids.ts'
import type { EventCache } from '../event-cache.ts'
import type { States } from '../states.ts'
import type { PersistHook } from '../types.ts'

export interface PersistDeps {
  readonly streams: Streams
  readonly states: States
  readonly events: EventCache
  readonly serverName: ServerName
  readonly hooks: readonly PersistHook[]
}
