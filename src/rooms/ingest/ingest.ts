import type { Database } from '../../db/database.ts'
import type { FederationTransport, Keyring } from '../../federation/client/ports.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { TimerClock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Part } from '../../util/part.ts'
import type { SharedLock } from '../../util/shared-lock.ts'
import type { LocalMembers } from '../local-members.ts'
import { handleFills } from '../partial/fill-state.ts'
import type { PersistDeps } from '../persist/deps.ts'
import type { RoomPolicies } from '../policy/policies.ts'
import type { RoomView } from '../room-view.ts'
import { createAccept } from './accept.ts'
import { createBackfill } from './backfill.ts'
import { createEnter } from './enter.ts'
import { createFetchEvent } from './fetch-event.ts'
import { createComplete } from './gaps/complete.ts'
import { createOutliers } from './outliers.ts'
import { createPlacer } from './placer.ts'
import type { Ingest } from './ports.ts'
import { createReceive } from './receive.ts'
import type { Resolutions } from './resolutions.ts'
import { createIngestWorker } from './worker.ts'

export interface IngestDeps extends PersistDeps {
  readonly db: Database
  readonly jobs: Pick<Jobs, 'enqueue' | 'handle'>
  readonly clock: TimerClock
  readonly log: Log
  readonly view: RoomView
  readonly localMembers: LocalMembers
  readonly transport: FederationTransport
  readonly keyring: Keyring
  readonly policies: RoomPolicies
  readonly resolutions: Resolutions
  /** Shared by what fetches states, until they stand in the room. */
  readonly stateLock: Pick<SharedLock, 'shared'>
}

/** Composes the way of events of other servers into our rooms. */
export function createIngest(deps: IngestDeps): Ingest & { readonly part: Part } {
  const placer = createPlacer(deps)
  const outliers = createOutliers(deps)
  const { stateLock } = deps
  const complete = createComplete({ ...deps, placer, outliers })
  const enter = createEnter({ ...deps, outliers, placer })
  const backfill = createBackfill({ ...deps, placer, outliers })
  const worker = createIngestWorker({
    ...deps,
    placer,
    complete: (roomId, ...rest) => stateLock.shared(roomId, () => complete(roomId, ...rest)),
  })
  handleFills({ ...deps, outliers, wake: worker.retry })
  return {
    receive: createReceive({ ...deps, wake: worker.wake }),
    accept: createAccept({ ...deps, placer }),
    enter: (entry) => stateLock.shared(entry.roomId, () => enter(entry)),
    backfill: (roomId, ...rest) => stateLock.shared(roomId, () => backfill(roomId, ...rest)),
    fetchEvent: createFetchEvent(deps),
    drain: worker.drain,
    part: worker.part,
  }
}
