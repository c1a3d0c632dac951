import { createIngest, type IngestDeps } from './ingest/ingest.ts'
import { createRemote, type Remote, type RemoteParts } from './remote/remote.ts'

type FederatedDeps = IngestDeps & Omit<RemoteParts, 'ingest'>

/** What rooms have only where there are other servers: the way of their events to us, and ours into their rooms. */
export function createFederatedRooms(deps: FederatedDeps): { ingest: ReturnType<typeof createIngest>; remote: Remote } {
  const ingest = createIngest(deps)
  return { ingest, remote: createRemote({ ...deps, ingest }) }
}
