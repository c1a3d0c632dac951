import type { Accounts } from './accounts/accounts.ts'
import type { Core } from './context.ts'
import type { FederationClient } from './federation/client/federation-client.ts'
import type { FederationSender } from './federation/sender/sender.ts'
import type { Jobs } from './jobs/jobs.ts'
import type { Rooms } from './rooms/rooms.ts'
import { createSafeFetch } from './util/safe-fetch.ts'
import type { Calls } from './voip/calls/types.ts'
import type { DelayedEvents } from './voip/delayed/delayed-events.ts'
import { createLivekit, type Livekit } from './voip/livekit/livekit.ts'
import { createLivekitServer, innerUrlOf } from './voip/livekit/livekit-server.ts'
import { createSfuProxy } from './voip/livekit/sfu/sfu-proxy.ts'

interface LivekitParts {
  readonly jobs: Jobs
  readonly accounts: Accounts
  readonly rooms: Rooms
  readonly sender: FederationSender
  readonly calls: Calls
  readonly delayed: DelayedEvents
}

/** Calls over the LiveKit server that the configuration names; undefined where there is none. */
export function composeLivekit(
  core: Core,
  { transport }: FederationClient,
  { jobs, accounts, rooms, sender, calls, delayed }: LivekitParts,
): Livekit | undefined {
  const { config } = core
  const settings = config.voip.livekit
  if (settings === undefined) return undefined
  // The configuration chose whom this reaches.
  const fetch = createSafeFetch({ allowPrivateAddresses: true })
  const livekit = createLivekit({
    ...core,
    jobs,
    settings,
    server: createLivekitServer({ ...core, fetch, settings }),
    proxy:
      settings.internal_url === undefined ? undefined : createSfuProxy({ ...core, fetch, base: innerUrlOf(settings) }),
    publicUrl: () => config.public_url,
    accounts,
    transport,
    sender,
    reads: rooms.reads,
    events: rooms.events,
    delayed,
  })
  rooms.onPersist(livekit.onPersist)
  livekit.participants.onChange((tx, { participant: { roomId, userId, deviceId }, what, ts }) =>
    calls.noteParticipant(tx, { roomId, userId, ...(deviceId !== undefined && { deviceId }), what, ts }),
  )
  jobs.handle('livekit.prune', () =>
    core.db.write('livekit prune', (tx) => livekit.participants.prune(tx, core.clock.now())),
  )
  jobs.schedule('23 4 * * *', 'livekit.prune')
  return livekit
}
