import type { Accounts } from './accounts/accounts.ts'
import type { Core } from './context.ts'
import type { FederationClient } from './federation/client/federation-client.ts'
import type { FederationSender } from './federation/sender/sender.ts'
import type { Jobs } from './jobs/jobs.ts'
import type { Rooms } from './rooms/rooms.ts'
import { createSafeFetch } from './util/safe-fetch.ts'
import { createLivekit, type Livekit } from './voip/livekit/livekit.ts'
import { createLivekitServer } from './voip/livekit/livekit-server.ts'

/** Calls over the LiveKit server that the configuration names; undefined where there is none. */
export function composeLivekit(
  core: Core,
  { transport }: FederationClient,
  { jobs, accounts, rooms, sender }: { jobs: Jobs; accounts: Accounts; rooms: Rooms; sender: FederationSender },
): Livekit | undefined {
  const { config } = core
  const settings = config.voip.livekit
  if (settings === undefined) return undefined
  // The configuration chose whom this reaches.
  const fetch = createSafeFetch({ allowPrivateAddresses: true })
  const livekit = createLivekit({
    ...core,
    settings,
    server: createLivekitServer({ ...core, fetch, settings }),
    publicUrl: () => config.public_url,
    accounts,
    transport,
    sender,
    reads: rooms.reads,
  })
  jobs.handle('livekit.prune', () =>
    core.db.write('livekit prune', (tx) => livekit.participants.prune(tx, core.clock.now())),
  )
  jobs.schedule('23 4 * * *', 'livekit.prune')
  return livekit
}
